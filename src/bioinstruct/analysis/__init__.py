"""What is in a dataset, beyond counts: how varied it is, how much it repeats, what it asks for."""

from bioinstruct.analysis.report import Analysis, Options, analyse

__all__ = ["Analysis", "Options", "analyse"]
