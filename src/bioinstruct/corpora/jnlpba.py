"""JNLPBA: proteins, DNA, RNA, cell types and lines of a sentence, or the first three as genes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob
from bioinstruct.corpora.registry import described

__all__ = ["read", "read_genes"]

FILES = {"train": "Genia4ERtask1.iob2", "test": "Genia4EReval1.iob2"}
GENES = ("protein", "DNA", "RNA")


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield sentences in file order."""
    return ner.instructions(
        JNLPBA,
        ner.JNLPBA_TYPES,
        _sentences(folder, split),
        split=split,
        layout=layout,
        seed=seed,
    )


def read_genes(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the same sentences with cells untagged, as in Llama2-MedTuned."""
    sentences = map(_genes, _sentences(folder, split))
    return ner.instructions(JNLPBA_GENE, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def _sentences(folder: Path, split: str) -> ner.Sentences:
    types = ner.JNLPBA_TYPES.types
    return iob.sentences(folder / FILES[split], types=types, mark="###MEDLINE:")


def _genes(sentence: ner.Item) -> ner.Item:
    if not isinstance(sentence, iob.Sentence):
        return sentence
    genes = (entity for entity in sentence.entities if entity.type in GENES)
    return sentence._replace(entities=tuple(genes))


JNLPBA = described("jnlpba")
JNLPBA_GENE = described("jnlpba-gene")
