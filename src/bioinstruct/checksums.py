"""Checksums of files and of small JSON objects, by which damage and edits are noticed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from bioinstruct.json_text import loads

__all__ = ["file_sha256", "is_sealed", "read_sealed", "sealed"]

_NAME = "checksum"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(row: dict[str, Any]) -> dict[str, Any]:
    """Return an object of JSON values with the checksum of its content as the last field."""
    content = {name: value for name, value in row.items() if name != _NAME}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return content | {_NAME: digest}


def is_sealed(row: dict[str, Any]) -> bool:
    """Return whether an object still has the content that its checksum was made of."""
    return bool(row.get(_NAME) == sealed(row)[_NAME])


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a JSON object that was written with its checksum.

    Raises:
        ValueError: it is damaged, was edited, or has no checksum.
        OSError: it cannot be read.
    """
    row = loads(path.read_bytes())
    if not isinstance(row, dict):
        raise ValueError(f"{path.name} is not an object")
    if _NAME not in row:
        raise ValueError(f"{path.name} has no checksum")
    if not is_sealed(row):
        raise ValueError(f"{path.name} is not as it was written: its checksum is another")
    return row
