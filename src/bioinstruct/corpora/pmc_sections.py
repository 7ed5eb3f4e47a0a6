"""Split the text of a PubMed Central article into its sections."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Article", "Section", "article"]

_HEADING = re.compile(r"^[ \t]*\d*(ABSTRACT|BODY)(?:\.([^\n]*?))?:+[ \t]*$", re.MULTILINE)
# Attributes that were left behind when tags were removed.
_TAG = re.compile(r'\s*(?:(?:xmlns:\w+|id)="[^"]*"\s*)+>\s*')
_HOLE = re.compile(r"\(\s*[,;.]?\s*\)|\[[\s,;\u2013-]*\]|xmlns|&\w+;|<\w+>")
_TAIL = re.compile(
    r"\s*(?:(?:Clinical )?Trials? (?:registration|registry|number)\b|Key ?words? ?:"
    r"|\b(?:The|This) (?:study|trial|protocol) (?:has been|is|was) registered\b).*",
    re.IGNORECASE | re.DOTALL,
)
# Headings of text that follows the abstract or does not belong to its content.
_AFTER = re.compile(
    r"REGIST|GOV\b|TRIAL NUMBER|SUPPLEMENT|FUNDING|EDITOR|AUTHOR|SUMMARY|HIGHLIGHT|ADDITIONAL|"
    r"WH[YAO]|KEY|LEVEL OF|CLASSIFICATION"
)
_LONGEST = {"": 6_000, "conclusions": 1_100}
"""Maximum characters of a section of an abstract; 3,000 for other parts."""
_METHODS = (
    "METHODS METHOD METHODS/DESIGN METHOD/DESIGN METHODS/DESIGNS METHODOLOGY MATERIALS_AND_METHODS "
    "MATERIAL_AND_METHODS METHODS_AND_MATERIALS MATERIALS_&_METHODS PATIENTS_AND_METHODS "
    "SUBJECTS_AND_METHODS METHODS_AND_DESIGN DESIGN_AND_METHODS RESEARCH_DESIGN_AND_METHODS"
)
_PARTS = {
    "background": "BACKGROUND INTRODUCTION RATIONALE CONTEXT",
    "objective": "OBJECTIVE OBJECTIVES AIM AIMS PURPOSE AIMS_AND_OBJECTIVES",
    "methods": _METHODS,
    "results": "RESULTS RESULT FINDINGS MAIN_RESULTS",
    "conclusions": (
        "CONCLUSIONS CONCLUSION INTERPRETATION CONCLUSIONS/SIGNIFICANCE CONCLUSION/SIGNIFICANCE "
        "CONCLUSIONS/INTERPRETATION"
    ),
}
_OF_BODY = {
    "introduction": "INTRODUCTION BACKGROUND",
    "methods": _METHODS,
    "results": "RESULTS",
    "discussion": "DISCUSSION",
}


def _by_heading(parts: dict[str, str]) -> dict[str, str]:
    return {
        heading.replace("_", " "): part
        for part, headings in parts.items()
        for heading in headings.split()
    }


_PART, _BODY_PART = _by_heading(_PARTS), _by_heading(_OF_BODY)


class Section(NamedTuple):
    """A section of an abstract, or the first paragraph of a section of the body."""

    heading: str
    """Heading in capitals; empty if there is none."""
    part: str
    """Kind of section according to its heading; empty if unclear."""
    text: str


class Article(NamedTuple):
    """The parts of an article that are used."""

    abstract: list[Section]
    """Sections of the abstract; empty if it has a defect."""
    fault: str
    """Reason why the abstract is left out, or empty."""
    registration: str
    """Registration statement of the trial; empty if the abstract has none."""
    body: list[Section]
    """At most one for each of introduction, methods, results and discussion."""


def article(text: str) -> Article:
    """Split an article at its headings."""
    places = [*_HEADING.finditer(text)]
    abstract: list[tuple[str, str]] = []
    body: list[Section] = []
    for number, place in enumerate(places, start=1):
        end = places[number].start() if number < len(places) else len(text)
        content = text[place.end() : end]
        if '="' in content:
            content = _TAG.sub(" ", content)
        heading = (place[2] or "").strip(" .:")
        if place[1] == "ABSTRACT":
            abstract.append((re.sub(r"^(?:STRUCTURED )?ABSTRACT\b[. ]*", "", heading), content))
        else:
            body += _paragraph(heading, content, body)
    sections = _abstract(abstract)
    fault = _fault(sections)
    return Article([] if fault else sections, fault, _registration(abstract), body)


def _abstract(found: list[tuple[str, str]]) -> list[Section]:
    """Return the sections up to the end of the abstract."""
    sections: list[Section] = []
    for heading, content in found:
        name = heading.rpartition(".")[2].strip(" :")
        if _AFTER.search(heading.removeprefix("SUMMARY.")):
            break
        # A word broken across two lines looks like one with a hyphen.
        broken = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "-()", content)
        text = " ".join(_TAIL.sub("", broken).split())
        if text:
            sections.append(Section(name, _PART.get(name, ""), text))
    return sections


def _fault(sections: list[Section]) -> str:
    if not sections:
        return "article without an abstract"
    if len({section.heading for section in sections}) < len(sections):
        return "abstract with a heading twice"
    if any(len(section.text) > _LONGEST.get(section.part, 3_000) for section in sections):
        return "abstract that runs on into the article"
    if not all(_sound(section.text) for section in sections):
        return "abstract with a hole in it or without an end"
    return ""


def _sound(text: str) -> bool:
    """Return whether a text ends like a sentence and has no gap where something was removed."""
    if not text.endswith((".", ".)", "?", ".”", '."')) or text[0] in ",;.)":
        return False
    return not _HOLE.search(text)


def _registration(found: list[tuple[str, str]]) -> str:
    statements = [
        " ".join(content.split())
        for heading, content in found
        if re.search(r"REGISTR|TRIAL NUMBER", heading)
    ]
    return statements[0] if len(statements) == 1 else ""


def _paragraph(heading: str, content: str, before: list[Section]) -> list[Section]:
    """Return the first full paragraph of a new kind of section of the body."""
    name = re.sub(r"^[\dIVX]+ ?[.)] *", "", heading).strip()
    top = name.partition(".")[0].strip()
    part = _BODY_PART.get(top, "")
    if not part or part in {section.part for section in before}:
        return []
    for paragraph in re.split(r"\n| {2,}", content):
        text = " ".join(paragraph.split())
        if 300 <= len(text) <= 2_000 and _sound(text) and text[0].isupper() and not _table(text):
            return [Section(top, part, text)]
    return []


def _table(text: str) -> bool:
    """Detect a flattened table by its share of digits."""
    return len(re.findall(r"\S*\d\S*", text)) > len(text.split()) / 4
