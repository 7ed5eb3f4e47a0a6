"""Allele and carrier frequencies."""

from __future__ import annotations

import math

from bioinstruct.synthesis.formula import Result, formula
from bioinstruct.synthesis.kinds import Outside

__all__ = ["FAMILY"]

FAMILY = "genetics"
_HARDY = "Hardy GH. Science 1908;28:49-50"


@formula(
    "carrier-frequency",
    FAMILY,
    Result(
        of=(
            "the frequency of carriers of this autosomal recessive disease in "
            "Hardy-Weinberg equilibrium (2pq)"
        ),
        unit="%",
        digits=2,
    ),
    _HARDY,
    group="study",
)
def carrier_frequency(incidence: float) -> float:
    """Return 100 2 p q with q = sqrt(1 / incidence)."""
    allele = math.sqrt(1 / incidence)
    return 100 * 2 * (1 - allele) * allele


@formula(
    "allele-frequency",
    FAMILY,
    Result(of="the frequency of allele A in the sample", digits=3),
    _HARDY,
    group="study",
)
def allele_frequency(genotype_aa: float, genotype_ab: float, genotype_bb: float) -> float:
    """Return (2 AA + AB) / (2 n)."""
    people = genotype_aa + genotype_ab + genotype_bb
    if not people:
        raise Outside("nobody was typed")
    return (2 * genotype_aa + genotype_ab) / (2 * people)


@formula(
    "hardy-weinberg-test",
    FAMILY,
    Result(
        of="Pearson's chi-squared statistic for Hardy-Weinberg equilibrium, without correction",
        digits=2,
    ),
    _HARDY,
    group="study",
)
def hardy_weinberg_test(genotype_aa: float, genotype_ab: float, genotype_bb: float) -> float:
    """Return the sum of (observed - expected)^2 / expected over the three genotypes."""
    people = genotype_aa + genotype_ab + genotype_bb
    first = 2 * genotype_aa + genotype_ab
    if first == 0 or first == 2 * people:
        raise Outside("only one allele was seen")
    share = first / (2 * people)
    expected = (share**2, 2 * share * (1 - share), (1 - share) ** 2)
    seen = (genotype_aa, genotype_ab, genotype_bb)
    return sum((o - people * e) ** 2 / (people * e) for o, e in zip(seen, expected, strict=True))
