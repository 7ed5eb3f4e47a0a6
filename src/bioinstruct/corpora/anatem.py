"""AnatEM: the anatomical entities, from cells to organisms' parts, that a sentence mentions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import entities, ner
from bioinstruct.corpora.base import Corpus, Row
from bioinstruct.corpora.formats import iob
from bioinstruct.schema import Category

__all__ = ["CORPORA"]

FILES = {
    "train": "AnatEM-IOB/train.tsv",
    "validation": "AnatEM-IOB/devel.tsv",
    "test": "AnatEM-IOB/test.tsv",
}


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences in file order."""
    sentences = iob.sentences(folder / FILES[split], types=("Anatomy",))
    return ner.instructions(CORPUS, ner.ANATOMY, sentences, split=split, layout=layout, seed=seed)


CORPUS = Corpus(
    name="anatem",
    title="AnatEM",
    category=Category.IE,
    license="CC-BY-SA-3.0",
    revision="df0df02fae6d",
    homepage="https://github.com/cambridgeltl/MTL-Bioinformatics-2016",
    folder="anatem",
    splits=tuple(FILES),
    layouts=entities.LAYOUTS,
    citation=(
        "Pyysalo S, Ananiadou S. Anatomical entity mention recognition at literature scale. "
        "Bioinformatics 2014;30(6):868-875. doi:10.1093/bioinformatics/btt580"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
