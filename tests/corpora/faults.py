"""The fault of a row, wherever a reader has put it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bioinstruct import DataError, Instruction


def raise_first(found: Any) -> None:
    """Raise the first fault in rows, or in lists and pairs of them."""
    if isinstance(found, DataError):
        raise found
    if isinstance(found, Iterable) and not isinstance(found, (str, bytes, dict, Instruction)):
        for part in found:
            raise_first(part)
