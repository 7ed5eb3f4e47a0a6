"""MeQSum: the short question that a long message of a patient comes down to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.xlsx import rows
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

SHARES = {"train": 70, "validation": 10, "test": 20}
WORDINGS = wordings("meqsum")["question-summary"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in the order of the sheet."""
    path = folder / "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx"
    for line, row in rows(path, columns=("File", "CHQ", "Summary")):
        document, question, summary = (row[name].strip() for name in ("File", "CHQ", "Summary"))
        if not (document and question and summary):
            yield DataError("expected File, CHQ and Summary, found one empty", path=path, line=line)
        elif split_of(document, SHARES) == split:
            yield Instruction(
                instruction=choose(WORDINGS, question, seed),
                input=question,
                output=summary,
                category=Category.GEN,
                task="question-summary",
                provenance=CORPUS.provenance(split=split, document=document),
            )


CORPUS = described("meqsum")
