"""How tasks read corpora: a split of one, a part of it, or one that is held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bioinstruct import corpora
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Instruction

__all__ = ["HELD_OUT", "held_out", "of_corpus"]

HELD_OUT = {"train": 90, "validation": 5, "test": 5}
"""Per cent of the documents of a corpus whose authors define no test."""

Read = Callable[[str], Iterator[Instruction]]


def of_corpus(name: str, about: str, *, layout: str | None = None) -> Read:
    """Read the splits of a corpus as its authors define them; `about` is what the task is."""

    def read(split: str) -> Iterator[Instruction]:
        return corpora.read(name, split, layout=layout)

    read.__doc__ = about
    return read


def held_out(name: str, split: str, *, layout: str | None = None) -> Iterator[Instruction]:
    """A split of our own of a corpus that has only training examples, by its documents.

    Raises:
        UnknownNameError: there is no such split.
    """
    if split not in HELD_OUT:
        raise UnknownNameError(f"split of {name}", split, HELD_OUT)
    found = corpora.read(name, "train", layout=layout)
    return (e for e in found if split_of(e.provenance.document or e.id, HELD_OUT) == split)
