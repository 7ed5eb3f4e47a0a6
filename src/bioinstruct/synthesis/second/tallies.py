"""Scores, dates of pregnancy, studies and populations, derived again."""

from __future__ import annotations

import datetime
from math import exp, log, sqrt

from bioinstruct.synthesis.second.answers import Answer, cannot, points, valued
from bioinstruct.synthesis.second.reading import fixed

__all__ = ["TALLIES"]


def _meld(
    bili: float, inr: float, cr: float, na: float, alb: float, woman: bool, dialysis: bool
) -> str:
    cr = 3.0 if dialysis else sorted((1.0, cr, 3.0))[1]
    bili, inr = max(bili, 1.0), max(inr, 1.0)
    na, alb = sorted((125.0, na, 137.0))[1], sorted((1.5, alb, 3.5))[1]
    total = (
        (1.33 if woman else 0.0)
        + log(bili) * (4.56 - 0.24 * (137 - na))
        + (137 - na) * 0.82
        + log(inr) * 9.09
        + log(cr) * (11.14 - 1.83 * (3.5 - alb))
        + (3.5 - alb) * 1.85
        + 6
    )
    return points(min(float(fixed(total, 0)), 40))


def _child(bili: float, alb: float, inr: float, water: int, brain: int) -> str:
    total = 1 if bili < 2 else 2 if bili <= 3 else 3
    total += 1 if alb > 3.5 else 2 if alb >= 2.8 else 3
    total += 1 if inr < 1.7 else 2 if inr <= 2.3 else 3
    total += water + 1
    total += 1 if brain == 0 else 2 if brain <= 2 else 3
    return f"{total} points, class {'A' if total < 7 else 'B' if total < 10 else 'C'}"


def _vasc(
    years: float, woman: bool, chf: bool, htn: bool, dm: bool, stroke: bool, vessels: bool
) -> str:
    by_age = 0 if years < 65 else 1 if years < 75 else 2
    return points(by_age + sum((woman, chf, htn, dm, vessels)) + (2 if stroke else 0))


def _has_bled(**found: float) -> str:
    years = found.pop("years")
    return points(sum(map(bool, found.values())) + (1 if years > 65 else 0))


def _wells_pe(
    dvt: bool, likely: bool, beats: float, bed: bool, past: bool, blood: bool, cancer: bool
) -> str:
    halves = 6 * (dvt + likely) + 3 * sum((beats > 100, bed, past)) + 2 * (blood + cancer)
    return points(halves / 2, 1)


def _wells_dvt(**found: bool) -> str:
    other = found.pop("other")
    total = sum(found.values())
    return points(total - 2 if other else total)


def _curb(mind: bool, urea: float, breaths: float, high: float, low: float, years: float) -> str:
    pressure = high <= 89 or low < 61
    # The reader gives the urea nitrogen in mg/dL: 7 mmol/L are 19.607.
    return points(sum((mind, urea > 19.6071, breaths > 29, pressure, years > 64)))


def _centor(years: float, heat: float, pus: bool, nodes: bool, cough: bool) -> str:
    return points(sum((heat >= 38.05, pus, nodes, not cough)) - (1 if years > 44 else 0))


def _apgar(colour: int, beats: float, reflex: int, tone: int, breath: int) -> str:
    return points(colour + reflex + tone + breath + (0 if beats == 0 else 1 if beats < 100 else 2))


