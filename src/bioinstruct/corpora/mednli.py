"""MedNLI: does one clinical sentence follow from another, contradict it, or neither?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.archive import one
from bioinstruct.corpora.formats.records import records_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

LABELS = described("mednli").labels
FILES = {
    "train": "mli_train_v1.jsonl",
    "validation": "mli_dev_v1.jsonl",
    "test": "mli_test_v1.jsonl",
}
WORDINGS = wordings("mednli")["clinical-inference"]


class Pair(BaseModel):
    """Fields used from a record, under their names in the file."""

    pairID: str
    gold_label: Literal["entailment", "neutral", "contradiction"]
    sentence1: str
    sentence2: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the pairs in file order, in the layout that Llama2-MedTuned published."""
    file = one(folder, FILES[split])
    for _, _, pair in records_of(file.lenient_text, file.path, Pair):
        if isinstance(pair, DataError):
            yield pair
            continue
        first, second = pair.sentence1.strip(), pair.sentence2.strip()
        input = f"Sentence 1: {first}\nSentence 2: {second}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=pair.gold_label.capitalize(),
            category=Category.OTHER,
            task="clinical-inference",
            provenance=CORPUS.provenance(split=split, document=pair.pairID),
        )


CORPUS = described("mednli")
