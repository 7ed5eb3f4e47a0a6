"""Rows, places and sentences, derived again from the text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from bioinstruct.synthesis.second.answers import Answer
from bioinstruct.synthesis.second.lexicon import DISEASES, DRUGS, SYMPTOMS, one_of
from bioinstruct.synthesis.second.reading import DATE, read_date

__all__ = ["EXTRACTS"]

_DRUG = re.compile(one_of(DRUGS))
_ENTITY = re.compile(f"(?P<drug>{one_of(DRUGS)})|(?P<disease>{one_of(DISEASES)})")
_SYMPTOM = re.compile(one_of(SYMPTOMS))
_DOSE = re.compile(r"\b\d+(?:\.\d+)? (?:mg|g|µg)\b")
_ROUTE = re.compile(r"by mouth|by feeding tube|crushed in water|dissolved in water|before a meal")
_OFTEN = re.compile(r"(?:once|twice|three times) daily|every six hours|at night|once a week")


def _medication(instruction: str, text: str) -> str:
    rows = []
    for line in text.splitlines():
        parts = [pattern.search(line) for pattern in (_DRUG, _DOSE, _ROUTE, _OFTEN)]
        if all(parts):
            rows.append(" | ".join(part[0] for part in parts if part))
    return "\n".join(rows)


_UNIT = re.compile(
    r"(?<![\w.^-])(\d+(?:\.\d+)?)( ?%| (?:× 10\^\d/µ?L|°C|years|days|months|doses"
    r"|[mµ]?(?:g|L|mol|Eq|U|Osm)(?:/(?:kg|d|m|µ|5 m)?L?(?:/(?:min|day|h))?)?"
    r"|[mµ]?g/kg(?:/(?:min|day|h))?|U/L|m(?:U|L)/(?:L|min)|L/(?:kg|h)|(?:beats|breaths)?/min"
    r"|mmHg|kPa|kg|lb|cm|mm|ms|min|in|m|s|h))(?![\w/])"
)


def _quantities(instruction: str, text: str) -> str:
    return "\n".join(
        f"{one.start()}-{one.end()} | {one[1]} | {one[2].strip()}" for one in _UNIT.finditer(text)
    )


def _entities(instruction: str, text: str) -> str:
    return "\n".join(
        f"{one.start()}-{one.end()} | {one[0]} | {one.lastgroup}" for one in _ENTITY.finditer(text)
    )


def _symptoms(instruction: str, text: str) -> str:
    there: dict[bool, list[str]] = {True: [], False: []}
    for statement in re.split(r"[,;\n]| / | \+ ", text):
        for one in _SYMPTOM.finditer(statement):
            denied = re.search(r"\b(?:denies|no|without|absent|negative for)\b", statement)
            there[denied is None].append(one[0])
    lists = (", ".join(sorted(there[key])) or "none" for key in (True, False))
    return "present: {}\nabsent: {}".format(*lists)


_ANALYTE = re.compile(
    r"\b(alkaline phosphatase|white cell count|total protein|uric acid|haemoglobin|bicarbonate"
    r"|creatinine|potassium|magnesium|phosphate|bilirubin|platelets|chloride|ferritin|glucose"
    r"|calcium|albumin|sodium|lipase|lactate|urea|ALT|AST|TSH)\b"
)
_AMOUNT = re.compile(r"(?<![\w.^])(\d+(?:\.\d+)?) (× 10\^9/L|[µm]?(?:mol|g|U)/L)")
_RANGE = re.compile(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)(?! ×)")


def _rows(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, number, unit and the rest of each line with a result."""
    for line in text.splitlines():
        name, amount = _ANALYTE.search(line), _AMOUNT.search(line)
        if name and amount:
            yield name[0], amount[1], amount[2], line.replace(amount[0], "")


def _results(instruction: str, text: str) -> str:
    return "\n".join(f"{name} | {number} | {unit}" for name, number, unit, _ in _rows(text))


