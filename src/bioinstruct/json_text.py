"""Parse JSON from outside; whatever is wrong with it is a `ValueError`."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["loads"]


def loads(text: str | bytes, **options: Any) -> Any:
    """Return the value of a JSON text; `options` are those of `json.loads`.

    Raises:
        ValueError: it is not JSON, is nested too deeply (a body of 1,000 `[`), has a number of
            thousands of digits, or is not UTF-8.
    """
    try:
        return json.loads(text, **options)
    except RecursionError:
        raise ValueError("nested too deeply") from None
