"""Instructions in JSON Lines: one object a line, UTF-8.

A byte-order mark, CRLF and empty lines are read as if they were not there. Anything else that is
wrong is a `DataError` with file, line and field, or, when the caller passes `rejected`, is kept
there while the good lines go on.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import atomic_file
from bioinstruct.schema import Instruction

__all__ = ["Rejected", "read", "write", "write_rejected"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not an instruction, and why."""

    path: str
    line: int
    reason: str
    text: str


def read(path: Path | str, *, rejected: list[Rejected] | None = None) -> Iterator[Instruction]:
    """Instructions of a file (plain or gzip-compressed), or of standard input for `-`.

    Raises:
        MissingError: there is no such file.
        DataError: a line is not an instruction, unless `rejected` takes it.
    """
    with _open(path) as file:
        for number, raw in enumerate(_lines(file, path), start=1):
            line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if not line.strip():
                continue
            try:
                yield _parse(line, path, number)
            except DataError as error:
                if rejected is None:
                    raise
                text = line.decode("utf-8", errors="replace").rstrip("\r\n")
                rejected.append(Rejected(str(path), number, error.reason, text))


def write(path: Path | str, examples: Iterable[Instruction]) -> int:
    """Write instructions and return how many; the file appears only when it is complete."""
    if str(path) == "-":
        return _write(sys.stdout.buffer, examples)
    with atomic_file(Path(path)) as file:
        return _write(file, examples)


def write_rejected(path: Path, rejected: Iterable[Rejected]) -> None:
    """Keep what was refused, with its reason, to be mended by hand."""
    with atomic_file(path) as file:
        for line in rejected:
            row = {"path": line.path, "line": line.line, "reason": line.reason, "text": line.text}
            file.write(_encode(row))


def _write(file: BinaryIO, examples: Iterable[Instruction]) -> int:
    count = 0
    for example in examples:
        file.write(_encode(example.row()))
        count += 1
    file.flush()
    return count


def _encode(row: dict[str, object]) -> bytes:
    return (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8")


@contextlib.contextmanager
def _open(path: Path | str) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as file:
            if file.peek(2)[:2] == b"\x1f\x8b":
                with gzip.open(file) as plain:
                    yield plain  # type: ignore[misc]  # GzipFile reads bytes by line, which is all we use
            else:
                yield file
    except FileNotFoundError as error:
        raise MissingError(f"no file {path}") from error
    except IsADirectoryError as error:
        raise MissingError(f"{path} is a folder, not a JSON Lines file") from error


def _lines(file: BinaryIO, path: Path | str) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"not a complete gzip file ({error})", path=path) from error


def _parse(line: bytes, path: Path | str, number: int) -> Instruction:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start + 1}",
            path=path,
            line=number,
            hint="save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`",
        ) from error
    try:
        return Instruction.model_validate_json(line)
    except ValidationError as error:
        raise DataError(_explain(error, line), path=path, line=number) from error


def _explain(error: ValidationError, line: bytes) -> str:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        cut = "" if line.endswith(b"\n") else "; the file ends inside this line: was it cut off?"
        return f"not valid JSON ({first['ctx']['error']}){cut}"
    if first["type"] == "extra_forbidden":
        message = "unknown field"
    elif first["type"] == "missing":
        message = "missing field"
    elif (
        first["type"] in {"string_too_short", "string_pattern_mismatch"}
        and field != "provenance.license"
    ):
        message = "empty text"
    return f"{field}: {message}" if field else message
