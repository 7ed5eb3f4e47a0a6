"""BIOSSES: how similar two sentences of the biomedical literature are, from 0 to 4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "HIGHEST"]

HIGHEST = described("biosses").highest
"""The score of two sentences that mean the same; 0 is that of unrelated ones."""

FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
WORDINGS = wordings("biosses")["sentence-similarity"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the pairs in file order, each with its row in the authors' table, from 0."""
    path = resolve_gz(folder / FILES[split])
    columns = ("old_index", "sentence1", "sentence2", "score")
    for found in rows(path, columns=columns, delimiter="\t"):
        if isinstance(found, DataError):
            yield found
            continue
        line, row = found
        score = row["score"]
        if not re.fullmatch(r"[0-3]\.\d|4\.0", score):
            fault = f"score: expected 0.0 to 4.0 with one decimal, found {score!r}"
            yield DataError(fault, path=path, line=line)
            continue
        first, second = (" ".join(row[name].split()) for name in ("sentence1", "sentence2"))
        input = f"Sentence 1: {first}\nSentence 2: {second}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=score,
            category=Category.OTHER,
            task="sentence-similarity",
            provenance=CORPUS.provenance(split=split, document=row["old_index"]),
        )


CORPUS = described("biosses")
