"""i2b2/VA 2010: how two of the problems, tests and treatments of a note's line are related."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.answers import relations
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

LABELS = described("i2b2-2010").labels
TYPES = ("problem", "test", "treatment")
TRAINING = "concept_assertion_relation_training_data"
REFERENCE = "reference_standard_for_test_data"
# Texts, concepts and relations: the archive that each kind of file is in, by split.
ARCHIVES = {
    "train": {".txt": TRAINING, ".con": TRAINING, ".rel": TRAINING},
    "test": {".txt": "test_data", ".con": REFERENCE, ".rel": REFERENCE},
}
WORDINGS = wordings("i2b2_2010")

_CONCEPT = r'c="(.*)" (\d+):(\d+) (\d+):(\d+)'
_CON = re.compile(rf'{_CONCEPT}\|\|t="([^"]*)"')
_REL = re.compile(rf'{_CONCEPT}\|\|r="([^"]*)"\|\|{_CONCEPT}')


class _Place(NamedTuple):
    """Position of a concept: lines from 1, words from 0, with an inclusive last word."""

    line: int
    word: int
    last_line: int
    last_word: int


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield all pairs of concepts on a line, in the order of note names and concepts.

    A pair without an annotated relation has `No Relations`; one with two is there twice.
    """
    archives = ARCHIVES[split]
    files = {kind: _files(folder / archives[kind], f"*{kind}") for kind in archives}
    for name, text in files[".txt"].items():
        concepts, related = files[".con"].get(name), files[".rel"].get(name)
        if concepts is None or related is None:
            lacking = ".con" if concepts is None else ".rel"
            yield DataError(f"expected {name}{lacking} for this note", path=text.path)
        else:
            yield from _note(name, text, concepts, related, split=split, layout=layout, seed=seed)


def _files(archive: Path, pattern: str) -> dict[str, Member]:
    """Return files by note; those of Beth Israel and Partners are named differently."""
    found: dict[str, Member] = {}
    for member in members(archive, pattern):
        name = member.path.stem
        if name in found:
            raise DataError(f"expected one file of this name, {found[name].name}", path=member.path)
        found[name] = member
    return found


def _note(
    name: str,
    text: Member,
    concepts: Member,
    related: Member,
    *,
    split: str,
    layout: str,
    seed: int,
) -> Iterator[Row]:
    try:
        lines = text.text.split("\n")
        found = [*_concepts(concepts, lines), *_relations(related)]
    except DataError as error:  # not UTF-8
        yield error
        return
    mentions: dict[_Place, Mention] = {}
    labels = defaultdict(list)
    for item in found:
        if not isinstance(item, tuple):
            yield item
        elif len(item) == 2:
            mentions[item[0]] = item[1]
        elif item[1] in mentions and item[2] in mentions and item[1].line == item[2].line:
            labels[frozenset(item[1:3])].append(item[3])
        else:
            expected = "expected two concepts of the .con file that are on one line"
            yield DataError(expected, path=related.path, line=item[0])
    provenance = CORPUS.provenance(split=split, document=name)
    for (first, one), (second, other) in itertools.combinations(mentions.items(), 2):
        if first.line == second.line:
            roles = (f"First concept ({one.type})", f"Second concept ({other.type})")
            line = lines[first.line - 1]
            input = relations.to_input(layout, line, one, other, roles=roles)
            for label in labels.get(frozenset((first, second)), LABELS[-1:]):
                yield Instruction(
                    instruction=choose(WORDINGS[layout], input, seed),
                    input=input,
                    output=label,
                    category=Category.IE,
                    task="relation-problem-test-treatment",
                    provenance=provenance,
                )


def _concepts(
    file: Member, lines: list[str]
) -> Iterator[tuple[_Place, Mention] | Skipped | DataError]:
    for number, line in _numbered(file):
        match = _CON.fullmatch(line)
        try:
            if not match or match[6] not in TYPES:
                raise ValueError(f'expected c="..." L:W L:W||t="{"|".join(TYPES)}", found {line!r}')
            place = _place(*match.groups()[1:5])
            if place.line != place.last_line:
                yield Skipped("a concept over several lines")
                continue
            yield place, _mention(place, match[1], match[6], lines)
        except ValueError as error:
            yield DataError(str(error), path=file.path, line=number)


def _relations(
    file: Member,
) -> Iterator[tuple[int, _Place, _Place, str] | Skipped | DataError]:
    for number, line in _numbered(file):
        match = _REL.fullmatch(line)
        if not match or match[6] not in LABELS[:-1]:
            kinds = "|".join(LABELS[:-1])
            found = f'expected c="..." L:W L:W||r="{kinds}"||c="..." L:W L:W, found {line!r}'
            yield DataError(found, path=file.path, line=number)
            continue
        groups = match.groups()
        one, other = _place(*groups[1:5]), _place(*groups[7:11])
        if one.line == one.last_line and other.line == other.last_line:
            yield number, one, other, match[6]
        else:
            yield Skipped("a relation of a concept over several lines")


def _numbered(file: Member) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file.text.split("\n"), start=1):
        if line.strip():
            yield number, line.strip()


def _place(line: str, word: str, last_line: str, last_word: str) -> _Place:
    return _Place(int(line), int(word), int(last_line), int(last_word))


def _mention(place: _Place, name: str, type: str, lines: list[str]) -> Mention:
    """Locate a concept by its word positions.

    On a line that begins with white space they may be counted from an empty word before it.
    """
    if not 1 <= place.line <= len(lines):
        raise ValueError(f"line {place.line} lies outside of the note, which has {len(lines)}")
    line = lines[place.line - 1]
    words = [match.span() for match in re.finditer(r"\S+", line)]
    after_space = [[(0, 0), *words]] if line[:1].isspace() else []
    for counted in (words, *after_space):
        if place.word <= place.last_word < len(counted):
            start, end = counted[place.word][0], counted[place.last_word][1]
            if line[start:end].lower().split() == name.lower().split():
                return Mention(line[start:end], ((start, end),), type)
    raise ValueError(f"expected {name!r} at {place.line}:{place.word}, found {line[:80]!r}")


CORPUS = described("i2b2-2010")
