"""Baselines without a language model: what a score must beat to mean anything."""

from __future__ import annotations
