"""Parse the answers of a teacher into tasks; a part that cannot be parsed is a `Rejection`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bioinstruct.answer_text import decode_entities, is_nothing, split_thought, unwrap
from bioinstruct.generation.answer_format import Form
from bioinstruct.rejection import Rejection

__all__ = ["CUT_OFF", "INCOMPLETE", "UNPARSABLE", "Draft", "parse"]

CUT_OFF = "cut-off"
INCOMPLETE = "incomplete"
UNPARSABLE = "unparsable"

_LIST = re.compile(r'\{\s*"tasks"\s*:\s*\[|^\s*\[')
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Draft:
    """A task that was parsed, and not checked yet."""

    fields: dict[str, str]
    """Without surrounding white space and HTML entities; `input` is empty where there is none."""
    raw: str


def _reject(reason: str, detail: str, raw: str) -> Rejection:
    return Rejection(reason=reason, detail=detail, text=raw)


def parse(text: str, form: Form, *, cut: bool) -> list[Draft | Rejection]:
    """Return the tasks of an answer in their order; never raise, whatever the text.

    `cut`: the server stopped the answer before its end. Whole tasks in front of the cut count; a
    task that may have lost its end does not.
    """
    bare = unwrap(text)
    body = text if bare == text.strip() else bare  # what was cut is kept as it is
    found = _json_tasks(body, form, cut) if form.format == "json" else _marked(body, form, cut)
    tasks = list(found)
    if not tasks:
        detail = "no task in the answer" if text.strip() else "the answer is empty"
        if split_thought(text).answer is None:
            detail = "the answer is a thought without an end"
        return [_reject(CUT_OFF if cut else UNPARSABLE, detail, text)]
    return tasks


# JSON


class _TwiceError(ValueError):
    """A name that one object has twice: a reader would keep only one of the values."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError("a field is given twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _json_tasks(text: str, form: Form, cut: bool) -> Iterator[Draft | Rejection]:
    """Yield the elements of the list one by one, so that truncation costs only the last one."""
    start = _LIST.search(text)
    if start is None:
        return
    place = _skip(text, start.end())
    while place < len(text) and text[place] != "]":
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            twice = isinstance(error, _TwiceError)
            reason = CUT_OFF if cut and not twice else UNPARSABLE
            detail = "the answer ends inside a task" if reason == CUT_OFF else _fault(error)
            yield _reject(reason, detail, text[place:])
            return
        yield _checked(value, form, text[place:end])
        place = _skip(text, end)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)
        elif place < len(text) and text[place] != "]":
            yield _reject(UNPARSABLE, "no comma between two tasks", text[place:])
            return


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not valid JSON ({error.msg})"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _checked(value: Any, form: Form, raw: str) -> Draft | Rejection:
    if not isinstance(value, dict):
        return _reject(UNPARSABLE, "a task is not an object", raw)
    texts: dict[str, str] = {}
    for name in form.fields:
        text = value.get(name)
        if text is not None and not isinstance(text, str):
            return _reject(UNPARSABLE, f"{name} is not a text", raw)
        texts[name] = text or ""
    return _complete(texts, raw)


# Marks

_MARK = re.compile(r"^[ \t]*@@([0-9a-f]+)[ \t]+([A-Za-z]+)\b[ \t]*:?[ \t]*(.*)$", re.MULTILINE)


@dataclass(slots=True)
class _Part:
    """A task that is being read: its place in the answer, and its texts."""

    start: int
    end: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    fault: str = ""


def _marked(text: str, form: Form, cut: bool) -> Iterator[Draft | Rejection]:
    parts = _parts(text, form)
    for number, part in enumerate(parts, start=1):
        raw = text[part.start : part.end]
        if part.fault:
            yield _reject(UNPARSABLE, part.fault, raw)
        elif cut and number == len(parts) and not part.ended:
            yield _reject(CUT_OFF, "the answer ends inside a task", raw)
        else:
            yield _complete({name: part.texts.get(name, "") for name in form.fields}, raw)


def _parts(text: str, form: Form) -> list[_Part]:
    """Return the tasks between start and end marks; ignore text outside them."""
    names = (*form.fields, "end")
    marks = [
        mark for mark in _MARK.finditer(text) if mark[1] == form.tag and mark[2].lower() in names
    ]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    parts: list[_Part] = []
    for mark, end in zip(marks, ends, strict=False):  # no marks, no ends
        name = mark[2].lower()
        if name == "end":
            if parts and not parts[-1].ended:
                parts[-1].end = mark.end()
                parts[-1].ended = True
            continue
        if _begins(parts, name, names):
            parts.append(_Part(mark.start()))
        parts[-1].texts[name] = text[mark.start(3) : end]
        parts[-1].end = end
    return parts


def _begins(parts: list[_Part], name: str, names: tuple[str, ...]) -> bool:
    """Return whether this mark starts a new task (the last end mark may be missing).

    A part that comes again where no task can begin makes it unclear to which task it belongs: then
    neither counts.
    """
    if not parts or parts[-1].ended:
        return True
    latest = max(names.index(seen) for seen in parts[-1].texts)
    if names.index(name) > latest:
        return False
    if name not in names[: names.index("instruction") + 1]:
        parts[-1].fault = f"{name} is given twice"
    return True


def _complete(texts: dict[str, str], raw: str) -> Draft | Rejection:
    fields = {name: decode_entities(text).strip() for name, text in texts.items()}
    if is_nothing(fields.setdefault("input", "")):
        fields["input"] = ""
    for name in ("instruction", "output"):
        if not fields[name]:
            return _reject(INCOMPLETE, f"no {name}", raw)
        if is_nothing(fields[name]):
            return _reject(INCOMPLETE, f"no {name}: it is {fields[name]!r}", raw)
    for name, text in fields.items():
        if found := _CONTROL.search(text):
            return _reject(UNPARSABLE, f"the {name} has {found[0]!r}", raw)
    return Draft(fields, raw)