_SCORES: dict[str, Answer] = {
    "meld-3": valued(
        {
            "bili": "number bilirubin",
            "inr": "number inr",
            "cr": "number creatinine",
            "na": "number sodium",
            "alb": "number albumin",
            "woman": "woman",
            "dialysis": "finding dialysis",
        },
        _meld,
    ),
    "child-pugh": valued(
        {
            "bili": "number bilirubin",
            "alb": "number albumin",
            "inr": "number inr",
            "water": "grade ascites",
            "brain": "grade encephalopathy",
        },
        _child,
    ),
    "cha2ds2-vasc": valued(
        {
            "years": "number age",
            "woman": "woman",
            "chf": "finding heart failure",
            "htn": "finding hypertension",
            "dm": "finding diabetes",
            "stroke": "finding stroke",
            "vessels": "finding vascular",
        },
        _vasc,
    ),
    "has-bled": valued(
        {
            "pressure": "finding high pressure",
            "kidney": "finding kidney",
            "liver": "finding liver",
            "stroke": "finding stroke alone",
            "blood": "finding bleeding",
            "labile": "finding labile",
            "years": "number age",
            "drugs": "finding drugs",
            "alcohol": "finding alcohol",
        },
        _has_bled,
    ),
    "wells-pulmonary-embolism": valued(
        {
            "dvt": "finding dvt signs",
            "likely": "finding pe likeliest",
            "beats": "number heart rate",
            "bed": "finding immobile",
            "past": "finding past vte",
            "blood": "finding haemoptysis",
            "cancer": "finding cancer",
        },
        _wells_pe,
    ),
    "wells-deep-vein-thrombosis": valued(
        {
            "cancer": "finding cancer",
            "paralysis": "finding paralysis",
            "bed": "finding bed rest",
            "tender": "finding tender veins",
            "leg": "finding swollen leg",
            "calf": "finding swollen calf",
            "pitting": "finding pitting",
            "veins": "finding collaterals",
            "past": "finding past dvt",
            "other": "finding alternative",
        },
        _wells_dvt,
    ),
    "curb-65": valued(
        {
            "mind": "finding confusion",
            "urea": "number urea",
            "breaths": "number respiratory rate",
            "high": "number systolic",
            "low": "number diastolic",
            "years": "number age",
        },
        _curb,
    ),
    "qsofa": valued(
        {
            "breaths": "number respiratory rate",
            "high": "number systolic",
            "mind": "finding mentation",
        },
        lambda breaths, high, mind: points((breaths > 21) + (high < 101) + mind),
    ),
    "centor-mcisaac": valued(
        {
            "years": "number age",
            "heat": "number temperature",
            "pus": "finding exudate",
            "nodes": "finding nodes",
            "cough": "finding cough",
        },
        _centor,
    ),
    "apgar": valued(
        {
            "colour": "grade colour",
            "beats": "number newborn pulse",
            "reflex": "grade reflex",
            "tone": "grade tone",
            "breath": "grade breath",
        },
        _apgar,
    ),
    "glasgow-coma-scale": valued(
        {"eyes": "grade eyes", "speech": "grade speech", "movement": "grade movement"},
        lambda eyes, speech, movement: points(eyes + speech + movement + 3),
    ),
}


# ---- pregnancy


def _weeks(start: datetime.date, visit: datetime.date) -> str:
    days = visit.toordinal() - start.toordinal()
    return f"{days // 7} weeks {days % 7} days"


def _due(start: datetime.date, cycle: float) -> str:
    return str(datetime.date.fromordinal(start.toordinal() + 252 + round(cycle)))


def _due_transfer(transfer: datetime.date, age: float) -> str:
    return str(datetime.date.fromordinal(transfer.toordinal() + 266 - round(age)))


def _years(born: datetime.date, visit: datetime.date) -> str:
    """Count the birthdays that have passed."""
    leap = (born.month, born.day) == (2, 29)
    passed = 0
    for year in range(born.year + 1, visit.year + 1):
        usual = year % 4 != 0 or (year % 100 == 0 and year % 400 != 0)
        day = datetime.date(year, 3, 1) if leap and usual else born.replace(year=year)
        passed += day <= visit
    return f"{passed} years"


# ---- studies

_N975 = 1.959964


def _interval(cells: tuple[float, float, float, float], inverse: float) -> str:
    """Return a cross ratio, and its interval from the variance of its logarithm."""
    a, b, c, d = cells
    middle, half = log(a) - log(b) - log(c) + log(d), sqrt(inverse) * _N975
    low, high = exp(middle - half), exp(middle + half)
    return f"{fixed(exp(middle), 2)} (95% CI {fixed(low, 2)} to {fixed(high, 2)})"


def _risk_ratio(a: float, n: float, c: float, m: float) -> str:
    if a == 0 or c == 0:
        return cannot("a group has no events")
    return _interval((a, n, c, m), (n - a) / (a * n) + (m - c) / (c * m))


def _odds_ratio(a: float, b: float, c: float, d: float) -> str:
    if a * b * c * d == 0:
        return cannot("a cell of the table is zero")
    return _interval((a, b, c, d), ((b + a) * c * d + (c + d) * a * b) / (a * b * c * d))


