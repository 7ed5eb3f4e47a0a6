"""Splits of our own, for texts whose authors define none: by a hash of the document's name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

__all__ = ["split_of"]


def split_of(document: str, shares: Mapping[str, int]) -> str:
    """The split that a document is in, whatever other documents there are.

    Args:
        document: its identifier inside the corpus.
        shares: per cent of the documents for each split; they add up to 100.
    """
    digest = hashlib.sha256(document.encode("utf-8")).digest()
    place = int.from_bytes(digest[:8]) % 100
    end = 0
    for split, share in shares.items():
        end += share
        if place < end:
            return split
    raise ValueError(f"the shares add up to {end}, not to 100")
