"""What a note says, as rows, lists and places in the text."""

from __future__ import annotations

import re

from bioinstruct.schema import Category
from bioinstruct.synthesis.documents import Case, document, per_split
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.frames import fill, names, opened, render
from bioinstruct.synthesis.items import draw_value, items
from bioinstruct.synthesis.results import draw_results, table

__all__ = ["FAMILY"]

FAMILY = "extraction"
_N2C2 = "Henry S et al. J Am Med Inform Assoc 2020;27:3-12 (n2c2 2018, track 2)"
_NEGEX = "Chapman WW et al. J Biomed Inform 2001;34:301-310"
_PLACES = (
    "One per line in the order of the document; count characters from 0, the end is one past "
    "the last."
)
_CLSI = "CLSI EP28-A3c. Defining reference intervals, 2010"


# ---- medication

_DOSES = (
    "2.5 mg",
    "5 mg",
    "10 mg",
    "20 mg",
    "40 mg",
    "50 mg",
    "100 mg",
    "250 mg",
    "500 mg",
    "1 g",
    "75 µg",
)
_ROUTES = ("by mouth", "by feeding tube", "crushed in water", "dissolved in water", "before a meal")
_TIMES = (
    "once daily",
    "twice daily",
    "three times daily",
    "every six hours",
    "at night",
    "once a week",
)
_TAKEN = per_split(
    (
        "The patient takes {d} {x} {r} {t}.",
        "- {d} {x} {r}, {t}",
        "| {d} | {x} | {r} | {t} |",
        "{d}: {x} {t} {r}",
    ),
    ("{x} {d}, {t}, {r}", "{t} {r}: {d}, {x}.", "* {d} ({x}; {r}; {t})"),
)
_STOPPED = per_split(
    ("{d} was stopped.", "{d}: not tolerated, no longer given"),
    ("{d} has been withdrawn.", "no more {d}"),
)


@document(
    "medication-rows",
    FAMILY,
    Category.IE,
    "Write a line `drug | dose | route | frequency` for each, in the order of the document; leave "
    "out what is no longer taken.",
    _N2C2,
)
def medication_rows(draw: Draw, split: str) -> Case:
    """State drugs with dose, route and frequency, and some that were stopped."""
    pattern = draw.one(_TAKEN[split])
    lines: list[str] = []
    rows: list[str] = []
    for drug in draw.some(names("drugs"), draw.between(2, 6)):
        if rows and draw.chance(0.2):
            lines.append(fill(draw, draw.one(_STOPPED[split]), d=drug))
            continue
        dose, route, time = draw.one(_DOSES), draw.one(_ROUTES), draw.one(_TIMES)
        lines.append(fill(draw, pattern, d=drug, x=dose, r=route, t=time))
        rows.append(f"{drug} | {dose} | {route} | {time}")
    return Case("\n".join(lines), "\n".join(rows))


# ---- quantities, drugs and diseases with their places


@document(
    "quantities-with-places",
    FAMILY,
    Category.IE,
    f"Write `start-end | number | unit`. {_PLACES}",
    "Göpfert J et al. Proc SemEval 2021:306-316 (MeasEval, task 8)",
)
def quantities_with_places(draw: Draw, split: str) -> Case | None:
    """State quantities, of the patient and of others, and find where each stands."""
    known = [i for i in items().values() if i.type == "number" and i.units[0].text and not i.before]
    distinct = {item.labels[0]: item for item in known}
    values = [
        draw_value(draw, i, {}) for i in draw.some(list(distinct.values()), draw.between(3, 6))
    ]
    values = [value for value in values if not value.text[-1].isdigit()]
    split_at = draw.below(2)
    text = render(draw, split, "clinical", values[split_at:], values[:split_at])
    found = []
    for value in values:
        places = list(re.finditer(rf"(?<![\w.-]){re.escape(value.text)}(?![\w/])", text))
        if len(places) != 1:
            return None
        number = re.match(r"[\d.]+", value.text)
        assert number is not None
        unit = value.text[number.end() :].strip()
        found.append(
            (places[0].start(), f"{places[0].start()}-{places[0].end()} | {number[0]} | {unit}")
        )
    return Case(text, "\n".join(line for _, line in sorted(found)), whole=True) if found else None


