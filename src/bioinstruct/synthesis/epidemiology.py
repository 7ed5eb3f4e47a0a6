"""Effects in trials and case-control studies, and the accuracy of tests, with intervals."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from bioinstruct.synthesis.formula import Result, formula
from bioinstruct.synthesis.kinds import Outside

__all__ = ["FAMILY"]

FAMILY = "epidemiology"
_Z = 1.959964
_INTERVAL = "X (95% CI LOW to HIGH), with two decimal places and z = 1.959964"
_SHARE = "X% (95% CI LOW to HIGH%), with one decimal place and z = 1.959964"
_WILSON = "Wilson EB. J Am Stat Assoc 1927;22:209-212"
_ALTMAN = "Altman DG, Bland JM. BMJ 1994;309:102"


def _ratio(value: float, error: float) -> list[Any]:
    """Return a ratio with its interval, symmetric in the logarithm."""
    low, high = value * math.exp(-_Z * error), value * math.exp(_Z * error)
    return [(value, 2), " (95% CI ", (low, 2), " to ", (high, 2), ")"]


@formula(
    "risk-ratio",
    FAMILY,
    Result(
        of="the risk ratio of treatment against control with its log-normal interval",
        form=_INTERVAL,
    ),
    "Katz D et al. Biometrics 1978;34:469-474",
    group="study",
)
def risk_ratio(
    events_treated: float, total_treated: float, events_control: float, total_control: float
) -> list[Any]:
    """Return (a / n1) / (c / n0), with sqrt(1/a - 1/n1 + 1/c - 1/n0) as error of its logarithm."""
    if not events_treated or not events_control:
        raise Outside("a group has no events")
    value = (events_treated / total_treated) / (events_control / total_control)
    variance = 1 / events_treated - 1 / total_treated + 1 / events_control - 1 / total_control
    return _ratio(value, math.sqrt(variance))


@formula(
    "odds-ratio",
    FAMILY,
    Result(of="the odds ratio of exposure with Woolf's interval", form=_INTERVAL),
    "Woolf B. Ann Hum Genet 1955;19:251-253",
    group="study",
)
def odds_ratio(
    exposed_cases: float,
    unexposed_cases: float,
    exposed_controls: float,
    unexposed_controls: float,
) -> list[Any]:
    """Return a d / (b c), with sqrt(1/a + 1/b + 1/c + 1/d) as error of its logarithm."""
    cells = (exposed_cases, unexposed_cases, exposed_controls, unexposed_controls)
    if not all(cells):
        raise Outside("a cell of the table is zero")
    value = exposed_cases * unexposed_controls / (unexposed_cases * exposed_controls)
    return _ratio(value, math.sqrt(sum(1 / cell for cell in cells)))


@formula(
    "number-needed-to-treat",
    FAMILY,
    Result(of="the number needed to treat, rounded up", form="a whole number"),
    "Laupacis A, Sackett DL, Roberts RS. N Engl J Med 1988;318:1728-1733",
    group="study",
)
def number_needed(
    events_treated: float, total_treated: float, events_control: float, total_control: float
) -> list[Any]:
    """Return 1 / (c / n0 - a / n1), rounded up."""
    treated = Fraction(int(events_treated), int(total_treated))
    gain = Fraction(int(events_control), int(total_control)) - treated
    if gain <= 0:
        raise Outside("the risk in the treatment group is not lower")
    return [str(math.ceil(1 / gain))]


@formula(
    "risk-difference",
    FAMILY,
    Result(of="the absolute risk reduction by the treatment", unit="percentage points", digits=1),
    "Laupacis A, Sackett DL, Roberts RS. N Engl J Med 1988;318:1728-1733",
    group="study",
)
def risk_difference(
    events_treated: float, total_treated: float, events_control: float, total_control: float
) -> float:
    """Return 100 (c / n0 - a / n1)."""
    return 100 * (events_control / total_control - events_treated / total_treated)


def _share(hits: float, all_: float) -> list[Any]:
    """Return a share in per cent with Wilson's interval."""
    share, square = hits / all_, _Z * _Z
    middle = (share + square / (2 * all_)) / (1 + square / all_)
    spread = math.sqrt(share * (1 - share) / all_ + square / (4 * all_ * all_))
    half = _Z * spread / (1 + square / all_)
    low, high = middle - half, middle + half
    return [(100 * share, 1), "% (95% CI ", (100 * low, 1), " to ", (100 * high, 1), "%)"]


@formula(
    "sensitivity",
    FAMILY,
    Result(of="the sensitivity of the test with Wilson's interval", form=_SHARE),
    _WILSON,
    group="study",
)
def sensitivity(true_positives: float, false_negatives: float) -> list[Any]:
    """Return TP / (TP + FN)."""
    if not true_positives + false_negatives:
        raise Outside("nobody has the disease")
    return _share(true_positives, true_positives + false_negatives)


@formula(
    "specificity",
    FAMILY,
    Result(of="the specificity of the test with Wilson's interval", form=_SHARE),
    _WILSON,
    group="study",
)
def specificity(true_negatives: float, false_positives: float) -> list[Any]:
    """Return TN / (TN + FP)."""
    if not true_negatives + false_positives:
        raise Outside("everybody has the disease")
    return _share(true_negatives, true_negatives + false_positives)


@formula(
    "positive-predictive-value",
    FAMILY,
    Result(of="the positive predictive value of the test with Wilson's interval", form=_SHARE),
    _WILSON,
    group="study",
)
def positive_predictive_value(true_positives: float, false_positives: float) -> list[Any]:
    """Return TP / (TP + FP)."""
    if not true_positives + false_positives:
        raise Outside("nobody tested positive")
    return _share(true_positives, true_positives + false_positives)


@formula(
    "predictive-values-of-prevalence",
    FAMILY,
    Result(
        of="the positive and the negative predictive value at this prevalence",
        form="PPV X%, NPV Y%, with one decimal place",
    ),
    _ALTMAN,
    group="study",
)
def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> list[Any]:
    """Return both by Bayes' theorem."""
    ill = prevalence / 100
    found, spared = sensitivity / 100 * ill, specificity / 100 * (1 - ill)
    wrongly, missed = (1 - specificity / 100) * (1 - ill), (1 - sensitivity / 100) * ill
    positive, negative = found / (found + wrongly), spared / (spared + missed)
    return ["PPV ", (100 * positive, 1), "%, NPV ", (100 * negative, 1), "%"]


@formula(
    "likelihood-ratio-positive",
    FAMILY,
    Result(of="the positive likelihood ratio of the test", digits=2),
    "Deeks JJ, Altman DG. BMJ 2004;329:168-169",
    group="study",
)
def likelihood_ratio(sensitivity: float, specificity: float) -> float:
    """Return sensitivity / (1 - specificity)."""
    if specificity >= 100:
        raise Outside("the specificity is 100%")
    return sensitivity / (100 - specificity)
