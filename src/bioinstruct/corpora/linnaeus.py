"""LINNAEUS: species in the sentences of full articles.

`linnaeus` reads the published IOB files, `linnaeus-documents` the official files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob, standoff
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.formats.plain import damage, decode
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError

__all__ = ["read_iob", "read_official"]

IOB = {
    "train": "linnaeus-IOB/train.tsv",
    "validation": "linnaeus-IOB/devel.tsv",
    "test": "linnaeus-IOB/test.tsv",
}
OFFICIAL = "manual-corpus-species-1.0"
# The authors define no split. This one comes from github.com/spyysalo/linnaeus-corpus, commit
# f3344a1d6f90, the likely source of the IOB files; all other documents are for training.
VALIDATION = frozenset(
    {
        "pmcA1312363",
        "pmcA150219",
        "pmcA1524813",
        "pmcA1538864",
        "pmcA1590010",
        "pmcA1636465",
        "pmcA1779460",
        "pmcA1885664",
        "pmcA2276505",
        "pmcA2367462",
        "pmcA2435603",
        "pmcA2504341",
        "pmcA2518116",
        "pmcA2562362",
        "pmcA2589670",
        "pmcA324075",
        "pmcA544950",
    }
)
TEST = frozenset(
    {
        "pmcA1036069",
        "pmcA1075922",
        "pmcA1079799",
        "pmcA1257442",
        "pmcA1347483",
        "pmcA140144",
        "pmcA1562423",
        "pmcA1634875",
        "pmcA1779435",
        "pmcA1779441",
        "pmcA1805739",
        "pmcA1838407",
        "pmcA1885853",
        "pmcA1891629",
        "pmcA1931593",
        "pmcA2151861",
        "pmcA2365090",
        "pmcA2365225",
        "pmcA2398786",
        "pmcA2412862",
        "pmcA2531092",
        "pmcA2547183",
        "pmcA2553092",
        "pmcA2556924",
        "pmcA2567314",
        "pmcA2599109",
        "pmcA2636784",
        "pmcA2636797",
        "pmcA280693",
        "pmcA328326",
        "pmcA328328",
        "pmcA335194",
        "pmcA509286",
    }
)


def read_iob(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence, in file order."""
    sentences = iob.sentences(folder / IOB[split], types=("Species",))
    return ner.instructions(LINNAEUS, ner.SPECIES, sentences, split=split, layout=layout, seed=seed)


def read_official(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each sentence, by document, or the error of a faulty document."""
    return ner.instructions(
        DOCUMENTS,
        ner.SPECIES,
        _sentences(folder / OFFICIAL, split),
        split=split,
        layout=layout,
        seed=seed,
    )


def _sentences(folder: Path, split: str) -> ner.Sentences:
    [tags] = members(folder, "tags.tsv")
    mentions, faults = _mentions(tags)
    if split == "train":
        yield from faults
    for member in members(folder, "txt/*.txt"):
        name = PurePosixPath(member.name).stem
        annotated = mentions.pop(name, ())
        if _split(name) != split:
            continue
        try:
            text = member.text
            spans = standoff.spans(text, annotated, path=tags.path)
        except DataError as error:
            yield error
        else:
            yield from standoff.in_sentences(text, spans, document=name, line=1)
    if split == "train":
        yield from standoff.of_no_text(mentions, tags.path)


def _split(name: str) -> str:
    return "validation" if name in VALIDATION else "test" if name in TEST else "train"


def _mentions(tags: Member) -> tuple[dict[str, list[standoff.Annotation]], list[DataError]]:
    """Return the annotations by document, and the faulty lines."""
    found = defaultdict(list)
    faults = []
    text = decode(tags.content, tags.path, lenient=True)
    for number, line in enumerate(text.split("\n"), start=1):
        columns = line.removesuffix("\r").split("\t")
        if line.startswith("#") or not line:
            continue
        if len(columns) < 5 or damage(line):
            expected = "expected species TAB document TAB start TAB end TAB mention TAB code"
            reason = damage(line) or f"{expected}, found {line[:80]!r}"
            faults.append(DataError(reason, path=tags.path, line=number))
            continue
        found[columns[1]].append(standoff.Annotation(number, *columns[2:5]))
    return dict(found), faults


LINNAEUS = described("linnaeus")

DOCUMENTS = described("linnaeus-documents")
