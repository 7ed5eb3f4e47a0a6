"""BC5CDR: which chemicals of an abstract induce which of its diseases.

The input is title and abstract, followed by the annotated chemicals and diseases, one concept per
line with all names that the abstract uses for it: `- lithium = Lithium carbonate`. The answer has
one pair per line, `lithium | cardiac disease`, or is `none`. A pair may use any of the names, so
`parse` returns concepts, by their positions in the two lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.answer_text import line_forms
from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.bc5cdr import ORIGINALS
from bioinstruct.corpora.formats import pubtator
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["Pair", "parse"]

WORDINGS = wordings("bc5cdr_relations")["relation-chemical-disease"]
_LISTS = "\n\nChemicals:\n"
_DISEASES = "\n\nDiseases:\n"
_KINDS = ("Chemical", "Disease")
_ONE, _SAME = "- ", " = "


class Pair(NamedTuple):
    """A relation by the positions of its concepts in the lists of the input, counted from 0."""

    chemical: int
    """Negative, like `disease`, for a pair that is not in the lists."""
    disease: int


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield abstracts in file order."""
    path = resolve_gz(folder / ORIGINALS[split])
    for document in pubtator.documents(path):
        if isinstance(document, DataError):
            yield document
            continue
        try:
            input, output = _texts(document)
        except ValueError as error:
            yield DataError(str(error), path=path, line=document.line)
            continue
        if not output:
            yield Skipped("a concept without a name of its own")
            continue
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=output,
            category=Category.IE,
            task="relation-chemical-disease",
            provenance=CORPUS.provenance(split=split, document=document.pmid),
        )


def parse(text: str, input: str) -> list[Pair]:
    """Parse the distinct relations of a text in order, as far as possible.

    Text that is not a pair of the lists becomes a pair that never occurs, so it counts as wrong.
    """
    _, _, lists = input.rpartition(_LISTS)
    chemicals, _, diseases = lists.partition(_DISEASES)
    names = _Names(_listed(chemicals)), _Names(_listed(diseases))
    pairs: set[Pair] = set()
    nowhere = 0
    for line in filter(str.strip, text.split("\n")):
        forms = list(line_forms(line))
        if any(form.casefold() == "none" for form in forms):
            continue
        found = next(filter(None, (_named(form, names) for form in forms)), set())
        if not found:
            nowhere -= 1
            found = {Pair(nowhere, nowhere)}
        pairs |= found
    return sorted(pairs)


def _named(line: str, names: tuple[_Names, _Names]) -> set[Pair]:
    """Return the pairs that a line names; empty if it is not a pair of the lists."""
    parts = (part.strip() for part in line.split(" | ", 1))
    places = [kind.places(part) for kind, part in zip(names, parts, strict=False)]
    if len(places) < 2:
        return set()
    return {Pair(first, second) for first in places[0] for second in places[1]}


def _listed(lines: str) -> list[list[str]]:
    return [line.removeprefix(_ONE).split(_SAME) for line in lines.split("\n") if line]


class _Names:
    """The concepts of a list by name."""

    def __init__(self, concepts: Sequence[Sequence[str]]) -> None:
        self._concepts = concepts
        self._places: dict[str, list[int]] = {}
        for place, names in enumerate(concepts):
            for name in names:
                self._places.setdefault(name.casefold(), []).append(place)

    def places(self, name: str) -> list[int]:
        """Return the concepts with this name, preferring those without other names."""
        places = self._places.get(name.casefold(), [])
        only = [place for place in places if len(self._concepts[place]) == 1]
        return only or places

    def name(self, place: int) -> str:
        """Return the first name that is unique to a concept, or else its first name."""
        names = self._concepts[place]
        return next((name for name in names if self.places(name) == [place]), names[0])


def _texts(document: pubtator.Document) -> tuple[str, str]:
    """Return input and output; the output is empty if it could not be parsed back.

    Raises:
        ValueError: the annotation is wrong.
    """
    kinds = [_concepts(document.mentions, kind) for kind in _KINDS]
    lists = ["\n".join(_ONE + _SAME.join(names) for names in kind.values()) for kind in kinds]
    input = document.text.rstrip() + _LISTS + lists[0] + _DISEASES + lists[1]
    names = [_Names([list(names) for names in kind.values()]) for kind in kinds]
    order = [{concept: place for place, concept in enumerate(kind)} for kind in kinds]
    pairs = []
    for relation in document.relations:
        if relation.type != "CID":
            raise ValueError(f"unknown relation {relation.type!r}; known: CID")
        for concept, known in zip((relation.first, relation.second), order, strict=True):
            if concept not in known:
                raise ValueError(f"a relation of {concept!r}, which is not mentioned")
        pairs.append(Pair(order[0][relation.first], order[1][relation.second]))
    said = (f"{names[0].name(first)} | {names[1].name(second)}" for first, second in pairs)
    output = "\n".join(dict.fromkeys(said)) or "none"
    return input, output if parse(output, input) == sorted(set(pairs)) else ""


def _concepts(mentions: Iterable[pubtator.Mention], kind: str) -> dict[str, list[str]]:
    """Return the distinct names of each concept, in order of appearance."""
    found: dict[str, dict[str, str]] = {}
    for mention in mentions:
        if mention.type not in _KINDS:
            raise ValueError(f"unknown type {mention.type!r}; known: {', '.join(_KINDS)}")
        if mention.type != kind:
            continue
        concepts = mention.concept.split("|")
        parts = mention.parts.split("|") if mention.parts else [mention.text] * len(concepts)
        if len(parts) != len(concepts):
            raise ValueError(f"{len(concepts)} concepts but {len(parts)} parts: {mention.text!r}")
        for concept, part in zip(concepts, parts, strict=True):
            name = " ".join(part.split())
            key = concept if concept != "-1" else f"-1 {name.casefold()}"  # not normalised
            found.setdefault(key, {}).setdefault(name.casefold(), name)
    return {concept: list(names.values()) for concept, names in found.items()}


CORPUS = described("bc5cdr-relations")
