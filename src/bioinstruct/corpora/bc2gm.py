"""BioCreative II gene mention: the genes and proteins of a sentence, from either form of its files.

`bc2gm` reads the published IOB files with their development part, `genetag` the official ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob, standoff
from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["read_iob", "read_official"]

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
    """Yield the sentences in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("GENE",))
    return ner.instructions(BC2GM, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences in file order; a faulty annotation replaces its sentence by the error."""
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
    """Group the mentions by sentence name."""
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


BC2GM = described("bc2gm")

GENETAG = described("genetag")
