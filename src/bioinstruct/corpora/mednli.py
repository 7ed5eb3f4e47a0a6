"""MedNLI: does one clinical sentence follow from another, contradict it, or neither?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from bioinstruct.corpora.base import Access, Corpus, Row, choose
from bioinstruct.corpora.formats.archive import one
from bioinstruct.corpora.formats.records import records_of
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

LABELS = ("Entailment", "Neutral", "Contradiction")
FILES = {
    "train": "mli_train_v1.jsonl",
    "validation": "mli_dev_v1.jsonl",
    "test": "mli_test_v1.jsonl",
}
_MEANING = (
    "Entailment (it must be true), Neutral (it may or may not be) or Contradiction (it cannot be)"
)
WORDINGS = (
    f"Given sentence 1 of a patient's history, what holds for sentence 2? Answer {_MEANING}.",
    f"Classify the relation of the two clinical sentences: {_MEANING}, taking sentence 1 as true.",
    f"Sentence 1 is from a clinical note. What can be said of sentence 2? {_MEANING}.",
    "Does sentence 2 follow from sentence 1, contradict it, or neither? Answer Entailment, "
    "Contradiction or Neutral.",
    f"Judge the hypothesis in sentence 2 by the premise in sentence 1 as {_MEANING}.",
)


class Pair(BaseModel):
    """What is used of a record, under the names that the file gives it."""

    pairID: str
    gold_label: Literal["entailment", "neutral", "contradiction"]
    sentence1: str
    sentence2: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Pairs in file order, in the layout that Llama2-MedTuned published."""
    file = one(folder, FILES[split])
    for _, pair in records_of(file.text, file.path, Pair):
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


CORPUS = Corpus(
    name="mednli",
    title="MedNLI",
    category=Category.OTHER,
    license="LicenseRef-PhysioNet-Credentialed-1.5.0",
    revision="1.0.0",
    homepage="https://physionet.org/content/mednli/",
    folder="mednli",
    splits=tuple(FILES),
    citation=(
        "Romanov A, Shivade C. Lessons from Natural Language Inference in the Clinical Domain. "
        "EMNLP 2018, 1586-1596. doi:10.18653/v1/D18-1187"
    ),
    reader=read,
    access=Access.CREDENTIALED,
    checked=False,
)

CORPORA = (CORPUS,)
