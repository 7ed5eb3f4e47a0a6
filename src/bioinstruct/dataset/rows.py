"""The rows of files that people have: JSON, CSV, TSV, Parquet, `save_to_disk` and Hub datasets."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic_core import from_json

from bioinstruct import parquet
from bioinstruct.corpora.formats.plain import damage
from bioinstruct.corpora.formats.records import json_values
from bioinstruct.dataset import hub
from bioinstruct.errors import DataError
from bioinstruct.json_text import loads

__all__ = [
    "Row",
    "file_rows",
    "folder_rows",
    "is_jsonl_of_records",
    "numbered",
    "peeked",
    "row_text",
]

_HEAD = 1 << 16
_EXPORT_MARK = "bioinstruct-export.json"
_EXPORTED = "data.jsonl"
_UTF8 = "save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`"
_TABLES = {".csv": ",", ".tsv": "\t"}
_KINDS = {
    b"PK\x03\x04": ("a spreadsheet or a zip archive", "save the sheet as CSV, in UTF-8"),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "save the sheet as CSV, in UTF-8"),
    b"%PDF": ("a PDF", "export its text first"),
    b"\xff\xfe": ("UTF-16, not UTF-8", "save the file as UTF-8: `iconv -f utf-16 -t utf-8`"),
    b"\xfe\xff": ("UTF-16, not UTF-8", "save the file as UTF-8: `iconv -f utf-16 -t utf-8`"),
}


class Row(NamedTuple):
    """A row of a source, or what is wrong with it, and its line or number from 1."""

    line: int
    value: Any


class _Joined(io.RawIOBase):
    """Bytes that were read already, followed by the rest of their stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = memoryview(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._head:
            count = min(len(buffer), len(self._head))
            buffer[:count], self._head = self._head[:count], self._head[count:]
            return count
        data = self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def peeked(file: BinaryIO) -> tuple[bytes, io.BufferedReader]:
    """Return the first bytes of a stream, with the whole first line, and the stream from its start.

    The end of a line is looked for only if it begins an object: an array may be one long line.
    """
    head = file.read(_HEAD)
    while head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b"\n" not in head.strip():
        more = file.read(_HEAD)
        if not more:
            break
        head += more
    return head, io.BufferedReader(_Joined(head, file), _HEAD)


def is_jsonl_of_records(head: bytes, source: str) -> bool:
    """True if a file is to be read as our JSON Lines: by its first object, or if it is no JSON."""
    if _suffix(source) in _TABLES or any(head.startswith(start) for start in _KINDS):
        return False
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"{", b"[")):
        return True
    if text.startswith(b"["):
        return False
    for line in text.split(b"\n"):
        with contextlib.suppress(ValueError):
            value = loads(line)
            return isinstance(value, dict) and "provenance" in value
    return text.split(b"\n")[0].strip() != b"{"  # an object over several lines


def file_rows(file: io.BufferedReader, head: bytes, source: str) -> Iterator[Row]:
    """Yield the rows of an open file of JSON, CSV or TSV; a faulty row is a `DataError`.

    Raises:
        DataError: the file is of a kind that is not read; it says which and what to do.
    """
    path = Path(source)
    for start, (kind, hint) in _KINDS.items():
        if head.startswith(start):
            raise DataError(f"the file is {kind}", path=path, hint=hint)
    if (suffix := _suffix(source)) in _TABLES:
        yield from _table(file, path, _delimiter(head, _TABLES[suffix]))
        return
    if _is_object(head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n")[0]):
        yield from _json_lines(file, path)
        return
    for record in json_values(file, path):
        value = record.value
        if isinstance(value, DataError):
            value = DataError(value.reason, path=path, line=value.line)
        yield Row(record.line, value)


def _suffix(source: str) -> str:
    return Path(source.removesuffix(".gz")).suffix.lower()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def _json_lines(file: io.BufferedReader, path: Path) -> Iterator[Row]:
    """Read a value from each line, with the parser of pydantic: three times as fast as `json`."""
    for number, line in enumerate(file, start=1):
        try:
            yield Row(number, from_json(line))
        except ValueError as error:
            text = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
            if not text.strip():
                continue
            try:
                yield Row(number, from_json(text))
            except ValueError:
                yield Row(number, DataError(_json_fault(text, error), path=path, line=number))


def _json_fault(line: bytes, error: ValueError) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"not UTF-8: byte 0x{line[wrong.start]:02x}"
    return f"not valid JSON ({str(error).replace(' at line 1 column', ' at column')})"


def numbered(rows: Iterable[Any]) -> Iterator[Row]:
    """Number rows that have no lines."""
    return (Row(number, value) for number, value in enumerate(rows, start=1))


def folder_rows(path: Path, config: str | None, split: str) -> Iterator[Row]:
    """Yield the rows of a folder: published, exported, saved by `save_to_disk`, or of files.

    Raises:
        BioinstructError: `datasets` cannot load the folder, or it has no such split.
    """
    files = sorted((path / "data").glob(f"{split}-*-of-*.parquet"))
    if files and config in {None, "default"}:
        return numbered(parquet.read_parquet(files))  # written by `publish`: needs no cache
    if (path / _EXPORT_MARK).is_file():
        return _exported(path / _EXPORTED)
    if (path / "state.json").is_file() or (path / "dataset_dict.json").is_file():
        return numbered(hub.from_disk(path, split))
    return numbered(hub.load(str(path), config, split=split))


def _exported(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        yield from (Row(record.line, record.value) for record in json_values(file, path))


def _delimiter(head: bytes, usual: str) -> str:
    """Return the delimiter: a semicolon or tab where the header has these and no comma."""
    header = head.split(b"\n")[0]
    others = [sign for sign in (";", "\t") if sign.encode() in header]
    return others[0] if usual == "," and b"," not in header and others else usual


def _table(file: io.BufferedReader, path: Path, delimiter: str) -> Iterator[Row]:
    """Read a table with a header; a text may have several lines if it is quoted."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header = next(reader, [])
    if double := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
        raise DataError(f"the header has the column {double[0]!r} twice", path=path, line=1)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, DataError(f"not valid CSV ({error})", path=path, line=line))
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            what = f"{len(cells)} fields, and the header has {len(header)}"
            yield Row(line, DataError(what, path=path, line=line))
        elif fault := next(filter(None, map(damage, cells)), ""):
            yield Row(line, DataError(fault, path=path, line=line, hint=_UTF8))
        else:
            yield Row(line, dict(zip(header, cells, strict=True)))


def row_text(row: Any) -> str:
    """Return a row as JSON, for the file of rejected rows."""
    return json.dumps(row, ensure_ascii=False, default=str)
