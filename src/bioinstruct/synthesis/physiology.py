"""Body size, gas exchange, circulation and laboratory indices."""

from __future__ import annotations

import math

from bioinstruct.synthesis.formula import Result, formula
from bioinstruct.synthesis.kinds import Outside

__all__ = ["FAMILY"]

FAMILY = "physiology"


@formula(
    "body-mass-index",
    FAMILY,
    Result(of="the body mass index", unit="kg/m²", digits=1),
    "Keys A et al. J Chronic Dis 1972;25:329-343",
)
def body_mass_index(weight: float, height: float) -> float:
    """Return weight / height^2, the height in metres."""
    return weight / (height / 100) ** 2


@formula(
    "body-surface-mosteller",
    FAMILY,
    Result(of="the body surface area by Mosteller", unit="m²", digits=2),
    "Mosteller RD. N Engl J Med 1987;317:1098",
)
def body_surface_mosteller(height: float, weight: float) -> float:
    """Return sqrt(height weight / 3600)."""
    return math.sqrt(height * weight / 3600)


@formula(
    "body-surface-du-bois",
    FAMILY,
    Result(of="the body surface area by Du Bois and Du Bois", unit="m²", digits=2),
    "Du Bois D, Du Bois EF. Arch Intern Med 1916;17:863-871",
)
def body_surface_du_bois(height: float, weight: float) -> float:
    """Return 0.007184 weight^0.425 height^0.725."""
    value: float = 0.007184 * weight**0.425 * height**0.725
    return value


@formula(
    "ideal-body-weight",
    FAMILY,
    Result(of="the ideal body weight by Devine", unit="kg", digits=1),
    "Devine BJ. Drug Intell Clin Pharm 1974;8:650-655",
)
def ideal_body_weight(height: float, sex: str) -> float:
    """Return 50 kg (women 45.5 kg) plus 2.3 kg for each inch above 60."""
    if height < 152.4:
        raise Outside("the height is below 60 inches")
    return (45.5 if sex == "female" else 50) + 2.3 * (height / 2.54 - 60)


@formula(
    "aa-gradient",
    FAMILY,
    Result(
        of=(
            "the alveolar-arterial oxygen gradient at sea level (760 mmHg, water "
            "vapour 47 mmHg, respiratory quotient 0.8)"
        ),
        unit="mmHg",
        digits=1,
    ),
    "Fenn WO, Rahn H, Otis AB. Am J Physiol 1946;146:637-653",
)
def aa_gradient(fio2: float, paco2: float, pao2: float) -> float:
    """Return FiO2 (760 - 47) - PaCO2 / 0.8 - PaO2."""
    return fio2 / 100 * (760 - 47) - paco2 / 0.8 - pao2


@formula(
    "horowitz-index",
    FAMILY,
    Result(of="the ratio of PaO2 to FiO2", unit="mmHg"),
    "ARDS Definition Task Force. JAMA 2012;307:2526-2533",
)
def horowitz(pao2: float, fio2: float) -> float:
    """Return PaO2 / FiO2."""
    return pao2 * 100 / fio2


@formula(
    "mean-arterial-pressure",
    FAMILY,
    Result(
        of="the mean arterial pressure (diastolic plus a third of the pulse pressure)", unit="mmHg"
    ),
    "Meaney E et al. Heart 2000;84:64",
)
def mean_arterial_pressure(systolic: float, diastolic: float) -> float:
    """Return (systolic + 2 diastolic) / 3."""
    return (systolic + 2 * diastolic) / 3


@formula(
    "shock-index",
    FAMILY,
    Result(of="the shock index (heart rate over systolic pressure)", digits=2),
    "Allgöwer M, Burri C. Dtsch Med Wochenschr 1967;92:1947-1950",
)
def shock_index(heart_rate: float, systolic: float) -> float:
    """Return heart rate / systolic pressure."""
    return heart_rate / systolic


@formula(
    "qtc-bazett",
    FAMILY,
    Result(of="the QT interval corrected by Bazett", unit="ms"),
    "Bazett HC. Heart 1920;7:353-370",
)
def qtc_bazett(qt: float, heart_rate: float) -> float:
    """Return QT / sqrt(RR), RR = 60 / heart rate in seconds."""
    return qt / math.sqrt(60 / heart_rate)


@formula(
    "qtc-fridericia",
    FAMILY,
    Result(of="the QT interval corrected by Fridericia", unit="ms"),
    "Fridericia LS. Acta Med Scand 1920;53:469-486",
)
def qtc_fridericia(qt: float, heart_rate: float) -> float:
    """Return QT / RR^(1/3), RR = 60 / heart rate in seconds."""
    value: float = qt / (60 / heart_rate) ** (1 / 3)
    return value


@formula(
    "ldl-friedewald",
    FAMILY,
    Result(of="the LDL cholesterol by Friedewald", unit="mg/dL"),
    "Friedewald WT, Levy RI, Fredrickson DS. Clin Chem 1972;18:499-502",
)
def ldl_friedewald(total_cholesterol: float, hdl: float, triglycerides: float) -> float:
    """Return total cholesterol - HDL - triglycerides / 5, in mg/dL."""
    if triglycerides > 400:
        raise Outside("the triglycerides are above 400 mg/dL")
    return total_cholesterol - hdl - triglycerides / 5


@formula(
    "transferrin-saturation",
    FAMILY,
    Result(
        of="the transferrin saturation (serum iron over iron-binding capacity)", unit="%", digits=1
    ),
    "Bothwell TH et al. Iron Metabolism in Man. Blackwell 1979",
)
def transferrin_saturation(iron: float, tibc: float) -> float:
    """Return 100 iron / TIBC."""
    return 100 * iron / tibc


@formula(
    "homa-ir",
    FAMILY,
    Result(of="the HOMA-IR", digits=2),
    "Matthews DR et al. Diabetologia 1985;28:412-419",
)
def homa_ir(fasting_glucose: float, insulin: float) -> float:
    """Return glucose insulin / 22.5, the glucose in mmol/L (18.016 mg/dL)."""
    return fasting_glucose / 18.016 * insulin / 22.5


@formula(
    "fib-4",
    FAMILY,
    Result(of="the FIB-4 index", digits=2),
    "Sterling RK et al. Hepatology 2006;43:1317-1325",
)
def fib_4(age: float, ast: float, platelets: float, alt: float) -> float:
    """Return age AST / (platelets sqrt(ALT))."""
    return age * ast / (platelets * math.sqrt(alt))


@formula(
    "apri",
    FAMILY,
    Result(of="the AST to platelet ratio index (APRI)", digits=2),
    "Wai CT et al. Hepatology 2003;38:518-526",
)
def apri(ast: float, ast_limit: float, platelets: float) -> float:
    """Return 100 (AST / upper limit) / platelets."""
    return 100 * (ast / ast_limit) / platelets
