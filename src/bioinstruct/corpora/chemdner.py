"""CHEMDNER, of BioCreative IV: the chemicals of a sentence, from either form of its files.

`bc4chemd` reads the published IOB files, where all are of one type; `chemdner` the official ones,
with the seven classes of chemical names.
"""

from __future__ import annotations

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
    "train": "BC4CHEMD-IOB/train.tsv",
    "validation": "BC4CHEMD-IOB/devel.tsv",
    "test": "BC4CHEMD-IOB/test.tsv",
}
OFFICIAL = {"train": "training", "validation": "development", "test": "evaluation"}
_NO_CLASS = {"NO CLASS": "NO_CLASS"}  # a type is one word


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("Chemical",))
    return ner.instructions(
        BC4CHEMD, ner.CHEMICAL, sentences, split=split, layout=layout, seed=seed
    )


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences of titles and abstracts in file order.

    A fault of an annotation stands in the place of the title or abstract that it is in.
    """
    part = OFFICIAL[split]
    path = find(folder / f"chemdner_corpus/{part}.abstracts.txt")
    annotations = find(folder / f"chemdner_corpus/{part}.annotations.txt")
    return ner.instructions(
        CHEMDNER,
        ner.CHEMICAL_CLASSES,
        _sentences(path, annotations),
        split=split,
        layout=layout,
        seed=seed,
    )


def _sentences(path: Path, annotations: Path) -> ner.Sentences:
    mentions = _mentions(annotations)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        columns = line.split("\t")
        if len(columns) != 3 or not columns[0].isdecimal():
            reason = f"expected PMID TAB title TAB abstract, found {line[:80]!r}"
            raise DataError(reason, path=path, line=number)
        pmid, *texts = columns
        for section, text in zip("TA", texts, strict=True):
            said = mentions.pop(f"{pmid} {section}", ())
            types = ner.CHEMICAL_CLASSES.types
            try:
                spans = standoff.spans(text, said, path=annotations, types=types)
            except DataError as error:
                yield error
            else:
                yield from standoff.in_sentences(text, spans, document=pmid, line=number)
    yield from standoff.of_no_text(mentions, annotations)


def _mentions(path: Path) -> dict[str, list[standoff.Annotation]]:
    """Group the mentions by PMID and title (T) or abstract (A), separated by a space."""
    found = defaultdict(list)
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        columns = line.split("\t")
        if len(columns) != 6 or columns[1] not in {"T", "A"}:
            expected = "expected PMID TAB T or A TAB start TAB end TAB mention TAB class"
            raise DataError(f"{expected}, found {line[:80]!r}", path=path, line=number)
        pmid, section, start, end, mention, kind = columns
        said = standoff.Annotation(number, start, end, mention, _NO_CLASS.get(kind, kind))
        found[f"{pmid} {section}"].append(said)
    return dict(found)


# Its pages name no licence, and the abstracts are of PubMed: not to be passed on.

BC4CHEMD = described("bc4chemd")

CHEMDNER = described("chemdner")
