"""Drugs and laboratory values over time, trials, and units."""

from __future__ import annotations

import datetime
import itertools
from fractions import Fraction

from bioinstruct.schema import Category
from bioinstruct.synthesis.documents import Case, document, per_split
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.formula import rounded
from bioinstruct.synthesis.frames import fill, names, render
from bioinstruct.synthesis.items import Item, Value, draw_value, items, written_date

__all__ = ["FAMILY"]

FAMILY = "timelines"
_ISO = "ISO 8601-1:2019"
_RECONCILE = "WHO. Medication Reconciliation (High 5s), 2014"
_CONSORT = "Schulz KF et al. BMJ 2010;340:c332 (CONSORT 2010, item 4a)"
_START = datetime.date(2016, 1, 20)


def _day(draw: Draw) -> datetime.date:
    return _START + datetime.timedelta(days=draw.below(4000))


# ---- drugs over time

_PERIODS = per_split(
    ("{d}: {a} to {b}", "{d} was given from {a} until {b}.", "| {d} | {a} | {b} |"),
    ("{a} – {b} {d}", "{d} (begun {a}, last dose {b})"),
)
_OPEN = per_split(("{d} since {a}, ongoing", "{d}: {a} to now"), ("{a} – {d} still taken",))
_NEVER = per_split(
    ("{d}: planned for {a}, never given", "{d} was considered on {a} but never taken."),
    ("{a} {d} proposed, never started",),
)


@document(
    "medications-on-date",
    FAMILY,
    Category.IE,
    "One name per line in the order of the document, or `none`; the first and the last day of a "
    "drug count as days of taking it.",
    _ISO,
)
def medications_on_date(draw: Draw, split: str) -> Case:
    """Compare a day with the periods of drugs; days of start and end are drawn on purpose."""
    asked = _day(draw)
    pattern = draw.one(_PERIODS[split])
    lines, active = [], []
    for drug in draw.some(names("drugs"), draw.between(3, 7)):
        if draw.chance(0.12):
            never = draw.one(_NEVER[split])
            lines.append(fill(draw, never, d=drug, a=written_date(draw, asked)))
            continue
        start = asked + datetime.timedelta(days=draw.one((0, 0, 1, -1, draw.between(-400, 60))))
        length = draw.one((0, draw.between(1, 30), draw.between(1, 500)))
        if start < asked and draw.chance(0.3):
            length = (asked - start).days + draw.one((-1, 0, 1))
        end = start + datetime.timedelta(days=length)
        open_ended = draw.chance(0.2)
        last, form = written_date(draw, end), draw.one(_OPEN[split]) if open_ended else pattern
        lines.append(fill(draw, form, d=drug, a=written_date(draw, start), b=last))
        if start <= asked and (open_ended or asked <= end):
            active.append(drug)
    answer = "\n".join(active) or "none"
    return Case("\n".join(lines), answer, {"date": written_date(draw, asked)})


_HEADS = per_split(
    ("Before admission:|At discharge:", "Home medication:|Discharge medication:"),
    ("Taken until now:|To be taken from now on:",),
)
_DOSES = (
    "2.5 mg",
    "5 mg",
    "10 mg",
    "20 mg",
    "25 mg",
    "40 mg",
    "50 mg",
    "75 mg",
    "100 mg",
    "200 mg",
)
_TIMES = ("once daily", "twice daily", "three times daily", "every other day", "at night")
_TAKEN = per_split(("- {d} {x} {t}", "{d}, {x}, {t}"), ("* {x} of {d} {t}",))


