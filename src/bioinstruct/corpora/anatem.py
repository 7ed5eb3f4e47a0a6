"""AnatEM: the anatomical entities, from cells to organisms' parts, that a sentence mentions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob
from bioinstruct.corpora.registry import described

__all__ = ["read"]

FILES = {
    "train": "AnatEM-IOB/train.tsv",
    "validation": "AnatEM-IOB/devel.tsv",
    "test": "AnatEM-IOB/test.tsv",
}


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences in file order."""
    sentences = iob.sentences(folder / FILES[split], types=("Anatomy",))
    return ner.instructions(CORPUS, ner.ANATOMY, sentences, split=split, layout=layout, seed=seed)


CORPUS = described("anatem")
