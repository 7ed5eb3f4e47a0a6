"""Make a kind of record of a function that writes a document and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bioinstruct.schema import Category
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.frames import opened, task
from bioinstruct.synthesis.kinds import Kind, Made

__all__ = ["Case", "document", "per_split"]


@dataclass(frozen=True, slots=True)
class Case:
    """What a document says, and what follows from it."""

    body: str
    answer: str
    known: Mapping[str, str] = field(default_factory=dict)
    """What fills the slots of the task."""
    more: str = ""
    """More text behind the instruction."""
    whole: bool = False
    """Whether the body is a whole document, with its opening."""


def document(
    name: str, family: str, category: Category, form: str, source: str, *, group: str = "clinical"
) -> Callable[[Callable[[Draw, str], Case | None]], Kind]:
    """Make a kind of a function from random choices and split to a case.

    The function returns None for a draw that has no single answer; it is then drawn again.

    Args:
        name: name of the kind, and of its tasks in frames.toml.
        family: its family.
        category: QA, IE or GEN.
        form: the sentence that describes the form of the answer.
        source: where the rule was published.
        group: the openings of its documents.
    """

    def kind(function: Callable[[Draw, str], Case | None]) -> Kind:
        def make(draw: Draw, split: str) -> Made:
            while (case := function(draw, split)) is None:
                pass
            asked = task(draw, split, name, form, **case.known) + case.more
            text = case.body if case.whole else opened(draw, split, group, case.body)
            return Made(asked, text, case.answer)

        return Kind(
            name=name, family=family, category=category, source=source, make=make, space=10**6
        )

    return kind


def per_split(train: tuple[str, ...], test: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return patterns by split."""
    return {"train": train, "test": test}
