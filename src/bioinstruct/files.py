"""Reading plain or gzip-compressed files alike, and writing files that are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bioinstruct.errors import BioinstructError, MissingError

__all__ = ["atomic_directory", "atomic_file", "find", "naming", "read_bytes", "write_text"]


def find(path: Path) -> Path:
    """The file itself, or its `.gz` twin.

    Raises:
        MissingError: neither is there.
    """
    compressed = path.with_name(path.name + ".gz")
    for candidate in (path, compressed):
        if candidate.is_file():
            return candidate
    raise MissingError(f"no file {path} (nor {compressed.name})")


def read_bytes(path: Path) -> bytes:
    """The whole content of `path`, or of its `.gz` twin, uncompressed."""
    found = find(path)
    raw = found.read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise BioinstructError(
            f"{found}: not a complete gzip file ({error})", hint="fetch the file again"
        ) from error


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears under `path` only when the block ends without an error.

    What is not a file, such as `/dev/stdout` or a named pipe, is written to as it is.
    """
    with naming(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        path = path.resolve()  # a link stays a link
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small file as UTF-8; it is whole or not there."""
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A folder to fill, which replaces `path` only when the block ends without an error."""
    with naming(path):
        path = path.resolve()  # a link stays a link
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir()
        try:
            yield temporary
            _put_in_place(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Give a finished folder its name; what had the name before goes only afterwards."""
    if not path.exists():
        temporary.rename(path)
        return
    old = temporary.with_suffix(".old")
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of the file to the error of a full disk, which has none."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            error.filename = str(path)
        raise
