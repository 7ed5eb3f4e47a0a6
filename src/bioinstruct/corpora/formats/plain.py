"""The text or JSON of a file, plain or gzip-compressed, or an error that says where it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import read_bytes, resolve_gz

__all__ = [
    "damage",
    "decode",
    "numbered",
    "or_another_file",
    "parse_json",
    "read_json",
    "read_lines",
    "read_text",
    "too_much",
]

T = TypeVar("T")
_DAMAGE = re.compile("[\0\udc80-\udcff]")
_AGAIN = "corpora are read as their authors published them: fetch the file again"
_SMALLEST_HALF = 100
"""Characters; a shorter text that repeats itself may well be meant so."""
_FIRST = 20
"""If so many rows at the beginning of a file are all faulty, the file is of another kind."""


def read_text(path: Path, *, fallback: str | None = None, lenient: bool = False) -> str:
    """Return the content of a UTF-8 file without a byte-order mark; line breaks stay as they are.

    A file that is not UTF-8 is read in the encoding `fallback`, if there is one.

    Args:
        path: the file, or its `.gz` twin.
        fallback: an encoding such as Latin-1.
        lenient: keep bytes that are not UTF-8 as lone surrogates, which `damage` finds in a row.

    Raises:
        MissingError: neither the file nor its `.gz` twin is there.
        BioinstructError: the file cannot be read, is cut off, or is not UTF-8.
        DataError: the file holds its whole content twice.
    """
    path = resolve_gz(path)
    try:
        raw = read_bytes(path)
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error
    half, odd = divmod(len(raw), 2)
    if not odd and half >= _SMALLEST_HALF and raw[:half] == raw[half:]:
        raise DataError(
            "the file holds its whole content twice",
            path=path,
            line=raw.count(b"\n", 0, half) + 1,
            hint="remove one half, or fetch the file again",
        )
    return decode(raw, path, fallback=fallback, lenient=lenient)


def decode(raw: bytes, path: Path, *, fallback: str | None = None, lenient: bool = False) -> str:
    """Return bytes of UTF-8, else of `fallback`, as text without a byte-order mark.

    Raises:
        DataError: they are not UTF-8; it names `path` and the line.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if fallback:
            return raw.decode(fallback)
        if lenient:
            return raw.decode("utf-8", errors="surrogateescape")
        raise DataError(
            f"not UTF-8: byte 0x{raw[error.start]:02x}",
            path=path,
            line=raw.count(b"\n", 0, error.start) + 1,
            hint=_AGAIN,
        ) from error


def damage(text: str) -> str:
    """Describe the first invalid character (not UTF-8, or NUL) of a text; empty if none is."""
    found = _DAMAGE.search(text)
    if not found:
        return ""
    code = ord(found[0])
    return "a NUL character" if code == 0 else f"not UTF-8: byte 0x{code - 0xDC00:02x}"


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file without their ends, which are LF or CRLF.

    Only these two end a line, so that line numbers are those of an editor.
    """
    return [line.removesuffix("\r") for line in read_text(path).split("\n")]


def numbered(path: Path) -> Iterator[tuple[int, str] | DataError]:
    """Yield the non-empty lines of a file, each with its number; a damaged one as a fault."""
    path = resolve_gz(path)
    text = read_text(path, lenient=True)
    damaged = bool(damage(text))
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if damaged and (fault := damage(line)):
            yield DataError(fault, path=path, line=number)
        elif line:
            yield number, line


def or_another_file(rows: Iterator[T | DataError]) -> Iterator[T | DataError]:
    """Pass rows on, unless the first twenty, or all, are faulty.

    Raises:
        DataError: the first error: the file is of another kind.
    """
    faults: list[DataError] | None = []
    for row in rows:
        if faults is not None:
            if isinstance(row, DataError):
                faults.append(row)
                if len(faults) == _FIRST:
                    raise faults[0]
                continue
            yield from faults
            faults = None
        yield row
    if faults:
        raise faults[0]


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        DataError: the content is not JSON, or not an object.
    """
    path = resolve_gz(path)
    content = parse_json(read_text(path), path)
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object, found {type(content).__name__}", path=path)
    return content


def parse_json(text: str, path: Path) -> Any:
    """Return the value of a JSON text.

    Raises:
        DataError: it is not JSON, is nested too deep, or has a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"not valid JSON ({error.msg}, column {error.colno})", path=path, line=error.lineno
        ) from error
    except (RecursionError, ValueError) as error:
        raise DataError(f"not valid JSON ({too_much(error)})", path=path) from error


def too_much(error: Exception) -> str:
    """Describe why a JSON value exceeds the limits of the parser."""
    deep = isinstance(error, RecursionError)
    return "nested too deep" if deep else "a number with too many digits"
