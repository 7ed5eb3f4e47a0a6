"""Where two JSON values differ, each place by its path."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

__all__ = ["differences"]

_TOLERANCE = 1e-9
"""Relative: what another processor may add up differently, and no printed figure shows."""


def differences(found: Any, expected: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the value and the value that is expected, wherever they differ.

    A value that is missing is shown as `None`.
    """
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in dict.fromkeys([*expected, *found]):
            if name in found and name in expected:
                front = f"{path}.{name}" if path else str(name)
                yield from differences(found[name], expected[name], front)
            else:
                yield f"{path}.{name}" if path else str(name), found.get(name), expected.get(name)
    elif isinstance(found, list) and isinstance(expected, list):
        if len(found) != len(expected):
            yield f"length of {path}", len(found), len(expected)
            return
        for number, pair in enumerate(zip(found, expected, strict=True)):
            yield from differences(*pair, f"{path}[{number}]")
    elif not _same(found, expected):
        yield path, found, expected


def _same(one: Any, other: Any) -> bool:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (one, other))
    if not numbers:
        return type(one) is type(other) and bool(one == other)
    return one == other or math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
