"""CHEMDNER (BioCreative IV): chemicals in titles and abstracts.

`bc4chemd` reads the published IOB files, which have one type; `chemdner` reads the official files,
which have seven classes of chemical names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob, standoff
from bioinstruct.corpora.formats.plain import numbered, or_another_file
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

__all__ = ["read_iob", "read_official"]

IOB = {
    "train": "BC4CHEMD-IOB/train.tsv",
    "validation": "BC4CHEMD-IOB/devel.tsv",
    "test": "BC4CHEMD-IOB/test.tsv",
}
OFFICIAL = {"train": "training", "validation": "development", "test": "evaluation"}
_NO_CLASS = {"NO CLASS": "NO_CLASS"}  # a type is one word


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence, in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("Chemical",))
    return ner.instructions(
        BC4CHEMD, ner.CHEMICAL, sentences, split=split, layout=layout, seed=seed
    )


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence of titles and abstracts, in file order.

    If an annotation is faulty, its error takes the place of the title or abstract.
    """
    part = OFFICIAL[split]
    path = resolve_gz(folder / f"chemdner_corpus/{part}.abstracts.txt")
    annotations = resolve_gz(folder / f"chemdner_corpus/{part}.annotations.txt")
    return ner.instructions(
        CHEMDNER,
        ner.CHEMICAL_CLASSES,
        _sentences(path, annotations),
        split=split,
        layout=layout,
        seed=seed,
    )


def _sentences(path: Path, annotations: Path) -> ner.Sentences:
    mentions, faults = _mentions(annotations)
    yield from faults
    for entry in or_another_file(_documents(path)):
        if isinstance(entry, DataError):
            yield entry
            continue
        number, (pmid, *texts) = entry
        for section, text in zip("TA", texts, strict=True):
            annotated = mentions.pop(f"{pmid} {section}", ())
            types = ner.CHEMICAL_CLASSES.types
            try:
                spans = standoff.spans(text, annotated, path=annotations, types=types)
            except DataError as error:
                yield error
            else:
                yield from standoff.in_sentences(text, spans, document=pmid, line=number)
    yield from standoff.of_no_text(mentions, annotations)


def _documents(path: Path) -> Iterator[tuple[int, list[str]] | DataError]:
    seen: dict[str, int] = {}
    for entry in numbered(path):
        if isinstance(entry, DataError):
            yield entry
            continue
        number, line = entry
        columns = line.split("\t")
        if len(columns) != 3 or not columns[0].isdecimal():
            reason = f"expected PMID TAB title TAB abstract, found {line[:80]!r}"
            yield DataError(reason, path=path, line=number)
        elif seen.setdefault(columns[0], number) != number:
            reason = f"PMID {columns[0]} is already on line {seen[columns[0]]}"
            yield DataError(reason, path=path, line=number)
        else:
            yield number, columns


def _mentions(path: Path) -> tuple[dict[str, list[standoff.Annotation]], list[DataError]]:
    """Return the annotations by PMID and section, such as `123 T`, and the faulty lines."""
    found = defaultdict(list)
    faults = []
    for entry in numbered(path):
        if isinstance(entry, DataError):
            faults.append(entry)
            continue
        number, line = entry
        columns = line.split("\t")
        if len(columns) != 6 or columns[1] not in {"T", "A"}:
            expected = "expected PMID TAB T or A TAB start TAB end TAB mention TAB class"
            reason = f"{expected}, found {line[:80]!r}"
            faults.append(DataError(reason, path=path, line=number))
            continue
        pmid, section, start, end, mention, kind = columns
        annotation = standoff.Annotation(number, start, end, mention, _NO_CLASS.get(kind, kind))
        found[f"{pmid} {section}"].append(annotation)
    return dict(found), faults


# The project states no licence, and the abstracts come from PubMed: do not redistribute.

BC4CHEMD = described("bc4chemd")

CHEMDNER = described("chemdner")
