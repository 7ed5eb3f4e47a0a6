"""What is left out of a dataset, and why: near duplicates, contamination, rules."""

from bioinstruct.filters.near_duplicates import Match, NearDuplicates

__all__ = ["Match", "NearDuplicates"]
