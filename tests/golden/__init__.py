"""Texts that users see, kept as files: `UPDATE_GOLDEN=1 make test` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check"]


def check(name: str, text: str) -> None:
    """The text is that of the file, to the byte."""
    path = Path(__file__).with_name(name)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(text.encode("utf-8"))
    assert text == path.read_bytes().decode("utf-8"), f"differs from tests/golden/{name}"