@document(
    "reconciliation",
    FAMILY,
    Category.IE,
    "Answer in four lines `continued:`, `changed:`, `stopped:` and `new:`, each with the names in "
    "alphabetical order, or `none`.",
    _RECONCILE,
)
def reconciliation(draw: Draw, split: str) -> Case:
    """Compare two lists of drugs; a drug is changed if its dose or its frequency is."""
    sorted_out: dict[str, list[str]] = {"continued": [], "changed": [], "stopped": [], "new": []}
    before, after = [], []
    pattern = draw.one(_TAKEN[split])
    for drug in draw.some(names("drugs"), draw.between(3, 8)):
        dose, time = draw.one(_DOSES), draw.one(_TIMES)
        fate = draw.one(("continued", "continued", "changed", "stopped", "new"))
        sorted_out[fate].append(drug)
        old = fill(draw, pattern, d=drug, x=dose, t=time)
        if fate != "new":
            before.append(old)
        if fate == "changed":
            if draw.chance(0.5):
                dose = draw.one([other for other in _DOSES if other != dose])
            else:
                time = draw.one([other for other in _TIMES if other != time])
        if fate != "stopped":
            after.append(fill(draw, pattern, d=drug, x=dose, t=time))
    heads = draw.one(_HEADS[split]).split("|")
    lists = [draw.shuffled(before), draw.shuffled(after)]
    body = "\n".join(
        f"{head}\n{chr(10).join(lines) or 'no drugs'}"
        for head, lines in zip(heads, lists, strict=True)
    )
    answer = "\n".join(f"{k}: {', '.join(sorted(v)) or 'none'}" for k, v in sorted_out.items())
    return Case(body, answer)


# ---- trials

_CRITERIA = (
    *("age", "haemoglobin", "platelets", "creatinine", "bilirubin", "systolic", "heart_rate"),
    *("inr", "albumin", "potassium", "temperature"),
)
_HISTORY = ("heart_failure", "diabetes", "cancer", "dialysis", "cough")


@document(
    "eligibility",
    FAMILY,
    Category.QA,
    "Answer `eligible`, or `not eligible: ` with the numbers of the criteria that are not met, or, "
    "if none fails but some cannot be judged, `undecided: ` with their numbers.",
    _CONSORT,
)
def eligibility(draw: Draw, split: str) -> Case:
    """Compare values with limits that are often met by a hair."""
    lines, facts, failed, unknown = [], [], [], []
    chosen = draw.some([*_CRITERIA, *_HISTORY], draw.between(3, 6))
    for number, name in enumerate(chosen, start=1):
        item = items()[name]
        value = draw_value(draw, item, {})
        text, met = _criterion(draw, item, value)
        lines.append(f"{number}. {text}")
        if draw.chance(0.06):
            unknown.append(str(number))
            continue
        facts.append(value)
        if not met:
            failed.append(str(number))
    answer = "eligible"
    if failed or unknown:
        answer = (
            f"not eligible: {', '.join(failed)}" if failed else f"undecided: {', '.join(unknown)}"
        )
    noise = [n for n in ("crp", "ferritin", "tsh", "lactate", "magnesium") if n not in chosen]
    facts += [draw_value(draw, items()[n], {}) for n in draw.some(noise, draw.below(3))]
    body = render(draw, split, "clinical", facts)
    return Case(body, answer, more="\nCriteria:\n" + "\n".join(lines), whole=True)


def _criterion(draw: Draw, item: Item, value: Value) -> tuple[str, bool]:
    """Return a criterion, and whether a value meets it."""
    label = item.labels[0]
    if item.type == "finding":
        wanted = draw.chance(0.3)
        return (label if wanted else f"no {label}"), value.taken == wanted
    unit = item.units[0]
    scale = 10**unit.decimals
    exact = value.text.endswith(unit.text) and draw.chance(0.4)
    near = (
        round(value.taken * scale)
        if exact
        else draw.between(int(item.low * scale) + 1, int(item.high * scale))
    )
    limit = Fraction(near, scale)
    shown = f"{float(limit):.{unit.decimals}f}{' ' if unit.text else ''}{unit.text}"
    words, meets = draw.one(
        (
            ("at least", value.taken >= float(limit)),
            ("at most", value.taken <= float(limit)),
            ("below", value.taken < float(limit)),
            ("above", value.taken > float(limit)),
        )
    )
    return f"{label} {words} {shown}", meets


# ---- values over time

_MEASURED = (
    "sodium",
    "creatinine",
    "haemoglobin",
    "crp",
    "platelets",
    "potassium",
    "albumin",
    "lactate",
)
_SERIES = per_split(
    ("{a}: {l} {v}", "{l} on {a}: {v}", "| {a} | {l} | {v} |", "On {a} the {l} was {v}."),
    ("{v} {l} ({a})", "{a} – {l} = {v}"),
)


