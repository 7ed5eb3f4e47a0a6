"""Clinical scores: points for age, findings and thresholds of values."""

from __future__ import annotations

import math
from typing import Any

from bioinstruct.synthesis.formula import Result, formula

__all__ = ["FAMILY"]

FAMILY = "scores"


@formula(
    "meld-3",
    FAMILY,
    Result(of="the MELD 3.0 score", score=True),
    "Kim WR et al. Gastroenterology 2021;161:1887-1895",
)
def meld_3(
    bilirubin: float,
    inr: float,
    creatinine: float,
    sodium: float,
    albumin: float,
    sex: str,
    dialysis: bool,
) -> float:
    """Return the MELD 3.0, from 6 to 40; its bounds are those of the OPTN policy."""
    bili, clot = math.log(max(bilirubin, 1)), math.log(max(inr, 1))
    kidney = math.log(3 if dialysis else min(max(creatinine, 1), 3))
    salt = 137 - min(max(sodium, 125), 137)
    protein = 3.5 - min(max(albumin, 1.5), 3.5)
    value = 1.33 if sex == "female" else 0
    value += 4.56 * bili + 0.82 * salt - 0.24 * salt * bili + 9.09 * clot + 11.14 * kidney
    value += 1.85 * protein - 1.83 * protein * kidney + 6
    return min(value, 40)


def _steps(value: float, *limits: float) -> int:
    """Return how many of the limits a value is above."""
    return sum(value > limit for limit in limits)


@formula(
    "child-pugh",
    FAMILY,
    Result(
        of="the Child-Pugh score and class, with INR limits of 1.7 and 2.3",
        form="N points, class X",
    ),
    "Pugh RN et al. Br J Surg 1973;60:646-649",
)
def child_pugh(
    bilirubin: float, albumin: float, inr: float, ascites: int, encephalopathy: int
) -> list[Any]:
    """Return 1 to 3 points for each: bilirubin 2 and 3 mg/dL, albumin 3.5 and 2.8 g/dL, INR."""
    points = 5 + ascites + encephalopathy
    points += (bilirubin >= 2) + (bilirubin > 3)
    points += (albumin <= 3.5) + (albumin < 2.8)
    points += (inr >= 1.7) + (inr > 2.3)
    return [f"{points} points, class {'ABC'[_steps(points, 6, 9)]}"]


@formula(
    "cha2ds2-vasc",
    FAMILY,
    Result(of="the CHA2DS2-VASc score", score=True),
    "Lip GY et al. Chest 2010;137:263-272",
)
def cha2ds2_vasc(
    age: float,
    sex: str,
    heart_failure: bool,
    hypertension: bool,
    diabetes: bool,
    stroke: bool,
    vascular_disease: bool,
) -> int:
    """Return a point each, 2 for stroke, 1 from 65 years and 2 from 75, 1 for women."""
    points = heart_failure + hypertension + diabetes + 2 * stroke + vascular_disease
    return points + (age >= 65) + (age >= 75) + (sex == "female")


@formula(
    "has-bled",
    FAMILY,
    Result(of="the HAS-BLED score", score=True),
    "Pisters R et al. Chest 2010;138:1093-1100",
)
def has_bled(
    uncontrolled_hypertension: bool,
    abnormal_kidney: bool,
    abnormal_liver: bool,
    stroke_only: bool,
    bleeding: bool,
    labile_inr: bool,
    age: float,
    bleeding_drugs: bool,
    alcohol: bool,
) -> int:
    """Return a point for each, and one above 65 years."""
    organs = uncontrolled_hypertension + abnormal_kidney + abnormal_liver + stroke_only
    return organs + bleeding + labile_inr + (age > 65) + bleeding_drugs + alcohol


