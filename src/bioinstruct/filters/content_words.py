"""Extract content words, to tell apart texts that differ only in what they ask about."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["FRAME", "subject"]

_FRAME = (
    "a an the this that these those any some each such "
    "i me my we us our you your he him his she her it its they them their one "
    "am is are was were be been being have has had having does did "
    "can could will would what which "
    "of in on at to from by for with into about as regarding concerning "
    "and or but if so then there here also "
    "please kindly briefly clearly concisely just "
    "give list name describe explain tell provide state write say show mention outline answer "
    "following given provided based using use used information details detail question "
    "text passage sentence paragraph "
)
FRAME = frozenset(_FRAME.split())
"""Stop words. Words such as who, when, why, how, should, not, 1 and more change the question."""

_POSSESSIVE = re.compile(r"['\u2019]s\b", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+|[<>=≤≥±+%]")


def subject(text: str) -> tuple[str, ...]:
    """Return the content words of a text in order, in the singular.

    Stop words in capitals count as names: 'ALL', 'WHO', and the letter in 'hepatitis A'.
    """
    plain = unicodedata.normalize("NFKC", text)
    if "'" in plain or "\u2019" in plain:
        plain = _POSSESSIVE.sub("", plain)
    all_capitals = plain.isupper()
    content = []
    for place, word in enumerate(_TOKEN.findall(plain)):
        folded = word.casefold()
        if folded in FRAME and (all_capitals or not _is_name(word, first=place == 0)):
            continue
        content.append(_singular(folded))
    return tuple(content)


def _is_name(word: str, *, first: bool) -> bool:
    """Recognise names by their capitals; neither 'I' nor a leading 'A' is one."""
    return word.isupper() and word != "I" and (len(word) > 1 or not first)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
