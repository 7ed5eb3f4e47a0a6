"""OpenStax nursing textbooks: tasks whose answers follow from their structure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora import openstax_cnxml as cnxml
from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import members
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

SHARES = {"train": 90, "validation": 5, "test": 5}
BOOKS = {
    "nutrition": "nutrition for nurses",
    "pharmacology": "pharmacology for nurses",
    "population-health": "population health for nurses",
}
TASKS = {
    "term-definition": Category.QA,
    "term-of-definition": Category.QA,
    "drug-dosage": Category.QA,
    "section-title": Category.GEN,
    "section-summary": Category.GEN,
    "learning-outcomes": Category.GEN,
}
WORDINGS = wordings("openstax_nursing")
LONGEST = 24_000
"""Maximum characters of a text to summarise, about 5,000 tokens."""
SHORTEST = 300
"""Minimum characters of a section whose title is asked for."""
_DOSAGES = ["Drug", "Routes and Dosage Ranges"]
_CAPTION = re.compile(r"Drug Emphasis Table: (.+?) ?\(sources?: [^()]+\)\.?")


@dataclass(frozen=True, slots=True)
class Module:
    """A module of one of the books."""

    name: str
    """Identifier such as `m00162`."""
    book: str
    root: Element
    split: str


@dataclass(frozen=True, slots=True)
class Glossary:
    """Definitions of all glossaries, to find terms that are defined more than once."""

    modules: dict[str, set[str]]
    """Names of the modules that define a term."""
    terms: dict[str, set[str]]
    """Terms by meaning."""
    titles: Counter[str]
    """Number of sections by title."""


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield unreadable modules, then the records of each module by name."""
    modules, faults, glossary = _modules(folder, split)
    yield from faults
    for module in modules:
        if not module.book or module.root.get("class") == "preface":
            yield Skipped("preface" if module.book else "module of no book")
            continue
        for made in (_definitions(module, glossary), _dosages(module), _titles(module, glossary)):
            yield from _instructions(module, made, seed)
        yield from _instructions(module, _summary(module), seed)
        yield from _instructions(module, _outcomes(module), seed)


_Made = Iterator[tuple[str, str, str] | Skipped]
"""Task, input and output."""


def _instructions(module: Module, made: _Made, seed: int) -> Iterator[Row]:
    for one in made:
        if isinstance(one, Skipped):
            yield one
            continue
        task, input, output = one
        yield Instruction(
            instruction=choose(WORDINGS[task], input, seed).format(book=BOOKS[module.book]),
            input=input,
            output=output,
            category=TASKS[task],
            task=task,
            provenance=CORPUS.provenance(split=module.split, document=module.name),
        )


def _modules(folder: Path, split: str) -> tuple[list[Module], list[DataError], Glossary]:
    """Return the modules of the split, errors, and the definitions of all modules."""
    source = folder if (folder / "modules").is_dir() else folder / "openstax_nursing_cnxml"
    books = _books(source)
    modules, faults = [], []
    glossary = Glossary(defaultdict(set), defaultdict(set), Counter())
    for member in members(source, "modules/*/index.cnxml"):
        name = Path(member.name).parent.name
        try:
            root = cnxml.parse(member.content, member.path)
        except DataError as error:
            if split_of(name, SHARES) == split:
                faults.append(error)
            continue
        if split_of(name, SHARES) == split:
            modules.append(Module(name, books.get(name, ""), root, split))
        for term, meaning in _glossary(root):
            glossary.modules[term.casefold()].add(name)
            glossary.terms[meaning.casefold()].add(term.casefold())
        for section in _sections(root):
            glossary.titles[_title(section).casefold()] += 1
    return modules, faults, glossary


def _books(source: Path) -> dict[str, str]:
    """Return the book of each module, according to the collection files."""
    books = {}
    for member in members(source, "collections/*.collection.xml"):
        book = Path(member.name).name.removesuffix(".collection.xml")
        if book not in BOOKS:
            raise DataError(f"unknown book {book!r}", path=member.path)
        modules = re.findall(r'<col:module document="([^"]+)"', member.text)
        if not modules:
            raise DataError("expected modules of a book, found none", path=member.path)
        books.update(dict.fromkeys(modules, book))
    return books


def _of_space(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if cnxml.tag(element) == name)


def _glossary(root: Element) -> Iterator[tuple[str, str]]:
    for definition in _of_space(root, "definition"):
        parts = {cnxml.tag(part): cnxml.words(part) for part in definition}
        yield parts.get("term", ""), parts.get("meaning", "")


