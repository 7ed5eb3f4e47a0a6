"""BioCreative II gene mention: genes and proteins in sentences.

`bc2gm` reads the published IOB files, which have a validation split, `genetag` the official files.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row, Skipped
from bioinstruct.corpora.formats import iob, standoff
from bioinstruct.corpora.formats.plain import numbered, or_another_file
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

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
# The line of a mention in the official training file whose offsets are wrong.
MISPLACED = {"train": {1790}}
_MENTION = re.compile(r"([^|\s]+)\|(\d+) (\d+)\|(.+)")


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence, in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("GENE",))
    return ner.instructions(BC2GM, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence, in file order, or the error of a faulty annotation."""
    path, annotations = (resolve_gz(folder / name) for name in OFFICIAL[split])
    sentences = _sentences(path, annotations)
    return ner.instructions(GENETAG, ner.GENE, sentences, split=split, layout=layout, seed=seed)


def _sentences(path: Path, annotations: Path) -> ner.Sentences:
    mentions, faults = _mentions(annotations)
    yield from faults
    for entry in or_another_file(_lines(path)):
        if isinstance(entry, DataError):
            yield entry
            continue
        number, name, text = entry
        annotated = mentions.pop(name, [])
        try:
            spans = standoff.spans(text, annotated, path=annotations, without_spaces=True)
        except DataError as error:
            known = error.line in MISPLACED.get(path.parent.name, ())
            yield Skipped("a mention is not where its offsets say") if known else error
        else:
            yield from standoff.sentence(text, spans, document=name, line=number)
    yield from standoff.of_no_text(mentions, annotations)


def _lines(path: Path) -> Iterator[tuple[int, str, str] | DataError]:
    """Yield line, name and text of each sentence.

    All names have one shape, such as `P00001606T0076`; a line that begins with another word has
    lost its name.
    """
    lines = list(numbered(path))
    names = (line[1].partition(" ")[0] for line in lines if not isinstance(line, DataError))
    [(usual, _)] = Counter(map(_shape, names)).most_common(1) or [("", 0)]
    seen: dict[str, int] = {}
    for entry in lines:
        if isinstance(entry, DataError):
            yield entry
            continue
        number, line = entry
        name, _, text = line.partition(" ")
        if not text.strip() or "|" in name or _shape(name) != usual:
            found = f"expected the name of a sentence and the sentence, found {line[:80]!r}"
            yield DataError(found, path=path, line=number)
        elif seen.setdefault(name, number) != number:
            found = f"the sentence {name} is already on line {seen[name]}"
            yield DataError(found, path=path, line=number)
        else:
            yield number, name, text


def _shape(name: str) -> str:
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", name))


def _mentions(path: Path) -> tuple[dict[str, list[standoff.Annotation]], list[DataError]]:
    """Return the annotations by name of their sentence, and the faulty lines."""
    found = defaultdict(list)
    faults = []
    for entry in numbered(path):
        if isinstance(entry, DataError):
            faults.append(entry)
            continue
        number, line = entry
        match = _MENTION.fullmatch(line)
        if not match:
            reason = f"expected sentence|first last|mention, found {line[:80]!r}"
            faults.append(DataError(reason, path=path, line=number))
            continue
        found[match[1]].append(standoff.Annotation(number, *match.groups()[1:]))
    return dict(found), faults


BC2GM = described("bc2gm")

GENETAG = described("genetag")
