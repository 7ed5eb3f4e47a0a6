"""Identify what an answer depends on."""

from __future__ import annotations

import hashlib
import json

__all__ = ["key"]


def key(*parts: object) -> str:
    """Return 32 hexadecimal digits of the SHA-256 of the parts."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
