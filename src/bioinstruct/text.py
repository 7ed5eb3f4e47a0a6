"""Normalise texts and split them into words."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["PASSAGE", "is_passage", "normalize", "unicode_words", "words"]

PASSAGE = 13
"""Words in a row that two independent texts do not share: the figure of the authors of GPT-3."""

_NOT_WORD = re.compile(r"[^a-z0-9]+")
# Scripts written without spaces: every character counts as a word.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, ideographs
)
_UNICODE_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}_])[\w\u0300-\u036f\u0900-\u0dff])+")


def words(text: str) -> list[str]:
    """Return lower-case runs of ASCII letters and digits.

    This is the tokeniser of `rouge-score` without stemming, with which Self-Instruct and Alpaca
    compare instructions.
    """
    return [word for word in _NOT_WORD.split(text.lower()) if word]


def normalize(text: str) -> str:
    """Fold compatibility forms (NFKC), case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def unicode_words(text: str) -> list[str]:
    """Return the words of a text in any script, with compatibility forms and case folded.

    A word is a run of letters (Greek included), digits and combining marks. In scripts written
    without spaces every character is a word.
    """
    return _UNICODE_WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def is_passage(text: str) -> bool:
    """Return whether a text is long enough to be recognised elsewhere: 13 words or more."""
    return len(unicode_words(text)) >= PASSAGE
