"""BioCreative II gene mention: the genes and proteins of a sentence, from either form of its files.

`bc2gm` reads the published IOB files with their development part, `genetag` the official ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import entities, ner
from bioinstruct.corpora.base import Corpus, Row
from bioinstruct.corpora.formats import iob, standoff
from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category

__all__ = ["CORPORA"]

IOB = {
    "train": "BC2GM-IOB/train.tsv",
    "validation": "BC2GM-IOB/devel.tsv",
    "test": "BC2GM-IOB/test.tsv",
}
OFFICIAL = {
    "train": ("train/train.in", "train/GENE.eval"),
    "test": ("test/test.in", "test/GENE.eval"),
}
_MENTION = re.compile(r"([^|\s]+)\|(\d+) (\d+)\|(.+)")


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("GENE",))
    return ner.instructions(BC2GM, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences in file order; a fault of an annotation stands in the place of its sentence."""
    path, annotations = (find(folder / name) for name in OFFICIAL[split])
    sentences = _sentences(path, annotations)
    return ner.instructions(GENETAG, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def _sentences(path: Path, annotations: Path) -> ner.Sentences:
    mentions = _mentions(annotations)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        name, _, text = line.partition(" ")
        if not text.strip() or "|" in name:
            found = f"expected the name of a sentence and the sentence, found {line[:80]!r}"
            raise DataError(found, path=path, line=number)
        said = mentions.pop(name, ())
        try:
            spans = standoff.spans(text, said, path=annotations, without_spaces=True)
        except DataError as error:
            yield error
        else:
            yield from standoff.sentence(text, spans, document=name, line=number)
    yield from standoff.of_no_text(mentions, annotations)


def _mentions(path: Path) -> dict[str, list[standoff.Annotation]]:
    """By the name of the sentence."""
    found = defaultdict(list)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        match = _MENTION.fullmatch(line)
        if not match:
            expected = "expected sentence|first last|mention"
            raise DataError(f"{expected}, found {line[:80]!r}", path=path, line=number)
        found[match[1]].append(standoff.Annotation(number, *match.groups()[1:]))
    return dict(found)


_CITATION = (
    "Smith L, Tanabe LK, Ando RJ, et al. Overview of BioCreative II gene mention recognition. "
    "Genome Biol 2008;9(Suppl 2):S2. doi:10.1186/gb-2008-9-s2-s2"
)

BC2GM = Corpus(
    name="bc2gm",
    title="BioCreative II gene mention, IOB",
    category=Category.IE,
    license="NCBI-PD",
    revision="954a98f80c44",
    homepage="https://github.com/cambridgeltl/MTL-Bioinformatics-2016",
    folder="bc2gm",
    splits=tuple(IOB),
    layouts=entities.LAYOUTS,
    citation=_CITATION,
    reader=read_iob,
    checked=False,
)

GENETAG = Corpus(
    name="genetag",
    title="BioCreative II gene mention, official files",
    category=Category.IE,
    license="NCBI-PD",
    revision="bc2GMtrain_1.1, bc2GMtest_1.0",
    homepage="https://biocreative.bioinformatics.udel.edu/resources/corpora/biocreative-ii-corpus/",
    folder="bc2gm",
    splits=tuple(OFFICIAL),
    layouts=entities.LAYOUTS,
    citation=_CITATION,
    reader=read_official,
    checked=False,
)

CORPORA = (BC2GM, GENETAG)
