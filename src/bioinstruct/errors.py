"""The errors that a user can act on.

- `BioinstructError`: base of all errors below; the commands print it without a traceback
  - `DataError`: the content of a file is wrong (file, line and field)
  - `MissingError`: a corpus, file, library, key or price is not there
  - `Refused`: a corpus is never downloaded, because its files need registration
  - `UnknownNameError`: a name that does not exist, with the nearest names that do
  - `ModelError`: a model that cannot be used for the request
  - `TuningError`: tuning cannot go on: nothing fits, the loss is not finite, or memory ran out
  - `BudgetError`: the next request could cost more than is left of the budget
  - `ProviderError`: a server refuses every request alike
    - `SchemaUnsupportedError`: a server does not support JSON schemas
    - `SilentError`: a server does not answer, or only with errors that may pass

Bugs are not among them: they keep their traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "BioinstructError",
    "BudgetError",
    "DataError",
    "MissingError",
    "ModelError",
    "ProviderError",
    "Refused",
    "SchemaUnsupportedError",
    "SilentError",
    "TuningError",
    "UnknownNameError",
]

NEAREST = 5  # names that an unknown one is answered with


class BioinstructError(Exception):
    """An error, with advice in `hint`.

    Attributes:
        hint: what to do, as one line of text; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DataError(BioinstructError):
    """The content of a file is malformed.

    Attributes:
        path: the file.
        line: the line, counted from 1; None if the error is of the whole file.
        reason: the message without file and line.
    """

    def __init__(
        self, message: str, *, path: Path | str, line: int | None = None, hint: str = ""
    ) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {message}", hint=hint)
        self.path = Path(path)
        self.line = line
        self.reason = message


class MissingError(BioinstructError):
    """A corpus, file, library, key or price is not there; the hint says where to get it."""


class Refused(BioinstructError):
    """A corpus is never downloaded: its files need registration, or have no pinned address."""


class UnknownNameError(BioinstructError):
    """A name that does not exist; the message has the nearest names that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        listed = f"known: {', '.join(names) or 'none'}"
        if len(names) > NEAREST:
            nearest = difflib.get_close_matches(name, names, n=NEAREST, cutoff=0.0)
            listed = f"nearest of {len(names)}: {', '.join(nearest)}"
        super().__init__(
            f"no {kind} named {name!r}; {listed}",
            hint=f"did you mean `{near[0]}`?" if near else "",
        )


class ModelError(BioinstructError):
    """A model that cannot be used for the request."""


class TuningError(BioinstructError):
    """Tuning cannot go on: no record fits, the loss is not finite, or memory ran out."""


class BudgetError(BioinstructError):
    """The next request could cost more than is left; all requests before it were answered."""


class ProviderError(BioinstructError):
    """A server refuses every request alike: a bad key, an unknown model, no money left.

    Attributes:
        charged: True if the provider may charge the last attempt all the same.
        status: HTTP status of the answer; 0 without one.
    """

    def __init__(
        self, message: str, *, hint: str = "", charged: bool = False, status: int = 0
    ) -> None:
        super().__init__(message, hint=hint)
        self.charged = charged
        self.status = status


class SchemaUnsupportedError(ProviderError):
    """A server does not support `response_format` with a JSON schema.

    Another request (without `schema`, with another prompt) is the remedy, so that the request on
    record stays the one that was sent: `--format delimited`.
    """


class SilentError(ProviderError):
    """A server does not answer, or only with errors that may pass."""
