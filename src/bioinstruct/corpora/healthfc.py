"""HealthFC: is a health claim supported by the evidence, refuted, or neither?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

VERDICTS = {"0": "Supported", "1": "Not enough information", "2": "Refuted"}
LABELS = tuple(VERDICTS.values())
WORDINGS = wordings("healthfc")["claim-verification"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the English claims in file order, with the sentences that support the verdict."""
    path = resolve_gz(folder / "Datensatz.csv")
    for found in rows(path, columns=("en_claim", "en_top_sentences", "label", "url")):
        if isinstance(found, DataError):
            yield found
            continue
        line, row = found
        if row["label"] not in VERDICTS:
            fault = f"label: unknown {row['label']!r}; known: {', '.join(VERDICTS)}"
            yield DataError(fault, path=path, line=line)
            continue
        claim, evidence = (" ".join(row[name].split()) for name in ("en_claim", "en_top_sentences"))
        if not claim or not evidence:
            empty = "en_top_sentences" if claim else "en_claim"
            yield DataError(f"{empty}: expected a text", path=path, line=line)
            continue
        input = f"Claim: {claim}\n\nEvidence: {evidence}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=VERDICTS[row["label"]],
            category=Category.QA,
            task="claim-verification",
            provenance=CORPUS.provenance(split=split, document=row["url"]),
        )


CORPUS = described("healthfc")
