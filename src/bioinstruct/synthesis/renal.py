"""Kidney function: clearance, filtration and fractional excretion."""

from __future__ import annotations

from bioinstruct.synthesis.formula import Result, formula
from bioinstruct.synthesis.kinds import Outside

__all__ = ["FAMILY"]

FAMILY = "renal"


@formula(
    "egfr-ckd-epi-2021",
    FAMILY,
    Result(of="the estimated GFR by the CKD-EPI 2021 creatinine equation", unit="mL/min/1.73 m²"),
    "Inker LA et al. N Engl J Med 2021;385:1737-1749",
)
def egfr_ckd_epi_2021(creatinine: float, adult_age: float, sex: str) -> float:
    """Return 142 min(Scr/k, 1)^a max(Scr/k, 1)^-1.2 0.9938^age, times 1.012 for women."""
    if adult_age < 18:
        raise Outside("the equation is for adults of 18 years or more")
    scale, power = (0.7, -0.241) if sex == "female" else (0.9, -0.302)
    ratio = creatinine / scale
    value: float = 142 * min(ratio, 1) ** power * max(ratio, 1) ** -1.2 * 0.9938**adult_age
    return value * 1.012 if sex == "female" else value


@formula(
    "creatinine-clearance-cockcroft-gault",
    FAMILY,
    Result(
        of="the creatinine clearance by Cockcroft and Gault, with the actual body weight",
        unit="mL/min",
    ),
    "Cockcroft DW, Gault MH. Nephron 1976;16:31-41",
)
def cockcroft_gault(age: float, weight: float, creatinine: float, sex: str) -> float:
    """Return (140 - age) weight / (72 creatinine), times 0.85 for women."""
    return (140 - age) * weight / (72 * creatinine) * (0.85 if sex == "female" else 1)


@formula(
    "egfr-mdrd",
    FAMILY,
    Result(
        of="the estimated GFR by the four-variable MDRD equation (IDMS, factor 175, without race)",
        unit="mL/min/1.73 m²",
    ),
    "Levey AS et al. Ann Intern Med 2006;145:247-254",
)
def egfr_mdrd(creatinine: float, age: float, sex: str) -> float:
    """Return 175 Scr^-1.154 age^-0.203, times 0.742 for women."""
    value: float = 175 * creatinine**-1.154 * age**-0.203
    return value * 0.742 if sex == "female" else value


@formula(
    "fractional-excretion-sodium",
    FAMILY,
    Result(of="the fractional excretion of sodium (FENa)", unit="%", digits=2),
    "Espinel CH. JAMA 1976;236:579-581",
)
def fractional_excretion_sodium(
    urine_sodium: float, sodium: float, urine_creatinine: float, creatinine: float
) -> float:
    """Return 100 (UNa SCr) / (SNa UCr)."""
    return 100 * urine_sodium * creatinine / (sodium * urine_creatinine)


@formula(
    "fractional-excretion-urea",
    FAMILY,
    Result(of="the fractional excretion of urea", unit="%", digits=1),
    "Carvounis CP et al. Kidney Int 2002;62:2223-2229",
)
def fractional_excretion_urea(
    urine_urea: float, bun: float, urine_creatinine: float, creatinine: float
) -> float:
    """Return 100 (UUN SCr) / (BUN UCr)."""
    return 100 * urine_urea * creatinine / (bun * urine_creatinine)