def _sections(root: Element) -> Iterator[Element]:
    """Yield sections of text, which are those without a class."""
    return (section for section in _of_space(root, "section") if section.get("class") is None)


def _title(element: Element) -> str:
    return next((cnxml.words(title) for title in cnxml.children(element, "title")), "")


def _definitions(module: Module, glossary: Glossary) -> _Made:
    """Ask for the meaning of a term, and for the term of a meaning."""
    for term, meaning in _glossary(module.root):
        if not term or not meaning:
            yield Skipped("glossary entry without term or meaning")
        elif module.split != "train" and len(glossary.modules[term.casefold()]) > 1:
            yield Skipped("held-out term that another module defines too")
        else:
            yield "term-definition", term, _sentence(meaning)
            if len(glossary.terms[meaning.casefold()]) > 1:
                yield Skipped("meaning that two terms share")
            elif _gives_away(term, meaning):
                yield Skipped("meaning that contains its term")
            else:
                yield "term-of-definition", _sentence(meaning), term


def _sentence(meaning: str) -> str:
    """Capitalise a meaning, unless its first word must not be, and end it with a full stop."""
    first = meaning.split()[0]
    begun = meaning[0].upper() + meaning[1:] if first.islower() else meaning
    return begun if begun.endswith((".", "?", "!")) else f"{begun}."


def _gives_away(term: str, meaning: str) -> bool:
    return re.sub(r"\s*\(.*?\)", "", term).casefold() in meaning.casefold()


def _dosages(module: Module) -> _Made:
    """Yield the rows of the tables that the book calls Drug Emphasis Tables."""
    for table in _of_space(module.root, "table"):
        rows = [[*row] for row in _of_space(table, "row")]
        if not rows or [cnxml.words(entry) for entry in rows[0]] != _DOSAGES:
            continue
        captions = [cnxml.words(caption) for caption in _of_space(table, "caption")]
        caption = _CAPTION.fullmatch(captions[0]) if captions else None
        if not caption:
            yield Skipped("table of dosages without a drug class in its caption")
            continue
        group = ""
        for row in rows[1:]:
            if len(row) != 2:
                group = f", {cnxml.words(row[0])}" if row else ""
                continue
            drug, dosage = cnxml.words(row[0]), "\n".join(cnxml.lines(row[1]))
            if not drug or not dosage:
                yield Skipped("dosage that is in a figure or table elsewhere")
            else:
                yield "drug-dosage", f"Drug class: {caption[1]}{group}\nDrug: {drug}", dosage


def _titles(module: Module, glossary: Glossary) -> _Made:
    """Ask for the heading of a section from its text up to the first subsection."""
    for section in _sections(module.root):
        title, text = _title(section), cnxml.prose(section)
        if not title:
            continue
        if glossary.titles[title.casefold()] > 2:
            yield Skipped("section with a title that many have")
        elif text is None:
            yield Skipped("section with mathematics")
        elif not SHORTEST <= len(input := "\n".join(text)) <= LONGEST:
            yield Skipped("section with too little or too much text")
        else:
            yield "section-title", input, title


def _summary(module: Module) -> _Made:
    """Ask for the authors' summary of a module from all its text."""
    for section in _of_space(module.root, "section"):
        if section.get("class") == "section-summary":
            text, summary = _text(module.root), cnxml.prose(section)
            if text is None or not summary:
                yield Skipped("summary of a module with mathematics")
            elif len(text) > LONGEST:
                yield Skipped("summary of a module that is too long")
            else:
                yield "section-summary", text, "\n".join(summary)


def _text(root: Element) -> str | None:
    """Return the text of a module without outcomes, summary, questions and references."""
    lines: list[str] = []
    for content in cnxml.children(root, "content"):
        for part in (content, *_sections(content)):
            found = cnxml.prose(part)
            if found is None:
                return None
            lines += [line for line in (_title(part), *found) if line]
    return "\n".join(lines)


def _outcomes(module: Module) -> _Made:
    """Ask for the learning outcomes from the outline of a module."""
    outline = [title for section in _sections(module.root) if (title := _title(section))]
    for section in _of_space(module.root, "section"):
        if section.get("class") != "learning-objectives":
            continue
        outcomes = [cnxml.words(item) for item in _of_space(section, "item")]
        if len(outline) < 2 or not all(outcomes) or not outcomes:
            yield Skipped("learning outcomes of a module without an outline")
        else:
            headings = "\n".join(f"- {title}" for title in outline)
            input = f"{_title(module.root)}\n{headings}"
            yield "learning-outcomes", input, "\n".join(f"- {outcome}" for outcome in outcomes)


CORPUS = described("openstax-nursing")
