"""A model that always gives one answer: for tests, and the smallest example of a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from bioinstruct.bench.models.base import Choice, Completion
from bioinstruct.bench.models.fingerprint import key
from bioinstruct.bench.models.tokenization import before_stop
from bioinstruct.prompts import Style
from bioinstruct.schema import Instruction

__all__ = ["Constant"]


@dataclass(frozen=True, slots=True)
class Constant:
    """Write `text` after every prompt, and rate it above all other choices."""

    text: str = "yes"
    name: str = "constant"
    style: Style = Style.ALPACA

    @property
    def fingerprint(self) -> str:
        return key("constant", self.text)[:16]

    def adapter(self, *, on: bool = True) -> nullcontext[bool]:
        return nullcontext(False)

    def complete(
        self, examples: Sequence[Instruction], *, stop: Sequence[str] = (), **_: Any
    ) -> Iterator[tuple[int, Completion]]:
        return ((i, Completion(before_stop(self.text, stop))) for i in range(len(examples)))

    def choose(
        self, examples: Sequence[Instruction], *, choices: Sequence[Sequence[str]], **_: Any
    ) -> Iterator[tuple[int, Choice]]:
        for i, options in enumerate(choices):
            yield i, Choice(tuple(0.0 if option == self.text else -1.0 for option in options))
