"""Progress reports of the functions of the Python API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

__all__ = ["OnProgress", "Progress", "counted"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a function; `str` makes a line of it, so `progress=print` shows it."""

    what: str
    """The current activity, such as `scoring pubmedqa`."""
    done: int
    """Records, questions or steps that are done."""
    of: int | None = None
    """Total number; None if it is unknown."""
    detail: str = ""
    """More about it, such as the loss of a training step."""

    def __str__(self) -> str:
        count = f"{self.done:,}" + ("" if self.of is None else f"/{self.of:,}")
        return f"{self.what}: {count}" + (f", {self.detail}" if self.detail else "")


OnProgress: TypeAlias = Callable[[Progress], None]
"""Called with a `Progress` now and then, in the thread of the caller."""


def counted(
    items: Iterable[_T],
    what: str,
    progress: OnProgress | None,
    *,
    of: int | None = None,
    every: int = 1000,
) -> Iterator[_T]:
    """Yield the same items, and report each `every` of them and the last one."""
    done = 0
    for done, item in enumerate(items, start=1):
        if progress is not None and done % every == 0:
            progress(Progress(what, done, of))
        yield item
    if progress is not None and (done % every or not done):
        progress(Progress(what, done, done))
