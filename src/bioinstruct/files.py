"""Reading plain or gzip-compressed files alike, and writing files that are whole or not there."""

from __future__ import annotations

import contextlib
import gzip
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bioinstruct.errors import BioinstructError, MissingError

__all__ = ["atomic_directory", "atomic_file", "find", "read_bytes"]


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
    """A binary file that appears under `path` only when the block ends without an error."""
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


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """A folder to fill, which replaces `path` only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            old = temporary.with_suffix(".old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
