"""The formulas of kidney, electrolytes, physiology and drugs, derived again."""

from __future__ import annotations

from collections.abc import Callable
from math import cbrt, exp, log

from bioinstruct.synthesis.second.answers import Answer, cannot, valued
from bioinstruct.synthesis.second.reading import fixed

__all__ = ["FORMULAS"]

MDL, MM, PCT = "mg/dL", "mmol/L", "%"


def _n(names: str) -> dict[str, str]:
    """Return the reads of numbers, `a=sodium, b=chloride`; `woman` is the sex."""
    reads = {}
    for part in names.split(", "):
        parameter, _, name = part.partition("=")
        reads[parameter] = f"number {name}" if name else "woman"
    return reads


def _ckd_epi(scr: float, years: float, woman: bool) -> str:
    if years < 18:
        return cannot("the equation is for adults of 18 years or more")
    knee = log(scr) - log(0.7 if woman else 0.9)
    slope = (-0.241 if woman else -0.302) if knee < 0 else -1.2
    total = log(142) + slope * knee + years * log(0.9938) + (log(1.012) if woman else 0)
    return f"{fixed(exp(total), 0)} mL/min/1.73 m²"


def _cockcroft(years: float, kg: float, scr: float, woman: bool) -> str:
    top = (140 - years) * kg
    if woman:
        top -= top * 0.15
    return f"{fixed(top / scr / 72, 0)} mL/min"


def _mdrd(scr: float, years: float, woman: bool) -> str:
    total = exp(log(175) - 1.154 * log(scr) - 0.203 * log(years))
    return f"{fixed(total * 0.742 if woman else total, 0)} mL/min/1.73 m²"


def _sodium_glucose(slope: float) -> Answer:
    def corrected(na: float, glu: float) -> str:
        if glu < 100:
            return cannot("the glucose is below 100 mg/dL")
        return f"{fixed(na + (glu * slope - 100 * slope) / 100, 1)} {MM}"

    return valued(_n("na=sodium, glu=glucose"), corrected)


def _osmoles(na: float, glu: float, urea: float) -> float:
    return na + na + (glu * 2.8 + urea * 18) / (18 * 2.8)


def _winters(hco3: float) -> str:
    return f"{fixed(1.5 * hco3 + 6, 1)} to {fixed(1.5 * hco3 + 10, 1)} mmHg"


def _delta(na: float, cl: float, hco3: float) -> str:
    if hco3 >= 24:
        return cannot("the bicarbonate is not below 24 mmol/L")
    return fixed((12 - na + cl + hco3) / (hco3 - 24), 2)


def _water(kg: float, na: float, woman: bool) -> str:
    if na <= 140:
        return cannot("the sodium is not above 140 mmol/L")
    return f"{fixed(kg * (na - 140) * (5 if woman else 6) / 1400, 1)} L"


def _devine(cm: float, woman: bool) -> str:
    inches = cm / 2.54
    if inches < 60 - 1e-9:
        return cannot("the height is below 60 inches")
    return f"{fixed((-92.5 if woman else -88.0) + 2.3 * inches, 1)} kg"


def _friedewald(tc: float, hdl: float, tg: float) -> str:
    if tg > 400:
        return cannot("the triglycerides are above 400 mg/dL")
    return f"{fixed((5 * tc - 5 * hdl - tg) / 5, 0)} mg/dL"


def _of(names: str, unit: str, digits: int, compute: Callable[..., float]) -> Answer:
    """Return an answer of one number with its unit."""
    gap = "" if unit in {"", PCT} else " "
    return valued(_n(names), lambda **values: f"{fixed(compute(**values), digits)}{gap}{unit}")


