"""Drugs and values over time, trials and units, derived again from the text."""

from __future__ import annotations

import datetime
import itertools
import re
from fractions import Fraction

from bioinstruct.synthesis.second.answers import Answer
from bioinstruct.synthesis.second.lexicon import DRUGS, one_of
from bioinstruct.synthesis.second.reading import DATE, Lacking, Text, fixed, read_date
from bioinstruct.synthesis.second.vocabulary import FINDINGS, NUMBERS, UNITS

__all__ = ["RECORDS"]

_DRUG = re.compile(one_of(DRUGS))
_DAY = re.compile(DATE)


def _dates(text: str) -> list[datetime.date]:
    return [read_date(found[0]) for found in _DAY.finditer(text)]


def _active(instruction: str, text: str) -> str:
    """Keep the lines of drugs whose period holds the day that the instruction names."""
    [day] = _dates(instruction)
    active = []
    for line in text.splitlines():
        drug, days = _DRUG.search(line), _dates(line)
        if drug and days and "never" not in line:
            over = len(days) > 1 and days[1] < day
            if days[0] <= day and not over:
                active.append(drug[0])
    return "\n".join(active) or "none"


_HEAD = re.compile(
    r"^(Before admission|Home medication|Taken until now|At discharge|Discharge medication"
    r"|To be taken from now on):$",
    re.MULTILINE,
)


def _reconcile(instruction: str, text: str) -> str:
    """Compare what the lines of the two lists say of each drug, without its name."""
    _, _, first, _, second = _HEAD.split(text)
    before, after = (
        {
            found[0]: line.replace(found[0], "")
            for line in part.splitlines()
            if (found := _DRUG.search(line))
        }
        for part in (first, second)
    )
    both = before.keys() & after.keys()
    groups = {
        "continued": [drug for drug in both if before[drug] == after[drug]],
        "changed": [drug for drug in both if before[drug] != after[drug]],
        "stopped": before.keys() - after.keys(),
        "new": after.keys() - before.keys(),
    }
    return "\n".join(
        f"{name}: {', '.join(sorted(found)) or 'none'}" for name, found in groups.items()
    )


_BY_LABEL = {labels.partition("|")[0]: name for name, labels in NUMBERS.items()}
_FINDING_BY_LABEL = {labels.partition("|")[0]: name for name, labels in FINDINGS.items()}
_LIMIT = re.compile(r"(.+?) (at least|at most|below|above) (-?\d+(?:\.\d+)?) ?(.*)")


def _meets(criterion: str, text: Text) -> bool:
    """Return whether a text meets a criterion.

    Raises:
        Lacking: the text does not say.
    """
    limit = _LIMIT.fullmatch(criterion)
    if limit is None:
        wanted = not criterion.startswith("no ")
        return text.finding(_FINDING_BY_LABEL[criterion.removeprefix("no ")]) == wanted
    value, bound = text.number(_BY_LABEL[limit[1]]), float(Fraction(limit[3]))
    below, above = value < bound, value > bound
    return {"at least": not below, "at most": not above, "below": below, "above": above}[limit[2]]


def _eligible(instruction: str, text: str) -> str:
    said, failed, unknown = Text(text), [], []
    for number, criterion in re.findall(r"^(\d+)\. (.+)$", instruction, re.MULTILINE):
        try:
            if not _meets(criterion, said):
                failed.append(number)
        except Lacking:
            unknown.append(number)
    if failed:
        return f"not eligible: {', '.join(failed)}"
    return f"undecided: {', '.join(unknown)}" if unknown else "eligible"


_SERIES = (
    *("serum sodium", "serum creatinine", "haemoglobin", "C-reactive protein", "platelet count"),
    *("serum potassium", "serum albumin", "lactate"),
)


def _asked(instruction: str, labels: tuple[str, ...]) -> str:
    """Return the label that an instruction names."""
    found = re.search("|".join(map(re.escape, sorted(labels, key=len, reverse=True))), instruction)
    if found is None:
        raise LookupError("no value that is known is asked for")
    return found[0]


def _course(instruction: str, text: str) -> list[tuple[datetime.date, str]]:
    """Return the dates of the value that is asked for with its texts, the earliest first."""
    label = _asked(instruction, _SERIES)
    found = []
    for line in text.splitlines():
        days = _dates(line)
        if label in line and days:
            rest = _DAY.sub(" ", line).replace(label, " ")
            value = re.search(r"(?<![\w.])\d+(?:\.\d+)? (?:× 10\^\d/µ?L|[\w/µ]+)", rest)
            if value is None:
                raise LookupError(f"no value in {line!r}")
            found.append((days[0], value[0]))
    return sorted(found)


def _trend(instruction: str, text: str) -> str:
    values = [Fraction(value.split()[0]) for _, value in _course(instruction, text)]
    steps = {(after > before) - (after < before) for before, after in itertools.pairwise(values)}
    names = {1: "rising", -1: "falling", 0: "unchanged"}
    name = names[steps.pop()] if len(steps) == 1 else "mixed"
    change = float(values[-1] / values[0] - 1) * 100
    return f"{name} ({'-' if change < 0 else '+'}{fixed(abs(change), 1)}%)"


def _latest(instruction: str, text: str) -> str:
    [day] = _dates(instruction)
    before = [value for date, value in _course(instruction, text) if date <= day]
    return before[-1] if before else "none"


_CONVERTED = {
    **{"serum creatinine": "creatinine", "serum albumin": "albumin", "total calcium": "calcium"},
    **{"plasma glucose": "glucose", "blood urea nitrogen": "urea", "total bilirubin": "bilirubin"},
    **{"HDL cholesterol": "hdl", "triglycerides": "triglycerides", "body weight": "weight"},
    **{"arterial oxygen pressure": "pao2", "arterial carbon dioxide pressure": "paco2"},
    **{"height": "height", "haemoglobin": "haemoglobin", "total cholesterol": "cholesterol"},
}


def _convert(instruction: str, text: str) -> str:
    name = _CONVERTED[_asked(instruction, tuple(_CONVERTED))]
    units = sorted(UNITS[name], key=len, reverse=True)
    wanted = re.search(rf"(?:in|to|with) ({'|'.join(map(re.escape, units))})(?![\w/])", instruction)
    if wanted is None:
        raise LookupError("no unit is asked for")
    value = Fraction(Text(text).number(name)) / UNITS[name][wanted[1]]
    return f"{fixed(float(value), 2)} {wanted[1]}"


RECORDS: dict[str, Answer] = {
    "medications-on-date": _active,
    "reconciliation": _reconcile,
    "eligibility": _eligible,
    "laboratory-trend": _trend,
    "latest-value": _latest,
    "unit-conversion": _convert,
}
"""By the name of the kind."""
