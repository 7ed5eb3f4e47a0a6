"""Filter datasets: rules, contamination with test sets, and near duplicates."""

from bioinstruct.filters.contamination import Contaminated, Overlap
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
from bioinstruct.filters.rare_words import LEVELS
from bioinstruct.filters.rules import RULES, Rule, choose_rules
from bioinstruct.filters.scored_texts import ScoredText, scored_texts
from bioinstruct.rejection import Rejection, write_rejections

__all__ = [
    "LEVELS",
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
    "ScoredText",
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