FORMULAS: dict[str, Answer] = {
    "egfr-ckd-epi-2021": valued(_n("scr=creatinine, years=age, woman"), _ckd_epi),
    "creatinine-clearance-cockcroft-gault": valued(
        _n("years=age, kg=weight, scr=creatinine, woman"), _cockcroft
    ),
    "egfr-mdrd": valued(_n("scr=creatinine, years=age, woman"), _mdrd),
    "fractional-excretion-sodium": _of(
        "una=urine sodium, na=sodium, ucr=urine creatinine, cr=creatinine",
        PCT,
        2,
        lambda una, na, ucr, cr: (una / na) / (ucr / cr) * 100,
    ),
    "fractional-excretion-urea": _of(
        "uun=urine urea, urea=urea, ucr=urine creatinine, cr=creatinine",
        PCT,
        1,
        lambda uun, urea, ucr, cr: (uun / urea) / (ucr / cr) * 100,
    ),
    "anion-gap": _of(
        "na=sodium, cl=chloride, hco3=bicarbonate", MM, 1, lambda na, cl, hco3: na - cl - hco3
    ),
    "anion-gap-albumin": _of(
        "na=sodium, cl=chloride, hco3=bicarbonate, alb=albumin",
        MM,
        1,
        lambda na, cl, hco3, alb: (na + 10) - (cl + hco3 + alb * 5 / 2),
    ),
    "calcium-corrected": _of(
        "ca=calcium, alb=albumin", MDL, 2, lambda ca, alb: ca + 3.2 - alb * 4 / 5
    ),
    "sodium-corrected-katz": _sodium_glucose(1.6),
    "sodium-corrected-hillier": _sodium_glucose(2.4),
    "osmolality": valued(
        _n("na=sodium, glu=glucose, urea=urea"),
        lambda na, glu, urea: f"{fixed(_osmoles(na, glu, urea), 1)} mOsm/kg",
    ),
    "osmolal-gap": valued(
        _n("seen=measured osmolality, na=sodium, glu=glucose, urea=urea"),
        lambda seen, na, glu, urea: f"{fixed(seen - _osmoles(na, glu, urea), 1)} mOsm/kg",
    ),
    "winters-formula": valued(_n("hco3=bicarbonate"), _winters),
    "delta-ratio": valued(_n("na=sodium, cl=chloride, hco3=bicarbonate"), _delta),
    "free-water-deficit": valued(_n("kg=weight, na=sodium, woman"), _water),
    "body-mass-index": _of(
        "kg=weight, cm=height", "kg/m²", 1, lambda kg, cm: kg * 10000 / (cm * cm)
    ),
    "body-surface-mosteller": _of(
        "cm=height, kg=weight", "m²", 2, lambda cm, kg: exp((log(cm) + log(kg)) / 2) / 60
    ),
    "body-surface-du-bois": _of(
        "cm=height, kg=weight",
        "m²",
        2,
        lambda cm, kg: exp(log(71.84) + 0.425 * log(kg) + 0.725 * log(cm)) / 1e4,
    ),
    "ideal-body-weight": valued(_n("cm=height, woman"), _devine),
    "aa-gradient": _of(
        "fio2=fio2, co2=paco2, o2=pao2",
        "mmHg",
        1,
        lambda fio2, co2, o2: 713 * fio2 - 1.25 * co2 - o2,
    ),
    "horowitz-index": _of("o2=pao2, fio2=fio2", "mmHg", 0, lambda o2, fio2: o2 / fio2),
    "mean-arterial-pressure": _of(
        "high=systolic, low=diastolic", "mmHg", 0, lambda high, low: low + (high - low) / 3
    ),
    "shock-index": _of("beats=heart rate, high=systolic", "", 2, lambda beats, high: beats / high),
    "qtc-bazett": _of(
        "qt=qt, beats=heart rate", "ms", 0, lambda qt, beats: qt * (beats / 60) ** 0.5
    ),
    "qtc-fridericia": _of(
        "qt=qt, beats=heart rate", "ms", 0, lambda qt, beats: qt * cbrt(beats / 60)
    ),
    "ldl-friedewald": valued(_n("tc=cholesterol, hdl=hdl, tg=triglycerides"), _friedewald),
    "transferrin-saturation": _of("fe=iron, tibc=tibc", PCT, 1, lambda fe, tibc: fe / tibc * 100),
    "homa-ir": _of(
        "glu=fasting glucose, ins=insulin", "", 2, lambda glu, ins: glu * ins / (22.5 * 18.016)
    ),
    "fib-4": _of(
        "years=age, ast=ast, plt=platelets, alt=alt",
        "",
        2,
        lambda years, ast, plt, alt: years * ast / plt * alt**-0.5,
    ),
    "apri": _of(
        "ast=ast, top=ast limit, plt=platelets",
        "",
        2,
        lambda ast, top, plt: ast * 100 / (top * plt),
    ),
    "dose-by-weight": _of(
        "dose=dose per kg, kg=weight, most=maximum dose",
        "mg",
        1,
        lambda dose, kg, most: min(most, kg * dose),
    ),
    "suspension-volume": _of(
        "dose=daily dose, kg=weight, times=doses per day, strength=suspension",
        "mL",
        1,
        lambda dose, kg, times, strength: (dose * kg) / (strength * times),
    ),
    "infusion-rate": _of(
        "dose=infusion dose, kg=weight, strength=infusion strength",
        "mL/h",
        1,
        lambda dose, kg, strength: dose * 0.06 * kg / strength,
    ),
    "level-after-time": _of(
        "start=first level, half=half-life, hours=elapsed",
        "mg/L",
        2,
        lambda start, half, hours: start * exp(-log(2) * hours / half),
    ),
    "loading-dose": _of(
        "aim=target, vd=volume, kg=weight", "mg", 0, lambda aim, vd, kg: kg * vd * aim
    ),
    "maintenance-dose": _of(
        "aim=target, cl=clearance, hours=interval", "mg", 0, lambda aim, cl, hours: hours * aim * cl
    ),
    "elimination-constant": _of("half=half-life", "per h", 3, lambda half: log(2) / half),
}
"""By the name of the kind."""
