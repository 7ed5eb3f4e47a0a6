"""The texts of instructions, kept in `data/wordings/` as one TOML file for each corpus module."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["wordings"]

_FOLDER = Path(__file__).parents[1] / "data" / "wordings"


def wordings(name: str, **parts: str) -> dict[str, tuple[str, ...]]:
    """Return the wordings of a file by their key, which is a task, a layout or a kind of question.

    A text of its own in the file, such as `meaning = "..."`, and each of `parts` replaces
    `{meaning}` in the wordings. Other braces are left for the caller to fill in.

    Args:
        name: the file in `data/wordings/`, without `.toml`.
        parts: more texts to put into the wordings.
    """
    content = _content(name)
    parts |= {key: text for key, text in content.items() if isinstance(text, str)}
    return {
        key: tuple(_filled(text, parts) for text in texts)
        for key, texts in content.items()
        if not isinstance(texts, str)
    }


def _filled(text: str, parts: dict[str, str]) -> str:
    for key, part in parts.items():
        text = text.replace(f"{{{key}}}", part)
    return text


@cache
def _content(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
