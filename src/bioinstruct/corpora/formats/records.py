"""Records of a JSON file, a list or an object on each line, checked one by one against a model."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import find

__all__ = ["Record", "checked", "records", "records_of"]

M = TypeVar("M", bound=BaseModel)
_SPACE = re.compile(r"[ \t\r\n]*")
_CHUNK = 1 << 20


class Record(NamedTuple):
    """What stands in the file, its number from 1 on, and the line on which it begins."""

    number: int
    line: int
    value: Any


def records(path: Path, model: type[M]) -> Iterator[tuple[int, M | DataError]]:
    """Yield the records of a file, plain or gzip-compressed, numbered from 1.

    The file is a JSON list of objects or has one object after the other (JSON Lines). A record that
    the model refuses is given as an error. If it is the first one, and lacks a field, then this is
    another file, and the error is raised.

    Raises:
        MissingError: neither the file nor its `.gz` twin is there.
        DataError: the file is not JSON, is cut off, or holds something else.
    """
    path = find(path)
    return _checked_all(_of_file(path), path, model)


def records_of(text: str, path: Path, model: type[M]) -> Iterator[tuple[int, M | DataError]]:
    """Yield the records of a text, such as a member of an archive; see `records`."""
    return _checked_all(_values(io.BytesIO(text.encode()), path), path, model)


def _checked_all(
    values: Iterator[Record], path: Path, model: type[M]
) -> Iterator[tuple[int, M | DataError]]:
    needed = _needed(model)
    empty = True
    for number, line, value in values:
        if empty and not (isinstance(value, dict) and value.keys() >= set(needed)):
            raise DataError(
                f"expected objects with {', '.join(needed)}, found {_shown(value)}",
                path=path,
                line=line,
                hint="is this the official file, in its official place?",
            )
        empty = False
        yield number, checked(value, model, path=path, line=line, name=f"record {number}")
    if empty:
        raise DataError("expected records, found none", path=path)


def _of_file(path: Path) -> Iterator[Record]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error
    with file:
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        yield from _values(gzip.GzipFile(fileobj=file) if packed else file, path)


def _needed(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return [field.alias or name for name, field in fields if field.is_required()]


def checked(
    value: Any, model: type[M], *, path: Path, name: str, line: int | None = None
) -> M | DataError:
    """Validate a value strictly; return it or an error that names the record and the field."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, (name, *first["loc"])))
        found = "" if first["type"] == "missing" else f", found {_shown(first['input'])}"
        return DataError(f"{key}: {first['msg']}{found}", path=path, line=line)


def _shown(value: Any) -> str:
    return f"{value!r:.80}" if not isinstance(value, dict) else f"keys {', '.join(value)[:80]}"


def _values(stream: io.BufferedIOBase, path: Path) -> Iterator[Record]:
    """Yield the values of a list, or of the lines, one at a time: there may be a million."""
    window = _Window(stream, path)
    in_list = window.next() == "["
    if in_list:
        window.at += 1
    number = 0
    while (found := window.next()) and not (in_list and found == "]"):
        number += 1
        line = window.line
        yield Record(number, line, window.value())
        if in_list:
            found = window.next()
            if found not in {",", "]"}:
                raise window.fault(f"expected ',' or ']', found {found!r}")
            window.at += found == ","
    if in_list:
        window.at += found == "]"
        if not found or window.next():
            raise window.fault("the list does not end where the file does")


class _Window:
    """The part of a file of JSON that is being read, and where in it the reading is."""

    def __init__(self, stream: io.BufferedIOBase, path: Path) -> None:
        self.at = 0
        self.line = 1
        self._text = ""
        self._stream = stream
        self._path = path
        self._decoded = codecs.getincrementaldecoder("utf-8-sig")()
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
        """Read the value that begins here."""
        while True:
            try:
                value, end = self._parse(self._text, self.at)
            except json.JSONDecodeError as error:
                if self._more():
                    continue
                self.line += self._text.count("\n", self.at, error.pos)
                raise self.fault(error.msg) from error
            if end < len(self._text) or not self._more():  # a number may go on
                self.line += self._text.count("\n", self.at, end)
                self.at = end
                return value

    def fault(self, what: str) -> DataError:
        hint = "fetch the file again"
        return DataError(f"not valid JSON ({what})", path=self._path, line=self.line, hint=hint)

    def _more(self) -> bool:
        """Read on, each time at least as much as is waiting; False at the end of the file."""
        waiting = self._text[self.at :]
        raw = self._read(max(_CHUNK, len(waiting)))
        try:
            text = self._decoded.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            before = self.line + waiting.count("\n")
            raise DataError(
                f"not UTF-8: byte 0x{error.object[error.start]:02x}",
                path=self._path,
                line=before + error.object.count(b"\n", 0, error.start),
                hint="corpora are read as their authors published them: fetch the file again",
            ) from error
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
