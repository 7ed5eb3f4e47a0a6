"""Checks of what a teacher writes against its input: quotations, numbers, JSON, and your own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path

from bioinstruct.answer_text import is_nothing, unwrap
from bioinstruct.corpora.user_file import run_python_file
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.filters.rules import Rule
from bioinstruct.json_text import loads
from bioinstruct.schema import Instruction

__all__ = ["CHECKS", "choose_checks", "json_output", "numbers", "span"]

_QUOTED = re.compile(r'"([^"\n]{3,})"|\u201c([^\u201d\n]{3,})\u201d|\u00ab([^\u00bb\n]{3,})\u00bb')
_ASKS_TO_QUOTE = re.compile(
    r"\b(?:verbatim|word for word|quot(?:e|ation)s?|copy out|exact (?:words?|wording|phrases?|"
    r"spans?|text|sentences?)|exactly as (?:it|they) (?:is|are|stand|stands|appear|appears))\b",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s+")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?")
_MARKER = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)
_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def span(example: Instruction) -> str | None:
    """Reject a quotation that is not in the input word for word.

    Quotations are what stands in double quotes; if the instruction asks to quote or to copy, each
    line of the output and each text of a JSON output are quotations too, after a label at most.
    White space, letter case and punctuation at the ends do not count.
    """
    if not example.input:
        return None
    text = _bare(example.input)
    asked = _ASKS_TO_QUOTE.search(example.instruction) is not None
    for quoted in _quotations(example.output, asked=asked):
        if _bare(quoted) not in text:
            return f"{quoted[:80]!r} is not in the input"
    return None


def _quotations(output: str, *, asked: bool) -> Iterator[str]:
    try:
        value = loads(output)
    except ValueError:
        value = None
    if isinstance(value, dict | list):
        yield from _texts(value) if asked else ()
        return
    marked = [next(filter(None, found.groups())) for found in _QUOTED.finditer(output)]
    yield from marked
    if asked and not marked:
        for line in output.splitlines():
            bare = _BULLET.sub("", line).strip()
            if bare and not is_nothing(bare):
                yield bare.partition(": ")[2] or bare


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a JSON value, without the names of fields."""
    if isinstance(value, str):
        if value.strip() and not is_nothing(value):
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _bare(text: str) -> str:
    straight = text.replace("\u2019", "'").replace("\u201c", '"').replace("\u201d", '"')
    return " ".join(straight.casefold().split()).strip(" .,;:!?'\"()[]")


def numbers(example: Instruction) -> str | None:
    """Reject a number in the output that neither the instruction nor the input has.

    Numbers of lists do not count, `1,000` is 1000, `2.0` is 2, and words up to twelve are numbers.
    Tasks without an input are left alone. Tasks that ask to compute do not pass this check.
    """
    if not example.input:
        return None
    given = f"{example.instruction}\n{example.input}"
    known = {value for _, value in _values(given)}
    lower = set(re.findall(r"[a-z]+", given.lower()))
    known |= {Decimal(n) for n, word in enumerate(_WORDS) if word in lower}
    for text, value in _values(_MARKER.sub("", example.output)):
        if value not in known:
            return f"{text} is in neither the instruction nor the input"
    return None


def _values(text: str) -> Iterator[tuple[str, Decimal]]:
    for found in _NUMBER.finditer(text):
        yield found[0], Decimal(found[0].replace(",", "")).normalize()


def json_output(example: Instruction) -> str | None:
    """Reject an output that is not JSON where the instruction asks for JSON."""
    if not re.search(r"\bJSON\b", example.instruction):
        return None
    try:
        loads(unwrap(example.output))
    except json.JSONDecodeError as error:
        return f"not valid JSON ({error.msg})"
    except ValueError as error:
        return f"not valid JSON ({error})"
    return None


CHECKS: dict[str, Rule] = {"span": span, "numbers": numbers, "json": json_output}
"""The checks by name."""


def choose_checks(names: Iterable[str]) -> dict[str, Rule]:
    """Return checks by name; a name that ends in `.py` is a file whose checks are returned.

    The file is run. Its functions `check` and `check_...` take a record and return what is wrong
    with it, or None; they are named like the functions, with hyphens.

    Raises:
        UnknownNameError: there is no such check.
        BioinstructError: the file cannot be run, or has no check.
    """
    chosen: dict[str, Rule] = {}
    for name in names:
        if name.endswith(".py"):
            chosen |= _of_file(Path(name))
        elif name in CHECKS:
            chosen[name] = CHECKS[name]
        else:
            raise UnknownNameError("check", name, [*CHECKS, "FILE.py"])
    return chosen


def _of_file(path: Path) -> dict[str, Rule]:
    module = run_python_file(path)
    found = {
        name.replace("_", "-"): _guarded(value, f"{path}: {name}")
        for name, value in vars(module).items()
        if callable(value) and (name == "check" or name.startswith("check_"))
    }
    if not found:
        raise BioinstructError(
            f"{path} has no check", hint="define check(record), which returns a reason or None"
        )
    return found


def _guarded(check: Rule, where: str) -> Rule:
    """Return a check whose errors say which function raised them."""

    def guarded(example: Instruction) -> str | None:
        try:
            fault = check(example)
        except Exception as error:  # whatever a user's function may do
            raise BioinstructError(f"{where}: {type(error).__name__}: {error}") from error
        if fault is not None and not isinstance(fault, str):
            raise BioinstructError(f"{where} returned {fault!r}", hint="return a reason or None")
        return fault or None

    return guarded
