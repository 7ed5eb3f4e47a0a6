"""DDI corpus 2013: how two drugs interact, and which drugs a sentence names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bioinstruct.corpora.answers import ner, relations
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats import xmltree
from bioinstruct.corpora.formats.archive import members
from bioinstruct.corpora.formats.iob import Sentence
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["DRUGS", "LABELS", "PAIRS", "TYPES"]

LABELS = described("ddi2013").labels
TYPES = ("drug", "brand", "group", "drug_n")
ARCHIVE = "DDICorpus-2013"
# The DrugNER test part has no interactions: all its pairs are marked false, and are not negatives.
PAIR_FILES = {"train": "Train/*/*.xml", "test": "Test for DDI Extraction task/*/*.xml"}
DRUG_FILES = {
    "train": "Train/*/*.xml",
    "test": "Test for DrugNER task/*/*.xml",
    "test-2": "Test for DDI Extraction task/*/*.xml",
}
# The offsets of "(R)-warfarin" are those of the character before, in the official file.
MISPLACED = {"DDI-DrugBank.d216.s16.e2"}
WORDINGS = wordings("ddi2013")
ENTITIES = ner.Entities("ner-drug", "", "drugs, brands and groups of drugs", "", TYPES)
_WORD = re.compile(r"\w+|[^\w\s]")


class _Drug(NamedTuple):
    mention: Mention
    type: str
    misplaced: bool


class _Sentence(NamedTuple):
    name: str
    text: str
    drugs: dict[str, _Drug]
    element: Element
    path: Path


def pairs(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield pairs of drugs by file name, then in file order."""
    for document, sentence in _sentences(folder, PAIR_FILES[split]):
        if isinstance(sentence, DataError):
            yield sentence
            continue
        provenance = PAIRS.provenance(split=split, document=document)
        for pair in sentence.element.iterfind("pair"):
            try:
                first, second, label = _pair(pair, sentence)
            except ValueError as error:
                yield DataError(str(error), path=sentence.path)
                continue
            if first.misplaced or second.misplaced:
                yield Skipped("a drug is not where its offsets say")
                continue
            if label is None:
                yield Skipped("an interaction without a type")
                continue
            roles = ("First drug", "Second drug")
            mentions = first.mention, second.mention
            input = relations.to_input(layout, sentence.text, *mentions, roles=roles)
            yield Instruction(
                instruction=choose(WORDINGS[layout], input, seed),
                input=input,
                output=label,
                category=Category.IE,
                task="relation-drug-drug",
                provenance=provenance,
            )


def drugs(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield sentences with typed drugs by file name, then in file order."""
    sentences = _tokenised(folder, DRUG_FILES[split])
    yield from ner.instructions(DRUGS, ENTITIES, sentences, split=split, layout=layout, seed=seed)


def _sentences(folder: Path, pattern: str) -> Iterator[tuple[str, _Sentence | DataError]]:
    """Yield sentences with their document names; an invalid file yields one error."""
    for member in members(folder / ARCHIVE, pattern):
        try:
            document = xmltree.parse(member.content, member.path, root="document")
            (name,) = xmltree.attributes(document, "id")
        except DataError as error:
            yield "", error
            continue
        except ValueError as error:
            yield "", DataError(str(error), path=member.path)
            continue
        for element in document.iterfind("sentence"):
            try:
                yield name, _sentence(element, member.path)
            except ValueError as error:
                yield name, DataError(str(error), path=member.path)


def _sentence(element: Element, path: Path) -> _Sentence:
    name, text = xmltree.attributes(element, "id", "text")
    found = {}
    for entity in element.iterfind("entity"):
        (id,) = xmltree.attributes(entity, "id")
        found[id] = _drug(entity, text)
    return _Sentence(name, text, found, element, path)


def _drug(entity: Element, text: str) -> _Drug:
    """Parse the offsets of a drug, such as `10-14;20-23`, whose ends are inclusive."""
    id, offsets, type, name = xmltree.attributes(entity, "id", "charOffset", "type", "text")
    if type not in TYPES:
        raise ValueError(f"{id}: unknown type {type!r}; known: {', '.join(TYPES)}")
    if not re.fullmatch(r"\d+-\d+(;\d+-\d+)*", offsets):
        raise ValueError(f"{id}: charOffset: expected START-END, found {offsets!r}")
    pairs = (part.split("-") for part in offsets.split(";"))
    parts = tuple((int(start), int(end) + 1) for start, end in pairs)
    found = "".join(text[start:end] for start, end in parts)
    if any(end > len(text) or start >= end for start, end in parts):
        raise ValueError(f"{id}: {offsets} lies outside of its sentence")
    misplaced = "".join(found.split()) != "".join(name.split())
    if misplaced and id not in MISPLACED:
        raise ValueError(f"{id}: expected {name!r} at {offsets}, found {found!r}")
    return _Drug(Mention(name, parts, "DRUG"), type, misplaced)


def _pair(pair: Element, sentence: _Sentence) -> tuple[_Drug, _Drug, str | None]:
    id, first, second, ddi = xmltree.attributes(pair, "id", "e1", "e2", "ddi")
    for drug in (first, second):
        if drug not in sentence.drugs:
            raise ValueError(f"{id}: there is no entity {drug} in {sentence.name}")
    type = pair.get("type")
    known = {"true": (*LABELS[:-1], None), "false": (None,)}
    if ddi not in known or type not in known[ddi]:
        raise ValueError(f"{id}: unknown interaction ddi={ddi!r} type={type!r}")
    label = type if ddi == "true" else "none"
    return sentence.drugs[first], sentence.drugs[second], label


def _tokenised(folder: Path, pattern: str) -> Iterator[Sentence | Skipped | DataError]:
    for number, (document, sentence) in enumerate(_sentences(folder, pattern), start=1):
        if isinstance(sentence, DataError):
            yield sentence
            continue
        words = [(match.start(), match.end()) for match in _WORD.finditer(sentence.text)]
        entities = _entities(sentence, words)
        if isinstance(entities, Skipped):
            yield entities
            continue
        texts = tuple(sentence.text[start:end] for start, end in words)
        yield Sentence(texts, entities, number, document)


def _entities(sentence: _Sentence, words: list[tuple[int, int]]) -> tuple[Entity, ...] | Skipped:
    """Return the drugs by word position, or the reason why no layout can express them."""
    if not words:
        return Skipped("a sentence without words")
    starts = {start: word for word, (start, _) in enumerate(words)}
    ends = {end: word + 1 for word, (_, end) in enumerate(words)}
    entities: list[Entity] = []
    for mention, type, misplaced in sentence.drugs.values():
        if misplaced:
            return Skipped("a drug is not where its offsets say")
        if len(mention.parts) > 1:
            return Skipped("a drug with a gap in it")
        [(start, end)] = mention.parts
        if start not in starts or end not in ends:
            return Skipped("a drug that is a part of a word")
        entities.append(Entity(starts[start], ends[end], type))
    entities.sort()
    if any(one.end > other.start for one, other in itertools.pairwise(entities)):
        return Skipped("drugs that overlap")
    return tuple(entities)


PAIRS = described("ddi2013")
DRUGS = described("ddi2013-drugs")
