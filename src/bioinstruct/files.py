"""Read plain and gzip-compressed files alike; write files and folders atomically."""

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

__all__ = [
    "add_filename_to_oserror",
    "atomic_directory",
    "atomic_file",
    "companion_path",
    "read_bytes",
    "resolve_gz",
    "write_text",
]


def resolve_gz(path: Path) -> Path:
    """Return `path`, or `path` with `.gz` appended if only that exists.

    Raises:
        MissingError: neither file exists.
    """
    compressed = path.with_name(path.name + ".gz")
    for candidate in (path, compressed):
        if candidate.is_file():
            return candidate
    raise MissingError(f"no file {path} (nor {compressed.name})")


def read_bytes(path: Path) -> bytes:
    """Return the content of `path`, or of `path.gz` decompressed.

    Raises:
        MissingError: neither file exists.
        BioinstructError: the gzip file is incomplete.
    """
    found = resolve_gz(path)
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
    """Open a binary file that appears under `path` only if the block ends without an error.

    Writes directly to anything but a regular file, such as `/dev/stdout` or a named pipe.
    """
    with add_filename_to_oserror(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        path = path.resolve()  # keep a link and replace its target
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


def companion_path(out: Path | str, kind: str, *, stdout: str = "") -> Path:
    """Return the path of a side file: `kept.dropped.jsonl` for `kept.jsonl` and `dropped`.

    Args:
        out: the main output; `-` is standard output.
        kind: the middle of the name.
        stdout: the first part of the name if the main output goes to standard output.
    """
    name = stdout if str(out) == "-" else str(out).removesuffix(".gz").removesuffix(".jsonl")
    return Path(f"{name}.{kind}.jsonl")


def write_text(path: Path, text: str) -> None:
    """Write a small file as UTF-8, atomically."""
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a folder to fill; it replaces `path` only if the block ends without an error."""
    with add_filename_to_oserror(path):
        path = path.resolve()  # keep a link and replace its target
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
    """Rename a finished folder to `path`, and only then delete the folder that it replaces."""
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
def add_filename_to_oserror(path: Path) -> Iterator[None]:
    """Add the file name to errors of a full disk, which Python raises without one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            error.filename = str(path)
        raise