def _judged(text: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, judgement, value and limits of each row."""
    for name, number, unit, rest in _rows(text):
        limits = _RANGE.search(rest)
        if limits is None:
            raise LookupError(f"no limits for {name}")
        low, value, high = (float(x) for x in (limits[1], number, limits[2]))
        judged = "low" if value < low else "normal" if value <= high else "high"
        yield name, judged, f"{number} {unit}", limits[1], limits[2]


def _abnormal(instruction: str, text: str) -> str:
    rows = list(_judged(text))
    lists = (
        ", ".join(row[0] for row in rows if row[1] == kind) or "none" for kind in ("low", "high")
    )
    return "low: {}\nhigh: {}".format(*lists)


def _note(instruction: str, text: str) -> str:
    return "\n".join(
        f"{name[:1].upper()}{name[1:]} is {judged} at {value} (reference {low} to {high})."
        for name, judged, value, low, high in _judged(text)
    )


_WORDS = {
    **{"PO": "by mouth", "NG": "by nasogastric tube", "PEG": "by gastrostomy tube"},
    **{"BID": "twice a day", "TID": "three times a day", "QID": "four times a day"},
    **{"QHS": "at bedtime", "QAM": "in the morning"},
}


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise LookupError(f"nothing fits {pattern}")
    return found[1]


def _prescription(instruction: str, text: str) -> str:
    line = next(one for one in text.splitlines() if re.search(r"\b\d+ d\b", one))
    drug = _first(f"({one_of(DRUGS)})", line)
    dose, days = _first(r"(\d+(?:\.\d+)? mg)", line), int(_first(r"\b(\d+) d\b", line))
    route = _WORDS[_first(r"\b(PO|NG|PEG)\b", line)]
    code = _first(r"\b(BID|TID|QID|QHS|QAM|q\d+h)\b", line)
    if code.startswith("q"):
        hours = int(code[1:-1])
        often, daily = f"every {hours} hours", 24 // hours
    else:
        often, daily = _WORDS[code], {"B": 2, "T": 3}.get(code[0], 4 if code == "QID" else 1)
    return f"Take {dose} of {drug} {route}, {often}, for {days} days: {days * daily} doses in all."


def _times(instruction: str, text: str) -> str:
    line = next(one for one in text.splitlines() if "hours" in one)
    day, clock = read_date(_first(DATE, line)), _first(r"(\d\d:\d\d)", line)
    hours, count = int(_first(r"every (\d+) hours", line)), int(_first(r"(\d+) doses", line))
    minutes = day.toordinal() * 1440 + int(clock[:2]) * 60 + int(clock[3:])
    lines = []
    for _ in range(count):
        days, rest = divmod(minutes, 1440)
        lines.append(f"{datetime.date.fromordinal(days)} {rest // 60:02}:{rest % 60:02}")
        minutes += hours * 60
    return "\n".join(lines)


_EVENT = re.compile(
    r"the (?:biopsy|bronchoscopy|colonoscopy|consultation|CT scan|dental visit|drainage"
    r"|echocardiography|endoscopy|(?:first|second) dose|MRI scan|operation|physiotherapy|puncture"
    r"|stress test|transfusion|ultrasound scan|vaccination|X-ray)\b"
)


def _history(instruction: str, text: str) -> str:
    found = []
    for line in text.splitlines():
        event, day = _EVENT.search(line), re.search(DATE, line)
        if event and day:
            found.append(f"{read_date(day[0])}: {event[0]}")
    return "\n".join(sorted(found))


EXTRACTS: dict[str, Answer] = {
    "medication-rows": _medication,
    "quantities-with-places": _quantities,
    "entities-with-places": _entities,
    "symptoms-present": _symptoms,
    "values-to-rows": _results,
    "out-of-range": _abnormal,
    "note-from-table": _note,
    "prescription-in-words": _prescription,
    "dose-times": _times,
    "chronology": _history,
}
"""By the name of the kind."""
