"""Doses by weight, infusions and levels of drugs."""

from __future__ import annotations

from bioinstruct.synthesis.formula import Result, formula

__all__ = ["FAMILY"]

FAMILY = "dosing"
_ROWLAND = "Rowland M, Tozer TN. Clinical Pharmacokinetics and Pharmacodynamics, 4th ed., 2011"
_ARITHMETIC = "Olsen JL et al. Medical Dosage Calculations, 11th ed., 2015"


@formula(
    "dose-by-weight",
    FAMILY,
    Result(of="the single dose by weight, at most the maximum", unit="mg", digits=1),
    _ARITHMETIC,
)
def dose_by_weight(dose_per_kg: float, weight: float, maximum_dose: float) -> float:
    """Return dose weight, but no more than the maximum."""
    return min(dose_per_kg * weight, maximum_dose)


@formula(
    "suspension-volume",
    FAMILY,
    Result(of="the volume of suspension for each dose", unit="mL", digits=1),
    _ARITHMETIC,
)
def suspension_volume(
    daily_dose: float, weight: float, doses_per_day: float, suspension: float
) -> float:
    """Return daily dose weight / doses / strength."""
    return daily_dose * weight / doses_per_day / suspension


@formula(
    "infusion-rate",
    FAMILY,
    Result(of="the rate of the infusion pump", unit="mL/h", digits=1),
    _ARITHMETIC,
)
def infusion_rate(infusion_dose: float, weight: float, infusion_strength: float) -> float:
    """Return dose (µg/kg/min) weight 60 / (1000 concentration in mg/mL)."""
    return infusion_dose * weight * 60 / (1000 * infusion_strength)


@formula(
    "level-after-time",
    FAMILY,
    Result(of="the drug level now, by elimination of first order", unit="mg/L", digits=2),
    _ROWLAND,
)
def level_after_time(start_concentration: float, half_life: float, hours_elapsed: float) -> float:
    """Return the first level times 0.5^(time / half-life)."""
    value: float = start_concentration * 0.5 ** (hours_elapsed / half_life)
    return value


@formula(
    "loading-dose",
    FAMILY,
    Result(of="the loading dose (bioavailability 1)", unit="mg"),
    _ROWLAND,
)
def loading_dose(target_concentration: float, distribution_volume: float, weight: float) -> float:
    """Return target volume weight."""
    return target_concentration * distribution_volume * weight


@formula(
    "maintenance-dose",
    FAMILY,
    Result(of="the maintenance dose for each interval (bioavailability 1)", unit="mg"),
    _ROWLAND,
)
def maintenance_dose(target_concentration: float, clearance: float, interval: float) -> float:
    """Return target clearance interval."""
    return target_concentration * clearance * interval


@formula(
    "elimination-constant",
    FAMILY,
    Result(of="the elimination rate constant (ln 2 over the half-life)", unit="per h", digits=3),
    _ROWLAND,
)
def elimination_constant(half_life: float) -> float:
    """Return ln 2 / half-life."""
    return 0.6931471805599453 / half_life
