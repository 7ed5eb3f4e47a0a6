"""Locate the files of a corpus: in a given folder, `$BIOINSTRUCT_DATA` or the cache."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bioinstruct.corpora.base import Corpus, Download
from bioinstruct.errors import MissingError

__all__ = ["cache_directory", "data_directory", "downloads", "folder_of", "is_complete", "is_there"]

_SHIPPED = Path(__file__).parents[1] / "data"
_HINT = "set BIOINSTRUCT_DATA to the folder that holds the corpora"


def data_directory(data: Path | None = None) -> Path:
    """Return the folder with a subfolder for each corpus: `data`, or else `$BIOINSTRUCT_DATA`.

    Raises:
        MissingError: neither is set, or the folder does not exist.
    """
    chosen = data or os.environ.get("BIOINSTRUCT_DATA")
    if not chosen:
        raise MissingError("no data directory is given", hint=_HINT)
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise MissingError(f"no folder {folder}", hint=_HINT)
    return folder


def cache_directory() -> Path:
    """Return the download cache: `bioinstruct/corpora` in `$XDG_CACHE_HOME`, or else `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "bioinstruct" / "corpora"


def folder_of(corpus: Corpus, data: Path | None = None) -> Path:
    """Return the folder of a corpus, in the data directory or else in the cache.

    Raises:
        MissingError: the cache has no copy, and there is no data directory.
    """
    if corpus.folder is None:
        return _SHIPPED / corpus.name
    fetched = cache_directory() / corpus.folder
    if not (data or os.environ.get("BIOINSTRUCT_DATA")) and fetched.is_dir():
        return fetched
    given = data_directory(data) / corpus.folder
    if is_complete(corpus, given) or not fetched.is_dir():
        return given
    return fetched if is_complete(corpus, fetched) or not given.is_dir() else given


def is_complete(corpus: Corpus, folder: Path) -> bool:
    """Return whether a folder has every downloadable file of a corpus, plain or compressed.

    If a corpus has no downloads, only the existence of the folder is checked.
    """
    if not corpus.downloads:
        return folder.is_dir()
    return all(is_there(folder / download.path) for download in corpus.downloads)


def is_there(path: Path) -> bool:
    """Return whether a file or its `.gz` version exists."""
    return path.is_file() or path.with_name(path.name + ".gz").is_file()


def downloads(folder: str | None) -> tuple[Download, ...]:
    """Return the pinned downloads of the corpora in a folder."""
    return tuple(
        Download(path, block["base"] + quote(path), sha256)
        for block in _table().get(folder or "", ())
        for path, sha256 in block["files"].items()
    )


@cache
def _table() -> dict[str, list[dict[str, Any]]]:
    with Path(__file__).with_name("downloads.toml").open("rb") as file:
        return tomllib.load(file)
