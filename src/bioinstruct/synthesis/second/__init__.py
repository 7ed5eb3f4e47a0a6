"""The second implementation: it derives the answer of a record from its text alone.

It shares neither formulas nor names nor units with the generator, so that an error in one of the
two shows as a disagreement. No module here imports from the generator.
"""

from __future__ import annotations

from bioinstruct.synthesis.second.answers import Answer
from bioinstruct.synthesis.second.extracts import EXTRACTS
from bioinstruct.synthesis.second.formulas import FORMULAS
from bioinstruct.synthesis.second.records import RECORDS
from bioinstruct.synthesis.second.sequences import SEQUENCES
from bioinstruct.synthesis.second.tallies import TALLIES

__all__ = ["ANSWERS", "Answer"]

ANSWERS: dict[str, Answer] = {**FORMULAS, **TALLIES, **SEQUENCES, **RECORDS, **EXTRACTS}
"""The answer of each kind, by the name of the kind."""
