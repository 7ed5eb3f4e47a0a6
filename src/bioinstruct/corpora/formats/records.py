"""Records of a JSON file, a list or an object on each line, checked one by one against a model."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bioinstruct.corpora.formats.plain import (
    damage,
    or_another_file,
    parse_json,
    read_text,
    too_much,
)
from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import first_fault, shown

__all__ = ["Record", "checked", "entries", "json_values", "records", "records_of"]

M = TypeVar("M", bound=BaseModel)
_SPACE = re.compile(r"[ \t\r\n]*")
_CHUNK = 1 << 20
_FIRST = 20
"""If none of so many records has the fields of the model, the file is of another kind."""


class Record(NamedTuple):
    """A record as it is in the file, or its error, with its number (from 1) and first line."""

    number: int
    line: int
    value: Any


def records(path: Path, model: type[M]) -> Iterator[tuple[int, int, M | DataError]]:
    """Read the records of a file, plain or gzip-compressed, each with its number and its line.

    The file is a JSON list of objects or has one object after the other (JSON Lines). A record that
    is not JSON or that the model refuses is given as an error, and the next one is read.

    Raises:
        MissingError: neither the file nor its `.gz` twin is there.
        DataError: the file is cut off, or none of the first twenty records has the fields: this
            is another file.
    """
    path = resolve_gz(path)
    return _checked_all(_of_file(path), path, model)


def records_of(text: str, path: Path, model: type[M]) -> Iterator[tuple[int, int, M | DataError]]:
    """Read the records of a text, such as a member of an archive; see `records`."""
    raw = text.encode("utf-8", errors="surrogateescape")
    return _checked_all(json_values(io.BytesIO(raw), path), path, model)


def entries(path: Path) -> Iterator[tuple[str, Any] | DataError]:
    """Read the entries of the object in a JSON file; one that is not JSON is given as an error.

    Raises:
        MissingError: there is no such file.
        DataError: the content is not an object, or none of its entries is JSON.
    """
    path = resolve_gz(path)
    text = read_text(path, lenient=True)
    try:
        content = parse_json(text, path)
    except DataError as error:
        if not text.lstrip().startswith("{"):
            raise
        return or_another_file(_entries_one_by_one(text, path, error))
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object, found {type(content).__name__}", path=path)
    return iter(content.items())


def _entries_one_by_one(
    text: str, path: Path, error: DataError
) -> Iterator[tuple[str, Any] | DataError]:
    """Read what can be read of an object in which something is not JSON.

    The next entry begins with a key on a line that is indented like the first one, or after `},`.
    """
    parse = json.JSONDecoder().raw_decode
    first = re.match(r'\s*\{(\s*)(?=")', text)
    if not first:
        raise error
    indent = first[1][first[1].rfind("\n") :] if "\n" in first[1] else ""
    pattern = re.compile(rf'{indent}(?=")' if indent else r'\}\s*,\s*(?="[^"\n]*"\s*:\s*\{)')
    at = first.end()
    while at < len(text):
        try:
            key, end = parse(text, at)
            colon = re.compile(r"\s*:\s*").match(text, end)
            value, end = parse(text, colon.end() if colon else end)
            after = re.compile(r"\s*([,}])\s*").match(text, end)
            if not colon or not after:
                raise ValueError
        except (ValueError, RecursionError) as fault:
            what = getattr(fault, "msg", "an entry that does not end")
            line = text.count("\n", 0, at) + 1
            yield DataError(f"not valid JSON ({what})", path=path, line=line)
            found = pattern.search(text, at + 1)
            at = found.end() if found else len(text)
            continue
        yield key, value
        at = after.end() if after[1] == "," else len(text)


def _checked_all(
    values: Iterator[Record], path: Path, model: type[M]
) -> Iterator[tuple[int, int, M | DataError]]:
    needed = set(_needed(model))
    waiting: list[tuple[int, int, M | DataError]] | None = []
    for number, line, value in values:
        found = (
            value
            if isinstance(value, DataError)
            else checked(value, model, path=path, line=line, name=f"record {number}")
        )
        if waiting is not None:
            if not (isinstance(value, dict) and value.keys() >= needed):
                first = (
                    value if isinstance(value, DataError) else _another(value, model, path, line)
                )
                waiting.append((number, line, first))
                if len(waiting) == _FIRST:
                    break
                continue
            yield from waiting
            waiting = None
        yield number, line, found
    if waiting:
        fault = waiting[0][2]
        assert isinstance(fault, DataError)
        raise fault
    if waiting is not None:
        raise DataError("expected records, found none", path=path)


def _another(value: Any, model: type[BaseModel], path: Path, line: int) -> DataError:
    return DataError(
        f"expected objects with {', '.join(_needed(model))}, found {shown(value)}",
        path=path,
        line=line,
        hint="is this the official file, in its official place?",
    )


def _of_file(path: Path) -> Iterator[Record]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error
    with file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        yield from json_values(gzip.GzipFile(fileobj=file) if packed else file, path)


def _needed(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if field.is_required()]


def checked(
    value: Any, model: type[M], *, path: Path, name: str, line: int | None = None
) -> M | DataError:
    """Return the value as the model, strictly, or an error that names the record and the field."""
    if damaged := _damaged(value, name):
        return DataError(damaged, path=path, line=line)
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        fault = first_fault(error)
        key = ".".join(map(str, (name, *fault.place)))
        return DataError(f"{key}: {fault.message}{fault.found}", path=path, line=line)


def _damaged(value: Any, key: str) -> str:
    """Return the key and the fault of the first string in a value that has one; else nothing."""
    if isinstance(value, str):
        fault = damage(value)
        return f"{key}: {fault}" if fault else ""
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        if fault := next(filter(None, map(damage, value)), ""):
            return f"{key}: {fault} in a key"
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    found = (_damaged(part, f"{key}.{name}") for name, part in parts)
    return next(filter(None, found), "")


class _Broken(DataError):
    """A value that is not JSON, after which there may be others."""


def json_values(stream: io.BufferedIOBase, path: Path) -> Iterator[Record]:
    """Read the values of a list, or of lines, one at a time: a file may have a million of them."""
    window = _Window(stream, path)
    window.in_list = in_list = window.next() == "["
    if in_list:
        window.at += 1
    number = 0
    while (found := window.next()) and not (in_list and found == "]"):
        number += 1
        line = window.line
        try:
            yield Record(number, line, window.value())
            found = window.next() if in_list else ""
            if found not in {"", ",", "]"}:
                number += 1
                raise window.fault(f"expected ',' or ']', found {found!r}")
            window.at += found == ","
        except _Broken as error:
            yield Record(number, line, error)
            window.skip()
    if in_list:
        window.at += found == "]"
        if not found or window.next():
            raise window.fault("the list does not end where the file does")


# Where the next record begins after one that is not JSON.
_NEXT_LINE = re.compile(r"\n(?=\{)")
_NEXT_ITEM = re.compile(r"\}\s*,\s*(?=\{)")


class _Window:
    """The part of a file of JSON that is being read, and where in it the reading is."""

    def __init__(self, stream: io.BufferedIOBase, path: Path) -> None:
        self.at = 0
        self.line = 1
        self.in_list = False
        self._text = ""
        self._stream = stream
        self._path = path
        self._decoded = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
        self._parse = json.JSONDecoder().raw_decode

    def next(self) -> str:
        """Peek at the next character that is not white space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self.at)
            end = match.end() if match else self.at
            self.line += self._text.count("\n", self.at, end)
            self.at = end
            if end < len(self._text) or not self._more():
                return self._text[end : end + 1]

    def value(self) -> Any:
        """Return the value that begins here, and pass it."""
        while True:
            try:
                value, end = self._parse(self._text, self.at)
            except json.JSONDecodeError as error:
                is_line = not self.in_list and _NEXT_LINE.search(self._text, self.at)
                if not is_line and self._more():
                    continue
                line = self.line + self.in_list * self._text.count("\n", self.at, error.pos)
                raise self.fault(error.msg, line) from error
            except (RecursionError, ValueError) as error:
                raise self.fault(too_much(error)) from error
            if end < len(self._text) or not self._more():  # a number may continue
                self.line += self._text.count("\n", self.at, end)
                self.at = end
                return value

    def skip(self) -> None:
        """Skip invalid JSON up to the probable start of the next record, or to the end."""
        pattern = _NEXT_ITEM if self.in_list else _NEXT_LINE
        while not (found := pattern.search(self._text, self.at)) and self._more():
            pass
        end = found.end() if found else len(self._text)
        if not found and self.in_list and self._text.rstrip().endswith("]"):
            end = self._text.rindex("]")  # it was the last record
        self.line += self._text.count("\n", self.at, end)
        self.at = end

    def fault(self, what: str, line: int | None = None) -> DataError:
        hint = "fetch the file again"
        where = line or self.line
        return _Broken(f"not valid JSON ({what})", path=self._path, line=where, hint=hint)

    def _more(self) -> bool:
        """Read on, each time at least as much as is waiting; False at the end of the file."""
        waiting = self._text[self.at :]
        raw = self._read(max(_CHUNK, len(waiting)))
        text = self._decoded.decode(raw, final=not raw)
        self._text, self.at = waiting + text, 0
        return bool(raw)

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"not a complete gzip file ({error})", path=self._path, hint="fetch the file again"
            ) from error
        except OSError as error:
            raise BioinstructError(f"{self._path}: cannot be read ({error.strerror})") from error