_SENTENCES = per_split(
    (
        "The patient has {disease} and takes {drug}.",
        "{drug} was started because of {disease}.",
        "History of {disease} and of {disease}.",
        "There is no sign of {disease}.",
        "{drug} was replaced by {drug}.",
        "Allergic to {drug}.",
        "Her mother had {disease}.",
        "We discussed {disease}; {drug} is continued.",
    ),
    (
        "Known: {disease}, {disease}.",
        "Under {drug} the {disease} improved.",
        "{disease} was excluded.",
        "Please stop {drug} and consider {drug}.",
        "Treated with {drug} for {disease}.",
    ),
)
_SLOT = re.compile(r"\{(drug|disease)\}")


@document(
    "entities-with-places",
    FAMILY,
    Category.IE,
    f"Write `start-end | text | type`, the type being `drug` or `disease`. {_PLACES}",
    "Li J et al. Database 2016:baw068 (BC5CDR)",
)
def entities_with_places(draw: Draw, split: str) -> Case | None:
    """Write sentences with drugs and diseases, and note where each begins and ends."""
    body, found = "", []
    for sentence in draw.some(_SENTENCES[split], draw.between(2, 5)):
        last = 0
        body += " " if body else ""
        for slot in _SLOT.finditer(sentence):
            body += sentence[last : slot.start()]
            word = draw.one(names(f"{slot[1]}s"))
            if not sentence[: slot.start()]:
                word = word[0].upper() + word[1:]
            found.append((len(body), word, slot[1]))
            body += word
            last = slot.end()
        body += sentence[last:]
    text = opened(draw, split, "clinical", body)
    start = text.index(body)
    rows = [f"{start + at}-{start + at + len(word)} | {word} | {type}" for at, word, type in found]
    return Case(text, "\n".join(rows), whole=True)


# ---- findings and results

_THERE = per_split(("reports {s}", "{s} present", "complains of {s}"), ("has {s}", "{s} noted"))
_ABSENT = per_split(("denies {s}", "no {s}", "without {s}"), ("{s} absent", "negative for {s}"))
_JOINS = per_split((", ", "\n", "; "), (" / ", " + "))


@document(
    "symptoms-present",
    FAMILY,
    Category.IE,
    "Answer in two lines, `present:` and `absent:`, each with the symptoms in alphabetical order, "
    "separated by commas, or `none`.",
    _NEGEX,
)
def symptoms_present(draw: Draw, split: str) -> Case:
    """State symptoms as present or absent in mixed order."""
    there: dict[bool, list[str]] = {True: [], False: []}
    stated = []
    for symptom in draw.some(names("symptoms"), draw.between(3, 8)):
        present = draw.chance(0.5)
        there[present].append(symptom)
        stated.append(fill(draw, draw.one((_THERE if present else _ABSENT)[split]), s=symptom))
    lists = [", ".join(sorted(there[is_there])) or "none" for is_there in (True, False)]
    return Case(draw.one(_JOINS[split]).join(stated), f"present: {lists[0]}\nabsent: {lists[1]}")


_STATED = per_split(
    ("{l} {v}", "The {l} is {v}.", "{l}: {v}", "{l} came back at {v}."),
    ("{v} for {l}", "measured {l} = {v}"),
)
_PENDING = per_split(("{l}: pending", "{l} not yet known."), ("{l} to follow",))


@document(
    "values-to-rows",
    FAMILY,
    Category.IE,
    "Write a line `name | number | unit` for each result, in the order of the document; leave out "
    "what is not known yet.",
    "CLSI AUTO-A. Laboratory data interoperability, 2019",
)
def values_to_rows(draw: Draw, split: str) -> Case:
    """State results, and some that are still to come."""
    pattern = draw.one(_STATED[split])
    lines: list[str] = []
    rows: list[str] = []
    for one in draw_results(draw, draw.between(2, 7)):
        if rows and draw.chance(0.2):
            lines.append(draw.one(_PENDING[split]).replace("{l}", one.label))
            continue
        lines.append(pattern.replace("{l}", one.label).replace("{v}", one.value))
        rows.append(f"{one.label} | {one.number} | {one.unit}")
    return Case("\n".join(lines), "\n".join(rows))


@document(
    "out-of-range",
    FAMILY,
    Category.IE,
    "Answer in two lines, `low:` and `high:`, each with the names in the order of the document, "
    "separated by commas, or `none`; the limits themselves are normal.",
    _CLSI,
)
def out_of_range(draw: Draw, split: str) -> Case:
    """Compare results with the limits of their rows."""
    results = draw_results(draw, draw.between(3, 8))
    low, high = (
        ", ".join(one.label for one in results if one.course == course) or "none"
        for course in ("low", "high")
    )
    return Case(table(draw, split, results), f"low: {low}\nhigh: {high}")
