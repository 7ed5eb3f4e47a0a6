"""The text or JSON of a file, plain or gzip-compressed, or an error that says where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import find, read_bytes

__all__ = ["decode", "read_json", "read_lines", "read_text"]


def read_text(path: Path, *, fallback: str | None = None) -> str:
    """Read a UTF-8 file without its byte-order mark; line breaks stay as they are.

    A file that is not UTF-8 is read in the encoding `fallback`, if there is one.

    Raises:
        MissingError: neither the file nor its `.gz` twin is there.
        BioinstructError: the file cannot be read, is cut off, or is not UTF-8.
    """
    path = find(path)
    try:
        raw = read_bytes(path)
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error
    return decode(raw, path, fallback=fallback)


def decode(raw: bytes, path: Path, *, fallback: str | None = None) -> str:
    """Decode UTF-8, else `fallback`, to text without a byte-order mark.

    Raises:
        DataError: they are not UTF-8; it names `path` and the line.
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if fallback:
            return raw.decode(fallback)
        raise DataError(
            f"not UTF-8: byte 0x{raw[error.start]:02x}",
            path=path,
            line=raw.count(b"\n", 0, error.start) + 1,
            hint="corpora are read as their authors published them: fetch the file again",
        ) from error


def read_lines(path: Path) -> list[str]:
    """Read the lines of a UTF-8 file without their ends, LF or CRLF.

    Only these two end a line, so that line numbers are those of an editor.
    """
    return [line.removesuffix("\r") for line in read_text(path).split("\n")]


def read_json(path: Path) -> dict[str, Any]:
    """Read the object in a JSON file.

    Raises:
        DataError: the content is not JSON, or not an object.
    """
    path = find(path)
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"not valid JSON ({error.msg}, column {error.colno})", path=path, line=error.lineno
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object, found {type(content).__name__}", path=path)
    return content
