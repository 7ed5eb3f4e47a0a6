"""The files of a folder, a zip or a tar (plain or gzip-compressed), all read in the same way."""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import decode
from bioinstruct.errors import BioinstructError, DataError, MissingError

__all__ = ["Member", "members", "one"]

_ENDINGS = (".zip", ".tar.gz", ".tgz", ".tar")
_BLOCK = 512  # a tar is made of these, and a whole one ends in at least two that are empty
_AGAIN = "fetch the file again from the official place"


class Member(NamedTuple):
    """One file of a folder or an archive."""

    name: str
    """Its path from the top of the folder or archive, with `/`, without a final `.gz`."""
    content: bytes
    path: Path
    """Location for errors: the file, or the archive with the name of the member."""

    @property
    def text(self) -> str:
        """The content as text.

        Raises:
            DataError: it is not UTF-8.
        """
        return decode(self.content, self.path)

    @property
    def lenient_text(self) -> str:
        """The content as text, with bytes that are not UTF-8 kept for `plain.damage` to find."""
        return decode(self.content, self.path, lenient=True)


def members(path: Path, pattern: str) -> Iterator[Member]:
    """Yield the matching files of a folder, or of an archive of it, sorted by name.

    `path` may name the folder or the archive (.zip, .tar.gz, .tgz, .tar); whichever of them is
    there is read, an archive in memory. The pattern is matched from the right, one part of the path
    at a time: `Train/*/*.xml` is found under any top folder. A member that is gzip-compressed is
    decompressed. Files that macOS adds to archives (`__MACOSX`, `._name`) are ignored.

    Raises:
        MissingError: there is no such folder or archive, or no file in the folder matches.
        DataError: the archive is damaged, has a member outside its root (an absolute path,
            `..`), the same member twice, or none that matches.
    """
    found = _find(path)
    none = True
    for member in _matching(found, pattern):
        none = False
        yield member
    if none and found.is_dir():
        raise MissingError(f"no file {found / pattern}")
    if none:
        raise DataError(f"expected members like {pattern}, found none", path=found, hint=_AGAIN)


def one(folder: Path, name: str) -> Member:
    """Find the file of that name in the folder, plain or compressed, or in an archive there.

    Raises:
        MissingError: there is no such file.
        DataError: an archive in the folder is malformed, see `members`.
    """
    if folder.is_dir():
        files = sorted(file for file in folder.rglob("*") if file.name.endswith(_ENDINGS))
        for place in (folder, *filter(Path.is_file, files)):
            for member in _matching(place, name):
                return member
    raise MissingError(f"no file {folder / name} (nor in an archive there)")


def _matching(place: Path, pattern: str) -> Iterator[Member]:
    contents = _of_folder(place) if place.is_dir() else _of_archive(place)
    # Of a file and its compressed twin the plain one, which sorts first, is taken.
    ordered = sorted(contents, reverse=True)
    names = {_plain(name): name for name in ordered if _matches(name, pattern)}
    for plain, name in sorted(names.items()):
        content = contents[name]()
        if name != plain:
            content = _decompressed(content, place / name)
        yield Member(plain, content, place / plain)


def _find(path: Path) -> Path:
    folder = path
    for ending in _ENDINGS:
        if path.name.endswith(ending):
            folder = path.with_name(path.name.removesuffix(ending))
            break
    candidates = [path, folder, *(folder.with_name(folder.name + ending) for ending in _ENDINGS)]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    endings = ", ".join(_ENDINGS)
    raise MissingError(f"no file {folder} (neither a folder nor {endings})")


def _plain(name: str) -> str:
    """Remove `.gz`, except from names such as `a.tar.gz`."""
    return name.removesuffix(".gz") if not name.endswith(".tar.gz") else name


def _matches(name: str, pattern: str) -> bool:
    parts = PurePosixPath(_plain(name))
    of_macos = "__MACOSX" in parts.parts or parts.name.startswith("._")
    return not of_macos and parts.match(pattern)


def _decompressed(content: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"not a whole gzip file ({error})", path=path, hint=_AGAIN) from error


# What zipfile raises for damage: ValueError for a place in front of the beginning, for example.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    IndexError,
    NotImplementedError,
    OverflowError,
    ValueError,
    struct.error,
)
_Contents = dict[str, Callable[[], bytes]]


def _of_folder(folder: Path) -> _Contents:
    whole = folder.resolve()

    def reading(file: Path) -> Callable[[], bytes]:
        def content() -> bytes:
            if not file.resolve().is_relative_to(whole):
                raise DataError(
                    "a link to a file outside of the corpus",
                    path=file,
                    hint="put the file itself there, or a link to the whole folder",
                )
            return file.read_bytes()

        return content

    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): reading(file) for file in files}


def _of_archive(path: Path) -> _Contents:
    try:
        if zipfile.is_zipfile(path):
            return _of_zip(path)
        if path.name.endswith(".zip"):
            raise DataError("not a whole zip file", path=path, hint=_AGAIN)
        return _of_tar(path)
    except (tarfile.TarError, *_DAMAGED) as error:
        raise DataError(f"not a whole archive ({error})", path=path, hint=_AGAIN) from error
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error


def _of_zip(path: Path) -> _Contents:
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))

    def reading(info: zipfile.ZipInfo) -> Callable[[], bytes]:
        def content() -> bytes:
            try:
                return archive.read(info)
            except (*_DAMAGED, OSError) as error:  # OSError: bz2 data that is none
                raise DataError(
                    f"not a whole member ({error})", path=path / info.filename, hint=_AGAIN
                ) from error
            except RuntimeError as error:  # how zipfile says that a password is needed
                raise DataError(f"cannot be read ({error})", path=path / info.filename) from error

        return content

    contents: _Contents = {}
    for info in archive.infolist():
        # zipfile cuts a name at a null byte, and what comes before it could look harmless.
        _check(info.orig_filename, contents, path)
        if not info.is_dir():
            contents[info.filename] = reading(info)
    return contents


def _of_tar(path: Path) -> _Contents:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        raw = _decompressed(raw, path)
    archive = tarfile.open(fileobj=io.BytesIO(raw), mode="r:")  # noqa: SIM115  it is in memory
    if len(raw) % _BLOCK or not raw.endswith(bytes(2 * _BLOCK)):
        # tarfile takes an archive that ends early for a whole one.
        raise DataError("not a whole archive (no end mark)", path=path, hint=_AGAIN)

    def reading(member: tarfile.TarInfo) -> Callable[[], bytes]:
        def content() -> bytes:
            file = archive.extractfile(member) if member.isreg() else None
            if file is None:
                raise DataError("a link or a device, not a file", path=path / member.name)
            return file.read()

        return content

    contents: _Contents = {}
    for member in archive:
        _check(member.name, contents, path)
        if not member.isdir():
            contents[member.name.removeprefix("./")] = reading(member)
    return contents


def _check(name: str, before: _Contents, path: Path) -> None:
    outside = name.startswith("/") or ".." in re.split(r"[/\\]", name) or "\0" in name
    if outside or re.match(r"\\|[A-Za-z]:[/\\]", name):
        raise DataError(
            f"the member {name!r} lies outside of the archive",
            path=path,
            hint="no official archive has such a member: do not unpack it, " + _AGAIN,
        )
    if name.removeprefix("./") in before:
        raise DataError(f"the member {name!r} is there twice", path=path, hint=_AGAIN)
