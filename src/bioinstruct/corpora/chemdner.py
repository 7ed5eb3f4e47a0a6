"""CHEMDNER, of BioCreative IV: the chemicals of a sentence, from either form of its files.

`bc4chemd` reads the published IOB files, where all are of one type; `chemdner` the official ones,
with the seven classes of chemical names.
"""

from __future__ import annotations

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
    "train": "BC4CHEMD-IOB/train.tsv",
    "validation": "BC4CHEMD-IOB/devel.tsv",
    "test": "BC4CHEMD-IOB/test.tsv",
}
OFFICIAL = {"train": "training", "validation": "development", "test": "evaluation"}
_NO_CLASS = {"NO CLASS": "NO_CLASS"}  # a type is one word


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("Chemical",))
    return ner.instructions(
        BC4CHEMD, ner.CHEMICAL, sentences, split=split, layout=layout, seed=seed
    )


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences of titles and abstracts in file order.

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
    """By PMID and title (T) or abstract (A), with a space between."""
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


_CITATION = (
    "Krallinger M, Rabal O, Leitner F, et al. The CHEMDNER corpus of chemicals and drugs and its "
    "annotation principles. J Cheminform 2015;7(Suppl 1):S2. doi:10.1186/1758-2946-7-S1-S2"
)
# Its pages name no licence, and the abstracts are of PubMed: not to be passed on.
_LICENSE = "LicenseRef-none-stated-NoRedistribution"
_HOMEPAGE = "https://biocreative.bioinformatics.udel.edu/resources/biocreative-iv/chemdner-corpus/"

BC4CHEMD = Corpus(
    name="bc4chemd",
    title="BC4CHEMD, IOB",
    category=Category.IE,
    license=_LICENSE,
    revision="1.0",
    homepage=_HOMEPAGE,
    folder="bc4chemd",
    splits=tuple(IOB),
    layouts=entities.LAYOUTS,
    citation=_CITATION,
    reader=read_iob,
    checked=False,
)

CHEMDNER = Corpus(
    name="chemdner",
    title="CHEMDNER, official files",
    category=Category.IE,
    license=_LICENSE,
    revision="1.0",
    homepage=_HOMEPAGE,
    folder="bc4chemd",
    splits=tuple(OFFICIAL),
    layouts=entities.LAYOUTS,
    citation=_CITATION,
    reader=read_official,
    checked=False,
)

CORPORA = (BC4CHEMD, CHEMDNER)