@formula(
    "wells-pulmonary-embolism",
    FAMILY,
    Result(of="the Wells score for pulmonary embolism", score=True, digits=1),
    "Wells PS et al. Thromb Haemost 2000;83:416-420",
)
def wells_embolism(
    dvt_signs: bool,
    pe_likeliest: bool,
    heart_rate: float,
    immobile: bool,
    past_thrombosis: bool,
    haemoptysis: bool,
    cancer: bool,
) -> float:
    """Return 3 points for signs and likelihood, 1.5 above 100 beats, immobility and history."""
    points = 3 * dvt_signs + 3 * pe_likeliest + 1.5 * (heart_rate > 100)
    return points + 1.5 * immobile + 1.5 * past_thrombosis + haemoptysis + cancer


@formula(
    "wells-deep-vein-thrombosis",
    FAMILY,
    Result(of="the Wells score for deep vein thrombosis (2003)", score=True),
    "Wells PS et al. N Engl J Med 2003;349:1227-1235",
)
def wells_thrombosis(
    cancer: bool,
    paralysis: bool,
    bedridden: bool,
    vein_tenderness: bool,
    leg_swollen: bool,
    calf_swollen: bool,
    pitting: bool,
    collateral_veins: bool,
    past_dvt: bool,
    other_diagnosis: bool,
) -> int:
    """Return a point for each finding, and -2 for another diagnosis."""
    legs = vein_tenderness + leg_swollen + calf_swollen + pitting + collateral_veins
    return cancer + paralysis + bedridden + legs + past_dvt - 2 * other_diagnosis


@formula(
    "curb-65",
    FAMILY,
    Result(of="the CURB-65 score", score=True),
    "Lim WS et al. Thorax 2003;58:377-382",
)
def curb_65(
    confusion: bool,
    urea_nitrogen: float,
    respiratory_rate: float,
    systolic: float,
    diastolic: float,
    age: float,
) -> int:
    """Return a point for confusion, urea above 7 mmol/L, 30 breaths, low pressure, 65 years."""
    low = systolic < 90 or diastolic <= 60
    return confusion + (urea_nitrogen > 7) + (respiratory_rate >= 30) + low + (age >= 65)


@formula(
    "qsofa",
    FAMILY,
    Result(of="the qSOFA score", score=True),
    "Singer M et al. JAMA 2016;315:801-810",
)
def qsofa(respiratory_rate: float, systolic: float, altered_mentation: bool) -> int:
    """Return a point for 22 breaths, a systolic pressure up to 100, and altered mentation."""
    return (respiratory_rate >= 22) + (systolic <= 100) + altered_mentation


@formula(
    "centor-mcisaac",
    FAMILY,
    Result(of="the Centor score as modified by McIsaac, for an adult", score=True),
    "McIsaac WJ et al. CMAJ 1998;158:75-83",
)
def centor(
    age: float, temperature: float, tonsillar_exudate: bool, tender_nodes: bool, cough: bool
) -> int:
    """Return a point above 38 °C, for exudate, nodes, no cough; one less from 45 years."""
    return (temperature > 38) + tonsillar_exudate + tender_nodes + (not cough) - (age >= 45)


@formula(
    "apgar",
    FAMILY,
    Result(of="the Apgar score of the newborn (100 beats/min or more give 2 points)", score=True),
    "Apgar V. Curr Res Anesth Analg 1953;32:260-267",
)
def apgar(
    appearance: int, newborn_pulse: float, grimace: int, activity: int, breathing: int
) -> int:
    """Return the sum of five signs of 0 to 2 points."""
    pulse = (newborn_pulse > 0) + (newborn_pulse >= 100)
    return appearance + pulse + grimace + activity + breathing


@formula(
    "glasgow-coma-scale",
    FAMILY,
    Result(of="the sum of the Glasgow Coma Scale", score=True),
    "Teasdale G, Jennett B. Lancet 1974;304:81-84",
)
def glasgow(eye_response: int, verbal_response: int, motor_response: int) -> int:
    """Return the sum of the three responses."""
    return eye_response + verbal_response + motor_response