def _series(
    draw: Draw, split: str, item: Item, count: int, around: datetime.date
) -> tuple[str, dict[datetime.date, Value]]:
    """Return lines of dated values in random order, with lines of another item, and the values."""
    seen: dict[datetime.date, Value] = {}
    while len(seen) < count:
        value = draw_value(draw, item, {})
        if value.text.endswith(item.units[0].text):
            seen[around + datetime.timedelta(days=draw.one((0, 1, draw.between(-300, 200))))] = (
                value
            )
    other = items()[draw.one([name for name in _MEASURED if name != item.name])]
    pattern = draw.one(_SERIES[split])
    stated = [(date, value) for date, value in seen.items()]
    stated += [(_day(draw), draw_value(draw, other, {})) for _ in range(draw.below(4))]
    lines = [
        fill(draw, pattern, a=written_date(draw, date), l=value.item.labels[0], v=value.text)
        for date, value in draw.shuffled(stated)
    ]
    return "\n".join(lines), seen


@document(
    "laboratory-trend",
    FAMILY,
    Category.QA,
    "Answer `rising`, `falling`, `unchanged` or `mixed` (every value higher than, lower than or as "
    "the one before, or none of these), with the change from the first to the last in per cent of "
    "the first, as in `rising (+12.5%)`.",
    _ISO,
)
def laboratory_trend(draw: Draw, split: str) -> Case | None:
    """Order values by date and compare each with the next."""
    item = items()[draw.one(_MEASURED)]
    body, seen = _series(draw, split, item, draw.between(2, 4), _day(draw))
    values = [seen[date].taken for date in sorted(seen)]
    pairs = list(itertools.pairwise(values))
    course = "mixed"
    for name, holds in (
        ("rising", all(b > a for a, b in pairs)),
        ("falling", all(b < a for a, b in pairs)),
        ("unchanged", all(b == a for a, b in pairs)),
    ):
        course = name if holds else course
    change = 100 * (values[-1] - values[0]) / values[0]
    if 0 < abs(change) < 0.06 or (text := rounded(abs(change), 1)) is None:
        return None
    sign = "-" if change < 0 else "+"
    return Case(body, f"{course} ({sign}{text}%)", {"label": item.labels[0]})


@document(
    "latest-value",
    FAMILY,
    Category.IE,
    "Copy the value with its unit; answer `none` if there is none so early.",
    _ISO,
)
def latest_value(draw: Draw, split: str) -> Case:
    """Find the last date that is not after a given one."""
    item, asked = items()[draw.one(_MEASURED)], _day(draw)
    body, seen = _series(draw, split, item, draw.between(2, 4), asked)
    before = [date for date in seen if date <= asked]
    answer = seen[max(before)].text if before else "none"
    return Case(body, answer, {"label": item.labels[0], "date": written_date(draw, asked)})


# ---- units

_CONVERTED = (
    *("creatinine", "albumin", "calcium", "glucose", "bun", "bilirubin", "hdl", "triglycerides"),
    *("pao2", "paco2", "weight", "height", "haemoglobin", "total_cholesterol"),
)


@document(
    "unit-conversion",
    "units",
    Category.QA,
    "Round it to two decimal places and write the unit.",
    "Young DS. Ann Intern Med 1987;106:114-129",
)
def unit_conversion(draw: Draw, split: str) -> Case | None:
    """Divide by the factor of the given unit and multiply with that of the wanted one."""
    item = items()[draw.one(_CONVERTED)]
    value = draw_value(draw, item, {})
    given = next(u for u in item.units if value.text.endswith(f" {u.text}"))
    unit = draw.one([u for u in item.units if u.text != given.text])
    number = Fraction(value.text.split()[0]) / given.factor * unit.factor
    text = rounded(float(number), 2)
    if text is None:
        return None
    noise = [one for one in ("crp", "tsh", "lactate", "magnesium", "ferritin") if one != item.name]
    facts = [
        value,
        *(draw_value(draw, items()[n], {}) for n in draw.some(noise, draw.between(1, 4))),
    ]
    body = render(draw, split, "clinical", facts)
    known = {"label": item.labels[0], "unit": unit.text}
    return Case(body, f"{text} {unit.text}", known, whole=True)
