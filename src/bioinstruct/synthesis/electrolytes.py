"""Electrolytes, osmolality and acid-base balance."""

from __future__ import annotations

from typing import Any

from bioinstruct.synthesis.formula import Result, formula
from bioinstruct.synthesis.kinds import Outside

__all__ = ["FAMILY"]

FAMILY = "electrolytes"


@formula(
    "anion-gap",
    FAMILY,
    Result(
        of="the anion gap without potassium, not corrected for albumin", unit="mmol/L", digits=1
    ),
    "Emmett M, Narins RG. Medicine 1977;56:38-54",
)
def anion_gap(sodium: float, chloride: float, bicarbonate: float) -> float:
    """Return Na - Cl - HCO3."""
    return sodium - (chloride + bicarbonate)


@formula(
    "anion-gap-albumin",
    FAMILY,
    Result(
        of=(
            "the anion gap without potassium, corrected by 2.5 mmol/L for each "
            "g/dL of albumin below 4.0"
        ),
        unit="mmol/L",
        digits=1,
    ),
    "Figge J et al. Crit Care Med 1998;26:1807-1810",
)
def anion_gap_albumin(sodium: float, chloride: float, bicarbonate: float, albumin: float) -> float:
    """Return Na - Cl - HCO3 + 2.5 (4.0 - albumin)."""
    return sodium - chloride - bicarbonate + 2.5 * (4.0 - albumin)


@formula(
    "calcium-corrected",
    FAMILY,
    Result(
        of="the calcium corrected for albumin (0.8 mg/dL for each g/dL of albumin below 4.0)",
        unit="mg/dL",
        digits=2,
    ),
    "Payne RB et al. Br Med J 1973;4:643-646",
)
def calcium_corrected(calcium: float, albumin: float) -> float:
    """Return calcium + 0.8 (4.0 - albumin)."""
    return calcium + 0.8 * (4.0 - albumin)


@formula(
    "sodium-corrected-katz",
    FAMILY,
    Result(
        of="the sodium corrected for glucose by Katz (1.6 mmol/L for each 100 mg/dL above 100)",
        unit="mmol/L",
        digits=1,
    ),
    "Katz MA. N Engl J Med 1973;289:843-844",
)
def sodium_corrected_katz(sodium: float, glucose: float) -> float:
    """Return Na + 1.6 (glucose - 100) / 100."""
    if glucose < 100:
        raise Outside("the glucose is below 100 mg/dL")
    return sodium + 1.6 * (glucose - 100) / 100


@formula(
    "sodium-corrected-hillier",
    FAMILY,
    Result(
        of="the sodium corrected for glucose by Hillier (2.4 mmol/L for each 100 mg/dL above 100)",
        unit="mmol/L",
        digits=1,
    ),
    "Hillier TA et al. Am J Med 1999;106:399-403",
)
def sodium_corrected_hillier(sodium: float, glucose: float) -> float:
    """Return Na + 2.4 (glucose - 100) / 100."""
    if glucose < 100:
        raise Outside("the glucose is below 100 mg/dL")
    return sodium + 2.4 * (glucose - 100) / 100


@formula(
    "osmolality",
    FAMILY,
    Result(
        of="the calculated serum osmolality (2 × sodium + glucose/18 + urea nitrogen/2.8)",
        unit="mOsm/kg",
        digits=1,
    ),
    "Smithline N, Gardner KD. JAMA 1976;236:1594-1597",
)
def osmolality(sodium: float, glucose: float, bun: float) -> float:
    """Return 2 Na + glucose / 18 + BUN / 2.8, the latter two in mg/dL."""
    return 2 * sodium + glucose / 18 + bun / 2.8


@formula(
    "osmolal-gap",
    FAMILY,
    Result(
        of="the osmolal gap (measured minus 2 × sodium + glucose/18 + urea nitrogen/2.8)",
        unit="mOsm/kg",
        digits=1,
    ),
    "Smithline N, Gardner KD. JAMA 1976;236:1594-1597",
)
def osmolal_gap(serum_osmolality: float, sodium: float, glucose: float, bun: float) -> float:
    """Return the measured osmolality less 2 Na + glucose / 18 + BUN / 2.8."""
    return serum_osmolality - (2 * sodium + glucose / 18 + bun / 2.8)


@formula(
    "winters-formula",
    FAMILY,
    Result(
        of="the range of PaCO2 that Winters' formula expects in metabolic acidosis",
        form="LOW to HIGH mmHg, each with one decimal place",
    ),
    "Albert MS, Dell RB, Winters RW. Ann Intern Med 1967;66:312-322",
)
def winters(bicarbonate: float) -> list[Any]:
    """Return 1.5 HCO3 + 8, less and plus 2."""
    middle = 1.5 * bicarbonate + 8
    return [(middle - 2, 1), " to ", (middle + 2, 1), " mmHg"]


@formula(
    "delta-ratio",
    FAMILY,
    Result(of="the delta ratio ((anion gap − 12) / (24 − bicarbonate))", digits=2),
    "Wrenn K. Ann Emerg Med 1990;19:1310-1313",
)
def delta_ratio(sodium: float, chloride: float, bicarbonate: float) -> float:
    """Return (Na - Cl - HCO3 - 12) / (24 - HCO3)."""
    if bicarbonate >= 24:
        raise Outside("the bicarbonate is not below 24 mmol/L")
    return (sodium - chloride - bicarbonate - 12) / (24 - bicarbonate)


@formula(
    "free-water-deficit",
    FAMILY,
    Result(
        of=(
            "the free water deficit, with body water of 60 % of the weight in men "
            "and 50 % in women and a target sodium of 140"
        ),
        unit="L",
        digits=1,
    ),
    "Adrogué HJ, Madias NE. N Engl J Med 2000;342:1493-1499",
)
def free_water_deficit(weight: float, sodium: float, sex: str) -> float:
    """Return the body water times (Na / 140 - 1)."""
    if sodium <= 140:
        raise Outside("the sodium is not above 140 mmol/L")
    return weight * (0.5 if sex == "female" else 0.6) * (sodium / 140 - 1)
