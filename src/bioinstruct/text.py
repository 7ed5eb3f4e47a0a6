"""When two texts are the same, and what their words are."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["PASSAGE", "is_passage", "normalize", "unicode_words", "words"]

PASSAGE = 13
"""Words in a row that two independent texts do not share: the figure of the authors of GPT-3."""

_NOT_WORD = re.compile(r"[^a-z0-9]+")
# Scripts that are written without spaces: here every character is a word.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana, ideographs
)
_UNICODE_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}_])[\w\u0300-\u036f\u0900-\u0dff])+")


def words(text: str) -> list[str]:
    """Lower-case runs of ASCII letters and digits: the tokeniser of `rouge-score` without stemming.

    Self-Instruct and Alpaca compare instructions over these words.
    """
    return [word for word in _NOT_WORD.split(text.lower()) if word]


def normalize(text: str) -> str:
    """One spelling for equal texts: compatibility forms, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def unicode_words(text: str) -> list[str]:
    """Words in any script, compatibility forms and case folded; Greek letters are letters.

    A word is a run of letters, digits and their marks; where a script has no spaces, a character.
    """
    return _UNICODE_WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def is_passage(text: str) -> bool:
    """Return whether a text is long enough to be recognised elsewhere: 13 words or more."""
    return len(unicode_words(text)) >= PASSAGE
