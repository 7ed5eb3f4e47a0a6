"""What a model writes around an answer, and how it writes that there is none.

Every reader of what a model wrote takes the same things off, in the same order: readers of the
benchmark, of labels, of verdicts and of generated records. docs/tasks.md has the table.
"""

from __future__ import annotations

import html
import html.entities
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

from bioinstruct.json_text import loads

__all__ = [
    "Split",
    "decode_entities",
    "html_entity",
    "is_nothing",
    "line_forms",
    "split_thought",
    "stated",
    "unwrap",
]

# ---- the thought of a reasoning model

_OPEN = re.compile(r"<\s*think(?:ing)?\s*>", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*think(?:ing)?\s*>", re.IGNORECASE)


class Split(NamedTuple):
    """What a model thought, and what it answered."""

    thought: str
    """With its marks; empty if there is none."""
    answer: str | None
    """The rest of the text; None if the thought has no end, so that there is no answer."""


def split_thought(text: str) -> Split:
    """Separate the thought in front of an answer, `<think>…</think>` or `<thinking>…</thinking>`.

    The opening mark may be missing, since some chat templates write it. A mark inside the answer
    begins no thought.
    """
    start = _OPEN.match(text.lstrip())
    close = _CLOSE.search(text)
    if close is None:
        return Split(text, None) if start else Split("", text)
    if start is None and _OPEN.search(text, 0, close.start()):
        return Split("", text)
    more = split_thought(text[close.end() :])  # a second thought may follow the first
    return Split(text[: close.end()] + more.thought, more.answer)


# ---- what may stand around an answer

_FENCED = re.compile(r"```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_BOXED = re.compile(
    r"(?:\$+|\\\(|\\\[)?\s*\\(?:boxed|text|mathrm|textbf)\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
    r"\s*(?:\$+|\\\)|\\\])?\.?",
    re.DOTALL,
)
_KEYS = frozenset({"answer", "final_answer", "label"})
_NAME = r"(?:(?:the|my)\s+)?(?:(?:final|correct|best|right|most likely)\s+)?(?:answer|label)"
_LEAD = re.compile(
    rf"[*_#>\s]*(?:so\s*,?\s+|therefore\s*,?\s+|thus\s*,?\s+|hence\s*,?\s+)?{_NAME}"
    r"[*_\s]*(?:\s+is\s*[*_]*:?|:)[*_]*(?=\s|[\"'`(\[\\{A-Z0-9])\s*",
    re.IGNORECASE,
)
_RESPONSE = re.compile(r"#{1,6}\s*(?:response|answer)\s*:?\s*\n", re.IGNORECASE)
_AROUND = (
    *((mark, mark) for mark in ("***", "**", "*", "__", "_", "`", '"', "'")),
    *(("\u201c", "\u201d"), ("\u2018", "\u2019"), ("\u00ab", "\u00bb")),
)


def unwrap(text: str) -> str:
    r"""Return an answer without what stands around it; empty if it is a thought without an end.

    Taken off, again and again until nothing changes: a thought in front; a code fence; a JSON
    object with the answer in it; `\boxed{}`; words that announce the answer in front (`Answer:`,
    `The answer is`, with the full stop of such a sentence); emphasis and quotation marks.
    """
    answer = (split_thought(text).answer or "").strip()
    for _ in range(8):
        plain = _one_less(answer).strip()
        if plain == answer:
            break
        answer = plain
    return answer


def _one_less(text: str) -> str:
    """Return a text without the outermost thing around it."""
    if fenced := _FENCED.fullmatch(text):
        return fenced[1]
    if text.startswith("{") and (value := _of_json(text)) is not None:
        return value
    if boxed := _BOXED.fullmatch(text):
        return boxed[1]
    if lead := _RESPONSE.match(text):
        return text[lead.end() :]
    if (lead := _LEAD.match(text)) and lead.end() < len(text):
        rest = text[lead.end() :].rstrip()
        sentence = ":" not in lead[0] and "\n" not in rest
        return _without_stop(rest) if sentence else rest
    return _without_marks(text)


def _without_stop(text: str) -> str:
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text


def _without_marks(text: str) -> str:
    """Return a text without a pair of marks around the whole of it, and a full stop behind them."""
    for opening, closing in _AROUND:
        for end in (closing, closing + "."):
            inner = text[len(opening) : len(text) - len(end)]
            enclosed = text.startswith(opening) and text.endswith(end) and inner.strip()
            if enclosed and opening not in inner and closing not in inner:
                return inner
    return text


class _TwiceError(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _of_json(text: str) -> str | None:
    """Return the answer of a JSON object; None unless exactly one field is it."""
    try:
        value = loads(text, object_pairs_hook=_once)
    except ValueError:
        return None
    found = [content for name, content in value.items() if name.casefold() in _KEYS]
    if len(found) != 1:
        return None
    [answer] = found
    if isinstance(answer, list) and all(isinstance(item, str) for item in answer):
        return "\n".join(answer)
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return json.dumps(answer)
    return answer if isinstance(answer, str) else None


def stated(text: str, *, anywhere: bool = False) -> Iterator[str]:
    """Yield what a text says the answer is: `… The answer is B. …` gives `B. …`.

    Only at the beginning of a sentence or line, since `If so, the answer is B` says nothing;
    `anywhere` finds those too.
    """
    for begin in re.finditer(r"\b" if anywhere else r"(?:^|(?<=[.!?;:])\s+|\n)", text):
        if (lead := _LEAD.match(text, begin.end())) and lead.end() < len(text):
            yield text[lead.end() :]


# ---- lines of a list

_MARKER = re.compile(r"^\s*(?:[-*\u2022]|\d{1,3}[.)])\s+")


def line_forms(line: str) -> Iterator[str]:
    """Yield a line of an answer as it is, then without list marker, marks, and closing full stop.

    A reader takes the first form that it knows, so that what ends in a full stop is found too.
    """
    form = line.strip()
    for step in (str, lambda x: _MARKER.sub("", x, count=1), _without_marks, _without_stop):
        changed = step(form).strip()
        if changed and (changed != form or step is str):
            yield changed
            form = changed


# ---- nothing, and texts out of HTML

_NOTHING = frozenset(
    {
        *("n/a", "n.a", "none", "null", "not applicable", "empty", "no text", "no context"),
        *("noinput", "no input", "no additional input", "no further input", "no input needed"),
        *("no input required", "no input provided", "no input necessary", "not required"),
        *("not needed", "nooutput", "no output", "no answer"),
    }
)
_EDGES = " \t\r\n.,:;!-_/*`'\"<>[](){}\u2010\u2011\u2012\u2013\u2014\u2212\u2026"
_BLANK = re.compile("[-\\s._/<>\\[\\](){}\u2010-\u2014\u2212\u2026]*")


def is_nothing(text: str) -> bool:
    """Return whether a text only says that there is nothing: `N/A`, `None`, `<noinput>`, `-`.

    Whether that is a fault depends on the field and on who wrote it: `none` is a gold answer of
    corpora with entities, and no output that a teacher was asked for.
    """
    text = unicodedata.normalize("NFKC", text)
    plain = " ".join(text.strip(_EDGES).replace("_", " ").split())
    if not plain or plain == "NA":  # `Na` is sodium
        return bool(plain) or _BLANK.fullmatch(text) is not None
    return plain.casefold().replace("no-", "no ") in _NOTHING


_REFERENCE = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def html_entity(text: str) -> str:
    """Return the first HTML entity of a text with its semicolon, such as `&gt;`; "" if none."""
    return next((f[0] for f in _REFERENCE.finditer(text) if _decoded(f) != f[0]), "")


def _decoded(found: re.Match[str]) -> str:
    known = found[1].startswith("#") or f"{found[1]};" in html.entities.html5
    return html.unescape(found[0]) if known else found[0]


def decode_entities(text: str) -> str:
    """Return a text with its HTML entities decoded, also those that were encoded twice or more."""
    for _ in range(4):
        decoded = _REFERENCE.sub(_decoded, text)
        if decoded == text:
            break
        text = decoded
    return text
