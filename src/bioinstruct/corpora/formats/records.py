"""Records of a JSON file, a list or an object on each line, checked one by one against a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bioinstruct.corpora.formats.plain import read_text
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["Record", "checked", "records", "records_of"]

M = TypeVar("M", bound=BaseModel)
_SPACE = " \t\r\n"


class Record(NamedTuple):
    """What stands in the file, its number from 1 on, and the line on which it begins."""

    number: int
    line: int
    value: Any


def records(path: Path, model: type[M]) -> Iterator[tuple[int, M | DataError]]:
    """The records of a file, plain or gzip-compressed, each with its number from 1 on.

    The file is a JSON list of objects or has one object after the other (JSON Lines). A record that
    the model refuses is given as an error. If it is the first one, and lacks a field, then this is
    another file, and the error is raised.

    Raises:
        MissingError: neither the file nor its `.gz` twin is there.
        DataError: the file is not JSON, is cut off, or holds something else.
    """
    path = find(path)
    return records_of(read_text(path), path, model)


def records_of(text: str, path: Path, model: type[M]) -> Iterator[tuple[int, M | DataError]]:
    """The records of a text, such as a member of an archive; see `records`."""
    empty = True
    for number, line, value in _values(text, path):
        record = checked(value, model, path=path, line=line, name=f"record {number}")
        needed = _needed(model)
        if empty and not (isinstance(value, dict) and value.keys() >= set(needed)):
            raise DataError(
                f"expected objects with {', '.join(needed)}, found {_shown(value)}",
                path=path,
                line=line,
                hint="is this the official file, in its official place?",
            )
        empty = False
        yield number, record
    if empty:
        raise DataError("expected records, found none", path=path)


def _needed(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if field.is_required()]


def checked(
    value: Any, model: type[M], *, path: Path, name: str, line: int | None = None
) -> M | DataError:
    """The value as the model, strictly, or an error that names the record and the field."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, (name, *first["loc"])))
        found = "" if first["type"] == "missing" else f", found {_shown(first['input'])}"
        return DataError(f"{key}: {first['msg']}{found}", path=path, line=line)


def _shown(value: Any) -> str:
    return f"{value!r:.80}" if not isinstance(value, dict) else f"keys {', '.join(value)[:80]}"


def _values(text: str, path: Path) -> Iterator[Record]:
    """The values of a list, or of the lines, one at a time: a file may have a million of them."""
    decoder = json.JSONDecoder()
    start = _skip(text, 0)
    in_list = text[start : start + 1] == "["
    at, line, number = start + in_list, 1 + text.count("\n", 0, start), 0
    while True:
        begun = _skip(text, at)
        line += text.count("\n", at, begun)
        at = begun
        if at == len(text) or (in_list and text[at] == "]"):
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            line = 1 + text.count("\n", 0, error.pos)
            raise _not_json(error.msg, path, line) from error
        number += 1
        yield Record(number, line, value)
        line += text.count("\n", at, end)
        at = _skip(text, end)
        line += text.count("\n", end, at)
        if in_list:
            at = _after_comma(text, at, path, line)
    if in_list and text[at:].strip(_SPACE) != "]":
        raise _not_json("the list does not end where the file does", path, line)


def _after_comma(text: str, at: int, path: Path, line: int) -> int:
    found = text[at : at + 1]
    if found not in {",", "]"}:
        raise _not_json(f"expected ',' or ']', found {found!r}", path, line)
    return at + (found == ",")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _not_json(what: str, path: Path, line: int) -> DataError:
    return DataError(f"not valid JSON ({what})", path=path, line=line, hint="fetch the file again")
