"""Open-access trial reports from PubMed Central: tasks from the parts of an article."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import members
from bioinstruct.corpora.formats.tsv import rows
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.pmc_sections import Article, Section, article
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction, Provenance

__all__ = ["CORPUS"]

SHARES = {"train": 90, "validation": 5, "test": 5}
TASKS = {
    "abstract-to-title": Category.GEN,
    "abstract-conclusion": Category.GEN,
    "find-objective": Category.IE,
    "trial-registration": Category.IE,
    "abstract-part": Category.OTHER,
    "article-section": Category.OTHER,
}
WORDINGS = wordings("pmc_trials")
COLUMNS = (
    *("pmcid", "shard", "bytes", "licence", "licence_urls"),
    *("journal", "year", "first_author", "doi", "title"),
)
# Registration numbers of trials, in the formats that the registries define.
REGISTERED = re.compile(
    r"\b(?:NCT ?\d{8}|ISRCTN ?\d{8}|ACTRN ?\d{14}|ChiCTR-?[A-Z]*-?\d{8,10}|IRCT\d{5,}N\d+"
    r"|UMIN ?\d{9}|DRKS ?\d{8}|NTR ?\d{3,4}|CTRI/\d{4}/\d{2,3}/\d{6}|PACTR ?\d{15,16}|KCT ?\d{7}"
    r"|TCTR ?\d{11}|RBR-[0-9a-z]{6,7}|\d{4}-\d{6}-\d{2})\b"
)
_LINK = re.compile(r"\S*(?:https?://|www\.)\S*")
_NUMBER = re.compile(r"\b[A-Za-z]{2,}[-/]?\d{3,}|\d{5,}")
SHORTEST, LONGEST = 300, 6_000
"""Minimum characters of an abstract whose title is asked for."""
_LICENSES = {
    "publicdomain/zero/1.0": "CC0-1.0",
    "publicdomain/mark/1.0": "CC-PDM-1.0",
    "by": "LicenseRef-CC-BY",  # the article names no version
    "by/3": "CC-BY-3.0",
    **{f"by/{version}": f"CC-BY-{version}" for version in ("2.0", "2.5", "3.0", "4.0")},
}


class Entry(NamedTuple):
    """The fields of an index row that are used."""

    title: str
    license: str
    """SPDX expression."""
    shard: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield articles by shard and name; errors of the index are reported in `train`."""
    index, faults = _index(folder / "index.tsv")
    if split == "train":
        yield from faults
    for shard in sorted({entry.shard for entry in index.values()}):
        for member in members(folder / shard, "PMC*.txt"):
            name = Path(member.name).stem
            if split_of(name, SHARES) != split:
                continue
            try:
                if name not in index:
                    raise DataError(
                        f"expected a sound row for {name} in index.tsv", path=member.path
                    )
                found = article(member.text)
            except DataError as error:
                yield error
                continue
            entry = index[name]
            provenance = CORPUS.provenance(split=split, document=name, license=entry.license)
            yield from _instructions(found, entry.title, provenance, seed)


def _index(path: Path) -> tuple[dict[str, Entry], list[DataError]]:
    """Return entries by PMC number, and the errors of other rows."""
    entries: dict[str, Entry] = {}
    faults = []
    for row in rows(path, COLUMNS, header=True):
        if isinstance(row, DataError):
            faults.append(row)
            continue
        line, fields = row
        name, shard, title = fields[0], fields[1], " ".join(fields[-1].split())
        license = _license(fields[4])
        if license and title and shard == Path(shard).name:
            entries[name] = Entry(title, license, shard)
        else:
            found = (
                f"{name}: expected a shard, a title and an open licence, found {fields[4][:80]!r}"
            )
            faults.append(DataError(found, path=path, line=line))
    return entries, faults


def _license(urls: str) -> str | None:
    """Return the licence of the text, which takes precedence over that of the data."""
    url = urls.partition(" ")[0]
    known = re.fullmatch(r"creativecommons\.org/(?:licenses/)?(.+?)(?:/legalcode|/deed\.\w+)?", url)
    return _LICENSES.get(known[1]) if known else None


def _instructions(found: Article, title: str, provenance: Provenance, seed: int) -> Iterator[Row]:
    if found.fault:
        yield Skipped(found.fault)
    for task, input, output in (
        *_title(found, title),
        *_conclusion(found),
        *_objective(found),
        *_registration(found),
        *_parts(found),
    ):
        yield Instruction(
            instruction=choose(WORDINGS[task], input, seed),
            input=input,
            output=output,
            category=TASKS[task],
            task=task,
            provenance=provenance,
        )


_Made = Iterator[tuple[str, str, str]]
"""Task, input and output."""


def _labelled(sections: list[Section]) -> str:
    return "\n".join(f"{s.heading}: {s.text}" if s.heading else s.text for s in sections)


def _title(found: Article, title: str) -> _Made:
    text = _labelled(found.abstract)
    if SHORTEST <= len(text) <= LONGEST:
        yield "abstract-to-title", text, title


def _conclusion(found: Article) -> _Made:
    """Ask for the conclusion from everything before it, if that includes results."""
    parts = [section.part for section in found.abstract]
    place = parts.index("conclusions") if "conclusions" in parts else 0
    if "results" in parts[:place]:
        conclusion = found.abstract[place].text
        if len(conclusion) >= 40 and not REGISTERED.search(conclusion):
            yield "abstract-conclusion", _labelled(found.abstract[:place]), conclusion


def _objective(found: Article) -> _Made:
    """Ask for the objective from an abstract without headings.

    Without a preceding background, the section is often mostly background.
    """
    for before, section in itertools.pairwise(found.abstract):
        if before.part == "background" and section.part == "objective":
            yield "find-objective", " ".join(s.text for s in found.abstract), section.text


def _registration(found: Article) -> _Made:
    """Ask for the registration numbers, if the statement has no others and the abstract none."""
    numbers = list(dict.fromkeys(REGISTERED.findall(found.registration)))
    elsewhere = set(REGISTERED.findall(_labelled(found.abstract)))
    unknown = _NUMBER.search(REGISTERED.sub("", _LINK.sub("", found.registration)))
    if numbers and found.abstract and elsewhere <= set(numbers) and not unknown:
        text = f"{_labelled(found.abstract)}\nTRIAL REGISTRATION: {found.registration}"
        yield "trial-registration", text, "\n".join(numbers)


def _parts(found: Article) -> _Made:
    """Yield the sections of the abstract, then of the body, with their kind.

    Where an abstract has no section for the objective its background ends in it, so that the two
    cannot be told apart.
    """
    for section in found.abstract:
        part = "background" if section.part == "objective" else section.part
        if part and len(section.text) >= 80:
            yield "abstract-part", section.text, part
    for section in found.body:
        yield "article-section", section.text, section.part


CORPUS = described("pmc-trials")