def _needed(a: float, n: float, c: float, m: float) -> str:
    gain, both = round(c * n - a * m), round(n * m)
    if gain <= 0:
        return cannot("the risk in the treatment group is not lower")
    return str(-(-both // gain))


def _wilson(hits: float, misses: float, nobody: str) -> str:
    total = hits + misses
    if total == 0:
        return cannot(nobody)
    z2 = _N975**2
    root = _N975 * sqrt(z2 + 4 * hits * misses / total)
    low, high = ((2 * hits + z2 + sign * root) / (2 * (total + z2)) * 100 for sign in (-1, 1))
    return f"{fixed(100 * hits / total, 1)}% (95% CI {fixed(low, 1)} to {fixed(high, 1)}%)"


def _bayes(sens: float, spec: float, prev: float) -> str:
    odds = prev / (1 - prev)
    missed, wrong = 1 - sens, 1 - spec
    positive = sens * odds / (sens * odds + wrong)
    negative = spec / (spec + missed * odds)
    return f"PPV {fixed(100 * positive, 1)}%, NPV {fixed(100 * negative, 1)}%"


def _likelihood(sens: float, spec: float) -> str:
    if spec >= 1:
        return cannot("the specificity is 100%")
    return fixed(sens / (1 - spec), 2)


def _alleles(aa: float, ab: float, bb: float) -> str:
    if aa + ab + bb == 0:
        return cannot("nobody was typed")
    return fixed((aa + ab / 2) / (aa + ab + bb), 3)


def _equilibrium(aa: float, ab: float, bb: float) -> str:
    """Return n F^2 with F = (4 AA BB - AB^2) / (p q) in counts of alleles."""
    first, second = 2 * aa + ab, 2 * bb + ab
    if first == 0 or second == 0:
        return cannot("only one allele was seen")
    inbred = (4 * aa * bb - ab * ab) / (first * second)
    return fixed((aa + ab + bb) * inbred * inbred, 2)


_ARMS = {
    "a": "number treated events",
    "n": "number treated",
    "c": "number control events",
    "m": "number controls",
}
_TYPED = {"aa": "number AA", "ab": "number AB", "bb": "number BB"}
_OTHERS: dict[str, Answer] = {
    "gestational-age": valued({"start": "date last period", "visit": "date visit"}, _weeks),
    "due-date": valued({"start": "date last period", "cycle": "number cycle"}, _due),
    "due-date-transfer": valued(
        {"transfer": "date transfer", "age": "number embryo age"}, _due_transfer
    ),
    "age-on-date": valued({"born": "date birth", "visit": "date visit day"}, _years),
    "length-of-stay": valued(
        {"came": "date admission", "left": "date discharge"},
        lambda came, left: f"{left.toordinal() - came.toordinal()} days",
    ),
    "risk-ratio": valued(_ARMS, _risk_ratio),
    "risk-difference": valued(
        _ARMS, lambda a, n, c, m: f"{fixed((c * n - a * m) / (n * m) * 100, 1)} percentage points"
    ),
    "number-needed-to-treat": valued(_ARMS, _needed),
    "odds-ratio": valued(
        {
            "a": "number exposed cases",
            "b": "number unexposed cases",
            "c": "number exposed controls",
            "d": "number unexposed controls",
        },
        _odds_ratio,
    ),
    "sensitivity": valued(
        {"tp": "number tp", "fn": "number fn"},
        lambda tp, fn: _wilson(tp, fn, "nobody has the disease"),
    ),
    "specificity": valued(
        {"tn": "number tn", "fp": "number fp"},
        lambda tn, fp: _wilson(tn, fp, "everybody has the disease"),
    ),
    "positive-predictive-value": valued(
        {"tp": "number tp", "fp": "number fp"},
        lambda tp, fp: _wilson(tp, fp, "nobody tested positive"),
    ),
    "predictive-values-of-prevalence": valued(
        {"sens": "number sensitivity", "spec": "number specificity", "prev": "number prevalence"},
        _bayes,
    ),
    "likelihood-ratio-positive": valued(
        {"sens": "number sensitivity", "spec": "number specificity"}, _likelihood
    ),
    "carrier-frequency": valued(
        {"people": "number incidence"},
        lambda people: f"{fixed(200 * (sqrt(people) - 1) / people, 2)}%",
    ),
    "allele-frequency": valued(_TYPED, _alleles),
    "hardy-weinberg-test": valued(_TYPED, _equilibrium),
}
TALLIES: dict[str, Answer] = {**_SCORES, **_OTHERS}
"""By the name of the kind."""
