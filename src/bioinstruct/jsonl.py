"""Instructions in JSON Lines: one object a line, UTF-8.

Reading ignores a byte-order mark, carriage returns and empty lines. Any other fault raises a
`DataError` with file, line and field; if the caller passes `rejected`, the bad line is appended
to it instead and reading continues. Nothing is guessed: not an encoding, not the end of a
truncated line, not which of two values for a field is right.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import json
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import atomic_file
from bioinstruct.json_text import loads
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction, explain, first_fault

__all__ = ["open_bytes", "read", "read_stream", "write"]

_CUT_OFF = "; the file ends inside this line: was it cut off?"


def read(path: Path | str, *, rejected: list[Rejection] | None = None) -> Iterator[Instruction]:
    """Read instructions from a file (plain or gzip-compressed), or from standard input for `-`.

    Raises:
        MissingError: the file does not exist.
        DataError: a line is not a valid instruction and the caller did not pass `rejected`.
    """
    with open_bytes(path) as file:
        yield from read_stream(file, path, rejected=rejected)


def read_stream(
    file: BinaryIO, path: Path | str, *, rejected: list[Rejection] | None = None
) -> Iterator[Instruction]:
    """Read instructions from an open file; `path` names it in messages. See `read`."""
    for number, raw in enumerate(_lines(file, path), start=1):
        line = raw.removeprefix(codecs.BOM_UTF8)  # on any line: files are concatenated
        if not line.strip():
            continue
        try:
            yield _parse(line, path, number)
        except DataError as error:
            if rejected is None:
                raise
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            place = {"path": str(path), "line": number}
            rejected.append(Rejection(reason=error.reason, text=text, place=place))


def write(path: Path | str, examples: Iterable[Instruction]) -> int:
    """Write instructions atomically and return their number; `-` is standard output."""
    if str(path) == "-":
        return _write(sys.stdout.buffer, examples)
    with atomic_file(Path(path)) as file:
        return _write(file, examples)


def _write(file: BinaryIO, examples: Iterable[Instruction]) -> int:
    count = 0
    known, text = None, ""
    for example in examples:
        if example.provenance is not known:  # records of a document share theirs
            known = example.provenance
            text = json.dumps(example.row()["provenance"], ensure_ascii=False)
        file.write(_line(example, text))
        count += 1
    file.flush()
    return count


def _line(example: Instruction, provenance: str) -> bytes:
    """Return the JSON of `example.row()`, in less than half of the time of `json.dumps`."""
    return (
        f'{{"id": "{example.id}", "instruction": {_quoted(example.instruction)}, '
        f'"input": {_quoted(example.input)}, "output": {_quoted(example.output)}, '
        f'"category": "{example.category.value}", "task": {_quoted(example.task)}, '
        f'"provenance": {provenance}}}\n'
    ).encode()


@contextlib.contextmanager
def open_bytes(path: Path | str) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if it is gzip, or standard input for `-`.

    Raises:
        MissingError: the file does not exist, or is a folder.
    """
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
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"not a complete gzip file ({error})", path=path) from error


def _parse(line: bytes, path: Path | str, number: int) -> Instruction:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason, hint = _not_utf8(error, line)
        raise DataError(reason, path=path, line=number, hint=hint) from error
    try:
        # Without its end: pydantic would report a fault there as line 2, column 0.
        example = Instruction.model_validate_json(line.rstrip(b"\r\n"))
    except ValidationError as error:
        raise DataError(_explain(error, line), path=path, line=number) from error
    if repeated := _repeated_field(line):
        raise DataError(f"{repeated}: given twice", path=path, line=number)
    return example


def _not_utf8(error: UnicodeDecodeError, line: bytes) -> tuple[str, str]:
    """Guess what a line that is not UTF-8 is instead; return that and a hint."""
    if line.startswith(b"\x1f\x8b"):
        return "gzip-compressed, not text", "decompress it first, for example with `gzip -dc`"
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16, not UTF-8", "save the file as UTF-8: `iconv -f utf-16 -t utf-8`"
    if error.reason == "unexpected end of data":
        return f"not valid UTF-8 at its end{_CUT_OFF}", ""
    return (
        f"not UTF-8: byte 0x{line[error.start]:02x} at position {error.start + 1}",
        "save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`",
    )


def _explain(error: ValidationError, line: bytes) -> str:
    first = first_fault(error)
    if first.kind == "json_invalid":
        message = first.message.removeprefix("Invalid JSON: ")
        fault = re.sub(r" at line 1 column (\d+)$", r" at column \1", message)
        cut_off = fault.startswith("EOF") and not line.endswith(b"\n")
        return f"not valid JSON ({fault}){_CUT_OFF if cut_off else ''}"
    return explain(error)


def _repeated_field(line: bytes) -> str:
    """Return a field name that an object repeats, or an empty string.

    JSON allows repeated names, but a parser keeps only one of the values.
    """
    repeated: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        if len(pairs) != len(dict(pairs)):
            repeated.extend(n for n, count in Counter(n for n, _ in pairs).items() if count > 1)

    loads(line, object_pairs_hook=note)
    return repeated[0] if repeated else ""
