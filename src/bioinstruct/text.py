"""Normalise texts and split them into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

__all__ = [
    "PASSAGE",
    "answer_words",
    "escaped_json",
    "is_passage",
    "normalize",
    "one_line",
    "unicode_words",
    "visible",
    "words",
]

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


# ---- words of answers, with the marks that carry meaning

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_EXPONENT = re.compile("(?<=[0-9])([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_FORMS = (
    ("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff™®©℠]", ""),  # invisible marks, marks of a trade name
    ("(?<=[0-9])(?=[¼½¾⅐-⅞])", " "),  # 1½ is not 11/2
)
_MARKS = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe63", "-")
    | dict.fromkeys("\u2044\u2215", "/")
    | {"\u2248": "~", "\u00d7": " x "}
)
_REWRITES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"<\s*/?\s*=", "≤"),
    (r">\s*/?\s*=", "≥"),
    (r"->", "→"),
    (r"-{2,}", " "),
    (r"\+\s*/\s*-", "±"),
    (r"(?<=\w)\s*\(\s*([-+]+)\s*\)(?![\w-])", r"\1 "),  # HER2 (+) is HER2+, but not (+)-warfarin
    (r"(?<=\w)\s+([-+]+)(?=\s*(?:[.,;:)\]]|$))", r"\1 "),  # HER2 + at the end of a phrase
    (r"(?<=\d)\s*[x*]\s*(?=\d)", " x "),
    (r"(?<=\d)\s*/\s*(?=\d)", "/"),
    (r"(?<=\d)·(?=\d)", "."),
    (r"(?<=\d)\s*\^\s*(?=[-+]?\d)", "^"),
    (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,])", lambda found: found[1].replace(",", "")),
    (r"(?<![\w.])\.(?=\d)", "0."),
    (r"([<>≤≥~±])\s+(?=[-+.]?\d)", r"\1"),
    (r"(?<=\d)\s+(?=[%‰])", ""),
)
_COMPILED = tuple((re.compile(pattern, re.MULTILINE), new) for pattern, new in _REWRITES)
_LETTERS = rf"(?:(?![{_UNSPACED}_\d])[\w\u0300-\u036f\u0900-\u0dff])"
_ANSWER_WORD = re.compile(
    rf"""
      [{_UNSPACED}]
    | [<>≤≥~±]* (?:(?<![\w)%°])[-+])? \d+ (?:[.,]\d+)* (?:/\d+(?:\.\d+)?)* (?:\^[-+]?\d+)*
      (?:[%‰] | \++ | -(?![\w(]))?
    | °?{_LETTERS} (?:{_LETTERS}|\d)* (?:\++ | -(?![\w(]))?
    | \++
    | (?<=\()-(?=\))
    | [<>≤≥≠~±°∞∅%‰\u2190-\u21ff♀♂€$£¥]
    """,
    re.VERBOSE,
)


def answer_words(text: str) -> list[str]:
    """Return the words of an answer with the marks that change what it says.

    Words are those of `unicode_words`, with these exceptions. Kept are the sign of a number (`-5`),
    the comparison in front of it (`<5`, `±2`), its decimals, fraction, exponent and per cent
    (`120/80`, `10^9`, `5%`), a sign behind a word (`her2+`, `cl-`, `2+`), and symbols that stand
    alone (`↑`, `♀`, `°`). A number is split from its unit, so that `5mg` is `5 mg`. Look-alikes
    become one: dashes and the minus, `>=` and `≥`, `10⁹` and `10^9`, `1,000` and `1000`, `.5` and
    `0.5`, `HER2 (+)` and `HER2+`. Other punctuation, also a hyphen inside a word, separates words.
    """
    for pattern, new in _FORMS:
        text = re.sub(pattern, new, text)
    # NFKC would make 10⁹ into 109. Behind a letter a raised figure is plain: m², Ca²⁺.
    text = _EXPONENT.sub(r"^\1", text).translate(_SUPERSCRIPTS)
    text = unicodedata.normalize("NFKC", text).casefold().translate(_MARKS)
    for compiled, written in _COMPILED:
        text = compiled.sub(written, text)
    return _ANSWER_WORD.findall(text)


_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
)


def visible(text: str) -> str:
    r"""Return a text for a terminal, in which control characters are escaped: `\x1b[2J`.

    All that could move the cursor, change colours or titles, or reverse the order of a line: C0
    but for tab and line feed, DEL, C1, and the marks of text direction.
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def escaped_json(line: str) -> str:
    r"""Return a line of JSON with control characters as escapes of JSON: the same value."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def one_line(text: str) -> str:
    """Return a name from outside on one line, so that it cannot add lines to a document."""
    return " ".join(text.split())


def is_passage(text: str) -> bool:
    """Return whether a text is long enough to be recognised elsewhere: 13 words or more."""
    return len(unicode_words(text)) >= PASSAGE
