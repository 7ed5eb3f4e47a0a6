"""Splits for corpora whose authors define none: by a hash of the document's name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

from bioinstruct.corpora.base import Row, Skipped
from bioinstruct.schema import Instruction
from bioinstruct.text import is_passage, normalize

__all__ = ["HELD_OUT", "held_out", "split_of"]

HELD_OUT = {"train": 90, "validation": 5, "test": 5}
"""Per cent of the documents in each split of a corpus that has only training examples."""


def split_of(document: str, shares: Mapping[str, int]) -> str:
    """Return the split of a document, independent of the other documents.

    Args:
        document: its identifier inside the corpus.
        shares: per cent of the documents for each split; they add up to 100.

    Raises:
        ValueError: the shares do not add up to 100.
    """
    digest = hashlib.sha256(document.encode("utf-8")).digest()
    place = int.from_bytes(digest[:8]) % 100
    end = 0
    for split, share in shares.items():
        end += share
        if place < end:
            return split
    raise ValueError(f"the shares add up to {end}, not to 100")


def held_out(rows: Callable[[str], Iterator[Row]], split: str) -> Iterator[Row]:
    """Yield a split without the texts of the test split.

    The same question or answer may occur in documents of several splits. Outside the test split
    these rows are skipped, so that no scored text is in the training data. The test split
    is read first, and a hash of each text is held in memory.

    Args:
        rows: reads the rows whose documents are in a split.
        split: train, validation or test.
    """
    if split == "test":
        yield from rows(split)
        return
    tested = {text for row in rows("test") if isinstance(row, Instruction) for text in _texts(row)}
    for row in rows(split):
        if isinstance(row, Instruction) and not tested.isdisjoint(_texts(row)):
            yield Skipped("its question or its answer is in the test split")
        else:
            yield row


def _texts(example: Instruction) -> list[bytes]:
    texts = [example.input or example.instruction]
    if is_passage(example.output):  # a short one is too generic: "Yes, it is."
        texts.append(example.output)
    return [hashlib.sha256(normalize(text).encode()).digest()[:16] for text in texts]
