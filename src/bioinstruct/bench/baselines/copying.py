"""Copies of the input: what generation scores without writing a word."""

from __future__ import annotations

import re

__all__ = ["COPIES", "copy"]

_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")
COPIES = {"copy": None, "first sentence": 1, "first 3 sentences": 3, "last sentence": -1}
"""The copies by name: how many of the first sentences, -1 for the last one, None for all."""


def copy(text: str, sentences: int | None) -> str:
    """Return the first `sentences` sentences of a text; -1 gives the last one, None all."""
    if sentences is None:
        return text
    parts = [part for part in _SENTENCE.split(text.strip()) if part.strip()]
    return " ".join(parts[sentences:] if sentences < 0 else parts[:sentences])
