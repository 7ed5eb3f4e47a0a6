"""Ask the same items in several orders of their options and in several wordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.base import wording_number
from bioinstruct.errors import BioinstructError
from bioinstruct.schema import Instruction

__all__ = ["Variant", "Variation", "in_order", "reworded"]


@dataclass(frozen=True, slots=True)
class Variation:
    """How often an item is asked, in another form each time."""

    orders: int = 1
    """Cyclic orders of the options of a question: 1 for the one of the corpus."""
    wordings: int = 1
    """Wordings of the instruction, the first of those that the corpus has: 1 for the usual one,
    which a hash of the input picks."""

    def __post_init__(self) -> None:
        if self.orders < 1 or self.wordings < 1:
            raise BioinstructError(f"{self}: there is nothing to ask", hint="1 or more of each")


@dataclass(frozen=True, slots=True)
class Variant:
    """The form in which an example asks an item."""

    item: int
    """Position of the first example that asks the same item."""
    order: int = 0
    """Places by which the options are moved."""
    wording: int = 0
    """Number of the wording among those that the item is asked in."""


def in_order(example: Instruction, places: int) -> Instruction:
    """Return a question with its options moved down by so many places, the last ones to the top.

    The output is the letter that the right option then has.

    Raises:
        ValueError: the input is no question with options.
    """
    question, options = multiple_choice.read(example.input)
    moved = [options[(place - places) % len(options)] for place in range(len(options))]
    right = (multiple_choice.LETTERS.index(example.output) + places) % len(options)
    return _changed(
        example,
        input=multiple_choice.to_text(question, moved),
        output=multiple_choice.to_answer(moved, right),
    )


def reworded(
    read: Callable[[str], Iterator[Instruction]],
    split: str,
    examples: Sequence[Instruction],
    wordings: int,
) -> list[list[Instruction]]:
    """Return each example in the first wordings that its corpus has, each wording once.

    Args:
        read: reads the examples of a split.
        split: the split that the examples are of.
        examples: some examples of that split. One that the split does not have stays as it is.
        wordings: the most wordings of an example.

    Raises:
        BioinstructError: another wording gives another number of records.
    """
    usual = [example.id for example in read(split)]
    found: dict[str, list[Instruction]] = {id: [] for id in usual}
    for number in range(wordings):
        with wording_number(number):
            worded = list(read(split))
        if len(worded) != len(usual):
            raise BioinstructError(
                f"{len(usual):,} records of {split} in the usual wording, {len(worded):,} in "
                f"wording {number + 1}",
                hint="a reader must give the same records in any wording",
            )
        for id, other in zip(usual, worded, strict=True):
            if all(other.id != known.id for known in found[id]):
                found[id].append(other)
    return [found.get(example.id, [example]) for example in examples]


def _changed(example: Instruction, *, input: str, output: str) -> Instruction:
    return Instruction(
        instruction=example.instruction,
        input=input,
        output=output,
        category=example.category,
        task=example.task,
        provenance=example.provenance,
    )
