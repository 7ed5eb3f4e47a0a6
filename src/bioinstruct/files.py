"""Read plain and gzip-compressed files alike; write files and folders atomically.

What is written is on the disk, with the name of its folder, before it replaces what was there. A
process that is killed meanwhile leaves a temporary file or folder, which the next one that writes
to the same place removes: a lock, which ends with the process, tells what is still being written.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from bioinstruct.errors import BioinstructError, MissingError

try:
    import fcntl
except ImportError:  # not on Windows: nothing is locked there, and nothing left over is removed
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "add_filename_to_oserror",
    "atomic_directory",
    "atomic_file",
    "companion_path",
    "read_bytes",
    "remove_leftovers",
    "resolve_gz",
    "set_aside",
    "sync",
    "write_text",
]

_LEFTOVER = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.(?P<kind>tmp|old)", re.DOTALL)
_NO_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EACCES, errno.EISDIR}
"""Errors of file systems that cannot sync a folder."""


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
        with _claimed(path, Path.touch) as temporary:
            try:
                with temporary.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
                sync(path.parent)
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
        with _claimed(path, Path.mkdir) as temporary:
            try:
                yield temporary
                _sync_tree(temporary)
                _put_in_place(temporary, path)
                sync(path.parent)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished folder to `path`, and only then delete the folder that it replaces."""
    if not path.exists():
        temporary.rename(path)
        return
    old = temporary.with_suffix(".old")
    with _held(path):  # until the new one is there, nobody takes the old one for a left-over
        path.rename(old)
        try:
            temporary.rename(path)
        except BaseException:
            old.rename(path)
            raise
        shutil.rmtree(old)


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    A folder that was being replaced when the process was killed is put back.

    Args:
        folder: where to look; it may be missing.
        name: only what was to become the file or folder of this name; by default all.
    """
    found = [(path, _LEFTOVER.fullmatch(path.name)) for path in _listed(folder)]
    for left, match in found:
        if match is None or name not in {"", match["name"]}:
            continue
        target = folder / match["name"]
        with contextlib.suppress(OSError), _held(left) as free:  # such as one of another user
            if free and match["kind"] == "old" and not target.exists():
                left.rename(target)
            elif free and left.is_dir():
                shutil.rmtree(left)
            elif free:
                left.unlink()


def _listed(folder: Path) -> list[Path]:
    """Return the files and folders in a folder, without links and devices."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in paths if not path.is_symlink() and (path.is_file() or path.is_dir())]


def set_aside(path: Path) -> Path:
    """Rename a damaged file or folder to `damaged-NAME`, or `damaged-NAME-2`; return the new path.

    Nothing is deleted, and what was set aside before is kept.
    """
    number, aside = 1, path.with_name(f"damaged-{path.name}")
    while aside.exists():
        number += 1
        aside = path.with_name(f"damaged-{path.name}-{number}")
    path.rename(aside)
    return aside


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk, where the file system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    """Write a folder and all that is in it to the disk."""
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink() and (path.is_file() or path.is_dir()):
            sync(path)
    sync(folder)


@contextlib.contextmanager
def _claimed(path: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """Remove what killed processes left for `path`; make a temporary one and hold its lock."""
    remove_leftovers(path.parent, path.name)
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        make(temporary)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(FileNotFoundError):
                stack.enter_context(_held(temporary, wait=True))
            if not temporary.exists():  # another process took it for left over and removed it
                continue
            yield temporary
            return


@contextlib.contextmanager
def _held(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock of a file or folder in the block; False if another process has it, or may."""
    descriptor = os.open(path, os.O_RDONLY)
    held = False
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # held by another, or a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                held = True
        yield held
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def add_filename_to_oserror(path: Path) -> Iterator[None]:
    """Add the file name to errors of a full disk, which Python raises without one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            error.filename = str(path)
        raise
