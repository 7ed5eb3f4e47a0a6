"""The tasks: each a function from a split to instructions, on the reader of its corpus."""

from __future__ import annotations

from bioinstruct.bench.tasks import classification, demo, gen, ie, qa

__all__ = ["classification", "demo", "gen", "ie", "qa"]
