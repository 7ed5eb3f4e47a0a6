"""Filter datasets: rules, contamination with test sets, and near duplicates."""

from bioinstruct.filters.contamination import Contaminated, Overlap, scored_texts
from bioinstruct.filters.near_duplicates import Match, NearDuplicates
from bioinstruct.filters.pipeline import (
    Compare,
    Duplicates,
    Near,
    Step,
    apply,
    contamination_step,
    decide,
    rules_step,
    split,
)
from bioinstruct.filters.rules import RULES, Rule, choose_rules
from bioinstruct.rejection import Rejection, write_rejections

__all__ = [
    "RULES",
    "Compare",
    "Contaminated",
    "Duplicates",
    "Match",
    "Near",
    "NearDuplicates",
    "Overlap",
    "Rejection",
    "Rule",
    "Step",
    "apply",
    "choose_rules",
    "contamination_step",
    "decide",
    "rules_step",
    "scored_texts",
    "split",
    "write_rejections",
]
