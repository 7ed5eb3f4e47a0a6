"""Recognise the common forms of instruction data in a row, and take out its three texts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bioinstruct.prompts import split_rendered
from bioinstruct.schema import content_id, shown

__all__ = [
    "SEVERAL_TURNS",
    "NotConvertible",
    "Texts",
    "column",
    "missing_fields",
    "shape_of",
    "texts_of",
]

SEVERAL_TURNS = "a conversation of several turns, and a record holds one question and its answer"
_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant"}
_OUR_ID = re.compile(r"[0-9a-f]{16}")
_SPLITS_TRIED = 500

_ASKS = ("question", "query", "prompt", "problem", "instruct", "request", "task_description")
_INPUTS = (
    "note",
    "text",
    "context",
    "document",
    "passage",
    "article",
    "abstract",
    "report",
    "case",
)
_ANSWERS = (
    *("answer", "response", "completion", "summary", "chosen", "target", "reply", "diagnosis"),
    *("label", "gold", "impression", "labels", "long_answer", "final_answer"),
)


class Texts(NamedTuple):
    """The three texts of a record."""

    instruction: str
    input: str
    output: str


class NotConvertible(Exception):
    """A row that is no single instruction; `detail` says more about this one.

    Attributes:
        detail: such as the number of turns.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


def shape_of(row: Mapping[str, Any]) -> str:
    """Return the form of a row by its fields; an empty text if it is none that we know.

    The forms are `record` (ours), `alpaca`, `messages`, `sharegpt` and `prompt-completion`.
    """
    keys = row.keys()
    if "provenance" in keys:
        return "record"
    if {"instruction", "output"} <= keys:
        return "alpaca"
    if "messages" in keys:
        return "messages"
    if "conversations" in keys:
        return "sharegpt"
    return "prompt-completion" if {"prompt", "completion"} <= keys else ""


def texts_of(row: Mapping[str, Any], shape: str) -> Texts:
    """Return the texts of a row of this form.

    A row with an `id` that `bioinstruct export` gave it comes back as the record that it was, even
    from formats that join instruction and input.

    Raises:
        NotConvertible: the row is not one question with one answer.
    """
    if shape == "alpaca":
        return Texts(_text(row, "instruction"), _text(row, "input"), _text(row, "output"))
    if shape == "prompt-completion":
        return _of_prompt(row)
    key = "messages" if shape == "messages" else "conversations"
    return _with_id(row, _of_turns(row.get(key), key))


def column(row: Mapping[str, Any], path: str) -> Any:
    """Return the value of a column; `a.b` is the field `b` of `a`, unless a column has that name.

    Raises:
        KeyError: there is no such column.
    """
    if path in row:
        return row[path]
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(path)
        value = value[part]
    return value


def missing_fields(keys: Sequence[str], source: str) -> tuple[str, str]:
    """Say what rows with these fields seem to be, and the command that reads them."""
    asks, inputs, answer = (_first(keys, names) for names in (_ASKS, _INPUTS, _ANSWERS))
    command = f"bioinstruct import {shlex.quote(source)}"
    out = "--out records.jsonl"
    if {"chosen", "rejected"} <= set(keys) and asks:
        what = f"preferences, of which `{answer}` is the answer to keep"
        hint = f"{command} --map instruction={asks} output={answer} {out}"
    elif asks and answer:
        what = "questions and answers"
        context = f"input={inputs} " if inputs else ""
        hint = f"{command} --map instruction={asks} {context}output={answer} {out}"
    elif inputs and answer:
        what = f"texts with a column `{answer}`"
        hint = f"{command} --instruction 'WHAT TO DO' --map input={inputs} output={answer} {out}"
    elif inputs:
        what = "documents without answers"
        hint = (
            "a record needs an answer: add a column for it, such as `summary`, then "
            f"{command} --instruction 'WHAT TO DO' --map input={inputs} output=summary {out}"
        )
    else:
        what = "a table of another kind"
        hint = f"{command} --map instruction=COLUMN input=COLUMN output=COLUMN {out}"
    return what, hint


def _first(keys: Iterable[str], names: Sequence[str]) -> str:
    lower = {key.lower(): key for key in reversed(list(keys))}
    exact = (lower[name] for name in names if name in lower)
    part = (lower[key] for name in names for key in lower if name in re.split(r"[\W_]+", key))
    found = next(exact, "") or next(part, "")
    return shlex.quote(found) if found else ""


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, str):
        return value
    if value is None and name == "input":
        return ""
    if value is None:
        raise NotConvertible(f"no {name}")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise NotConvertible(f"{name}: expected a text, found {shown(value)}")


def _turns(turns: Any, key: str) -> list[tuple[str, str]]:
    if not isinstance(turns, list):
        raise NotConvertible(f"{key}: expected a list of turns, found {shown(turns)}")
    found = []
    for number, turn in enumerate(turns):
        role = turn.get("role", turn.get("from")) if isinstance(turn, Mapping) else None
        text = turn.get("content", turn.get("value")) if isinstance(turn, Mapping) else None
        if not (isinstance(role, str) and isinstance(text, str)):
            raise NotConvertible(f"{key}.{number}: expected a role and a text, found {shown(turn)}")
        found.append((_ROLES.get(role, role), text))
    return found


def _of_turns(turns: Any, key: str) -> Texts:
    """Take a question and its answer; a system message in front is the instruction."""
    found = _turns(turns, key)
    roles = [role for role, _ in found]
    if roles == ["user", "assistant"]:
        return Texts(found[0][1], "", found[1][1])
    if roles == ["system", "user", "assistant"]:
        system, asked = found[0][1], found[1][1]
        return (
            Texts(system, asked, found[2][1]) if system.strip() else Texts(asked, "", found[2][1])
        )
    if (several := roles.count("user")) > 1:
        raise NotConvertible(SEVERAL_TURNS, f"{several} turns of the user")
    raise NotConvertible(
        f"{key}: expected the roles user and assistant, found {', '.join(roles)[:80] or 'none'}"
    )


def _of_prompt(row: Mapping[str, Any]) -> Texts:
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        return _with_id(row, _of_turns([*prompt, *completion], "prompt and completion"))
    texts = Texts(_text(row, "prompt"), "", _text(row, "completion"))
    for instruction, input in split_rendered(texts.instruction):
        candidate = Texts(instruction, input, texts.output)
        if content_id(*candidate) == row.get("id"):
            return candidate
        texts = candidate
    return _with_id(row, texts)


def _with_id(row: Mapping[str, Any], texts: Texts) -> Texts:
    """Split the user's turn where the id of an exported record says that instruction ends."""
    id = row.get("id")
    if not (isinstance(id, str) and _OUR_ID.fullmatch(id)) or texts.input:
        return texts
    joined, at = texts.instruction, -1
    for _ in range(_SPLITS_TRIED):
        at = joined.find("\n\n", at + 1)
        if at < 0:
            break
        candidate = Texts(joined[:at], joined[at + 2 :], texts.output)
        if content_id(*candidate) == id:
            return candidate
    return texts
