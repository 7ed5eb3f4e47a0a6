"""Analyse a dataset beyond counts: diversity, near duplicates, benchmark overlap, task verbs."""

from bioinstruct.analysis.report import Analysis, Options, analyse

__all__ = ["Analysis", "Options", "analyse"]
