"""What is left out of a dataset, and why: rules, contamination, near duplicates."""

from bioinstruct.filters.contamination import Contaminated, Overlap, protected_texts
from bioinstruct.filters.near_duplicates import Match, NearDuplicates
from bioinstruct.filters.rules import RULES, Rule, choose_rules
from bioinstruct.filters.screen import Compare, Dropped, Near, Screened, screen

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
    "protected_texts",
    "screen",
]
