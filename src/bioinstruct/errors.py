"""The errors that a user can act on.

- `BioinstructError`: anything below; the command line prints it without a traceback
  - `DataError`: the content of a file is wrong (which file, line and field)
  - `MissingError`: something that was asked for is not there (a corpus, a file, a library, a key)
  - `UnknownNameError`: a name that means nothing here, with the nearest one that does
  - `ModelError`: a model that cannot be used for what was asked

A bug is not among them: it keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["BioinstructError", "DataError", "MissingError", "ModelError", "UnknownNameError"]


class BioinstructError(Exception):
    """What went wrong, and in `hint` what to do about it (may be empty)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DataError(BioinstructError):
    """The content of a file is not what it must be."""

    def __init__(
        self, message: str, *, path: Path | str, line: int | None = None, hint: str = ""
    ) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {message}", hint=hint)
        self.path = Path(path)
        self.line = line
        self.reason = message


class MissingError(BioinstructError):
    """Something that was asked for is not there; the hint says where to get it."""


class UnknownNameError(BioinstructError):
    """A name that is not known; the message lists those that are."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        super().__init__(
            f"no {kind} named {name!r}; known: {', '.join(names) or 'none'}",
            hint=f"did you mean `{near[0]}`?" if near else "",
        )


class ModelError(BioinstructError):
    """A model that cannot be used for what was asked."""
