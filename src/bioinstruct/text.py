"""When two texts are the same, and what their words are."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["normalize", "words"]

_NOT_WORD = re.compile(r"[^a-z0-9]+")


def words(text: str) -> list[str]:
    """Lower-case runs of ASCII letters and digits: the tokeniser of `rouge-score` without stemming.

    Self-Instruct and Alpaca compare instructions over these words.
    """
    return [word for word in _NOT_WORD.split(text.lower()) if word]


def normalize(text: str) -> str:
    """One spelling for equal texts: compatibility forms, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
