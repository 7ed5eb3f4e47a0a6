"""The corpora by name: those of `registry.toml`, of installed packages, and of `register`.

Descriptions are data. The module that reads a corpus is imported when its first record is read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from bioinstruct.corpora.base import Access, Corpus, Reader, Row
from bioinstruct.corpora.paths import downloads
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.schema import Category

__all__ = ["GROUP", "described", "get_corpus", "names", "register"]

GROUP = "bioinstruct.corpora"
"""Entry points by which an installed package offers corpora, as in `name = "module:CORPUS"`."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def names() -> tuple[str, ...]:
    """Return the names of all corpora in alphabetical order."""
    return tuple(sorted(_known()))


def get_corpus(name: str) -> Corpus:
    """Return the corpus of that name.

    Raises:
        UnknownNameError: there is no such corpus.
        BioinstructError: an installed package offers it, but it cannot be loaded.
    """
    known = _known()
    if name not in known:
        raise UnknownNameError("corpus", name, known)
    found = known[name]
    if isinstance(found, EntryPoint):
        found = known[name] = _loaded(found)
    return found


def register(corpus: Corpus, *, replace: bool = False) -> Corpus:
    """Make a corpus of your own known by its name, to compile, mixtures and tasks alike.

    Args:
        corpus: its `folder` is a folder of the data directory, as for the corpora that ship.
        replace: take the place of a corpus of the same name, as when a notebook cell runs again.

    Returns:
        The same corpus.

    Raises:
        BioinstructError: the name is taken, or the description is not valid.
    """
    _check(corpus)
    known = _known()
    if corpus.name in known and not replace:
        raise BioinstructError(
            f"the corpus {corpus.name!r} is already registered",
            hint="give yours another name, or replace the other: register(corpus, replace=True)",
        )
    known[corpus.name] = corpus
    return corpus


def _check(corpus: Corpus) -> None:
    if not isinstance(corpus, Corpus):
        raise BioinstructError(f"expected a Corpus, found {type(corpus).__name__}")
    if not _NAME.fullmatch(corpus.name):
        raise BioinstructError(
            f"the corpus name {corpus.name!r} is not in kebab-case, as in my-corpus"
        )
    if not corpus.splits:
        raise BioinstructError(f"the corpus {corpus.name!r} has no splits")
    if not callable(corpus.reader):
        raise BioinstructError(f"the reader of the corpus {corpus.name!r} cannot be called")


@cache
def _known() -> dict[str, Corpus | EntryPoint]:
    """Return all corpora by name; those of installed packages are loaded at first use."""
    known: dict[str, Corpus | EntryPoint] = {name: described(name) for name in _table()}
    for entry in entry_points(group=GROUP):
        if entry.name in known:
            raise BioinstructError(
                f"the corpus {entry.name!r} is registered twice: {_owner(entry)} offers it as well",
                hint="uninstall one of the two packages, or rename the corpus",
            )
        known[entry.name] = entry
    return known


def _loaded(entry: EntryPoint) -> Corpus:
    try:
        corpus = cast("Corpus", entry.load())
        _check(corpus)
    except Exception as error:  # whatever the other package raises
        raise BioinstructError(
            f"{_owner(entry)} offers the corpus {entry.name!r} as {entry.value}, which cannot be "
            f"loaded ({type(error).__name__}: {error})"
        ) from error
    if corpus.name != entry.name:
        raise BioinstructError(
            f"{_owner(entry)} offers a corpus as {entry.name!r}, which calls itself {corpus.name!r}"
        )
    return corpus


def _owner(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist else "an installed package"


# ---- the corpora that ship


@dataclass(frozen=True, slots=True)
class _Reader:
    """A reader whose module is imported when it is first called."""

    target: str
    """`module:function`, the module inside of `bioinstruct.corpora`."""
    options: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        module, _, name = self.target.partition(":")
        read = getattr(import_module(f"bioinstruct.corpora.{module}"), name)
        return cast("Iterator[Row]", read(folder, split, layout=layout, seed=seed, **self.options))


@cache
def described(name: str) -> Corpus:
    """Return a corpus that ships with the package, as `registry.toml` describes it.

    Readers use it for their own corpus: it stays the same whatever is registered.
    """
    values = _values(name)
    reader: Reader = _Reader(values.pop("reader"), values.pop("options", {}))
    category = values.pop("category", None)
    folder = values.pop("folder", None)
    for key in ("splits", "layouts", "labels"):
        values[key] = tuple(values.get(key, ()))
    return Corpus(
        name=name,
        reader=reader,
        category=Category(category) if category else None,
        access=Access(values.pop("access", Access.OPEN)),
        folder=folder,
        downloads=downloads(folder),
        **values,
    )


def _values(name: str) -> dict[str, Any]:
    values = dict(_table()[name])
    like = values.pop("like", None)
    return _values(like) | {"counts": {}} | values if like else values


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("registry.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
