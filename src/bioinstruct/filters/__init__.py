"""Filter datasets: rules, contamination with test sets, and near duplicates."""

from bioinstruct.filters.contamination import Contaminated, Overlap, scored_texts
from bioinstruct.filters.near_duplicates import Match, NearDuplicates
from bioinstruct.filters.pipeline import Compare, Dropped, Near, Screened, screen
from bioinstruct.filters.rules import RULES, Rule, choose_rules

__all__ = [
    "RULES",
    "Compare",
    "Contaminated",
    "Dropped",
    "Match",
    "Near",
    "NearDuplicates",
    "Overlap",
    "Rule",
    "Screened",
    "choose_rules",
    "scored_texts",
    "screen",
]
