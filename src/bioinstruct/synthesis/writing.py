"""Texts to write whose words follow from the facts: notes, instructions, schedules, histories."""

from __future__ import annotations

import datetime

from bioinstruct.schema import Category
from bioinstruct.synthesis.documents import Case, document, per_split
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.frames import fill, names
from bioinstruct.synthesis.items import written_date
from bioinstruct.synthesis.results import draw_results, table

__all__ = ["FAMILY"]

FAMILY = "writing"
_START = datetime.datetime(2016, 1, 20)


@document(
    "note-from-table",
    FAMILY,
    Category.GEN,
    "Write `NAME is low, normal or high at VALUE (reference LOW to HIGH).` for each row, one "
    "sentence per line, the name with a capital letter; the limits themselves are normal.",
    "CLSI EP28-A3c. Defining reference intervals, 2010",
)
def note_from_table(draw: Draw, split: str) -> Case:
    """Write a sentence for each result of a table."""
    results = draw_results(draw, draw.between(2, 6))
    sentences = [
        f"{one.label[0].upper()}{one.label[1:]} is {one.course} at {one.value} "
        f"(reference {one.low} to {one.high})."
        for one in results
    ]
    return Case(table(draw, split, results), "\n".join(sentences))


_ROUTES = {"PO": "by mouth", "NG": "by nasogastric tube", "PEG": "by gastrostomy tube"}
_FREQUENCIES = {
    "BID": ("twice a day", 2),
    "TID": ("three times a day", 3),
    "QID": ("four times a day", 4),
    "q4h": ("every 4 hours", 6),
    "q6h": ("every 6 hours", 4),
    "q8h": ("every 8 hours", 3),
    "q12h": ("every 12 hours", 2),
    "QHS": ("at bedtime", 1),
    "QAM": ("in the morning", 1),
}
_SIGS = per_split(
    ("Rx: {d} {x} {r} {f} x {n} d", "{d} {x} {r} {f} for {n} d", "{d} | {x} | {r} | {f} | {n} d"),
    ("℞ {x} {d} {f} {r}, {n} d", "sig: {f} {r} {x} {d} ({n} d)"),
)
_STRENGTHS = (
    "2.5 mg",
    "5 mg",
    "10 mg",
    "20 mg",
    "25 mg",
    "50 mg",
    "100 mg",
    "250 mg",
    "500 mg",
    "750 mg",
)


@document(
    "prescription-in-words",
    FAMILY,
    Category.GEN,
    "Write `Take DOSE of DRUG ROUTE, FREQUENCY, for N days: M doses in all.`",
    "Institute for Safe Medication Practices. List of error-prone abbreviations, 2021",
)
def prescription_in_words(draw: Draw, split: str) -> Case:
    """Spell out the abbreviations of a prescription, and count its doses."""
    drug, strength, days = draw.one(names("drugs")), draw.one(_STRENGTHS), draw.between(2, 30)
    route, frequency = draw.one(list(_ROUTES)), draw.one(list(_FREQUENCIES))
    words, daily = _FREQUENCIES[frequency]
    body = fill(draw, draw.one(_SIGS[split]), d=drug, x=strength, r=route, f=frequency, n=str(days))
    answer = (
        f"Take {strength} of {drug} {_ROUTES[route]}, {words}, for {days} days: "
        f"{daily * days} doses in all."
    )
    return Case(body, answer)


_ORDERS = per_split(
    (
        "{d} {x}: first dose {a} {h}, then every {i} hours, {n} doses",
        "Start {d} ({x}) on {a} at {h}. Repeat every {i} hours until {n} doses are given.",
        "| {d} | {x} | {a} {h} | every {i} hours | {n} doses |",
    ),
    (
        "{n} doses of {d} {x}, every {i} hours, beginning {a}, {h}",
        "From {a} {h} on: {x} {d} every {i} hours ({n} doses)",
    ),
)


@document(
    "dose-times",
    FAMILY,
    Category.GEN,
    "Write a line `YYYY-MM-DD HH:MM` for each dose.",
    "ISO 8601-1:2019",
)
def dose_times(draw: Draw, split: str) -> Case:
    """Add the interval again and again, over midnight and the ends of months."""
    first = _START + datetime.timedelta(days=draw.below(4000), minutes=15 * draw.below(96))
    if draw.chance(0.3):
        year = draw.between(2016, 2026)
        first = datetime.datetime(
            year, *draw.one(((2, 28), (12, 31), (2, 27))), draw.between(12, 23)
        )
    interval, count = draw.one((4, 6, 8, 12, 18, 24, 36)), draw.between(3, 8)
    body = fill(
        draw,
        draw.one(_ORDERS[split]),
        d=draw.one(names("drugs")),
        x=draw.one(_STRENGTHS),
        a=written_date(draw, first.date()),
        h=f"{first:%H:%M}",
        i=str(interval),
        n=str(count),
    )
    times = [first + datetime.timedelta(hours=interval * k) for k in range(count)]
    return Case(body, "\n".join(f"{time:%Y-%m-%d %H:%M}" for time in times))


_HAPPENED = per_split(
    ("{e} was on {a}", "{a}: {e}", "| {a} | {e} |", "On {a} the patient had {e}."),
    ("{e} ({a})", "{e}, dated {a}"),
)


@document(
    "chronology",
    FAMILY,
    Category.GEN,
    "Write a line `YYYY-MM-DD: EVENT` for each, the earliest first.",
    "ISO 8601-1:2019",
)
def chronology(draw: Draw, split: str) -> Case:
    """Order events by date, each date written in one of three forms."""
    events: dict[datetime.date, str] = {}
    around = _START.date() + datetime.timedelta(days=draw.below(4000))
    for event in draw.some(names("events"), draw.between(3, 7)):
        while (date := around + datetime.timedelta(days=draw.between(-40, 40))) in events:
            pass
        events[date] = event
    pattern = draw.one(_HAPPENED[split])
    lines = [
        fill(draw, pattern, e=event, a=written_date(draw, date)) for date, event in events.items()
    ]
    answer = "\n".join(f"{date.isoformat()}: {events[date]}" for date in sorted(events))
    return Case("\n".join(lines), answer)
