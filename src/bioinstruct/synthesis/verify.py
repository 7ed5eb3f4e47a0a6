"""Compare the answers of computed records with those of the second implementation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bioinstruct.errors import DataError
from bioinstruct.schema import Instruction
from bioinstruct.synthesis.make import ORIGIN, VERSION
from bioinstruct.synthesis.second import ANSWERS

__all__ = ["Disagreement", "check", "verify"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A record whose answer the second implementation does not confirm."""

    place: int
    """The number of the record, counted from 1."""
    id: str
    kind: str
    answer: str
    derived: str
    """The answer of the second implementation, or why it has none."""

    @property
    def reason(self) -> str:
        return f"{self.kind}: the record says {self.answer!r}, its text gives {self.derived!r}"


def check(record: Instruction, place: int = 1) -> Disagreement | None:
    """Return how the second implementation disagrees with a record; None if it does not."""
    answer = ANSWERS.get(record.task)
    if answer is None:
        derived = f"no kind named {record.task}"
    else:
        try:
            derived = answer(record.instruction, record.input)
        except (ValueError, LookupError, ArithmeticError) as error:
            derived = f"not readable: {error}"
    if derived == record.output:
        return None
    return Disagreement(place, record.id, record.task, record.output, derived)


def verify(records: Iterable[Instruction], path: str = "records") -> Iterator[Disagreement | None]:
    """Yield for each record None, or how the second implementation disagrees.

    Args:
        records: computed records.
        path: where they come from, for messages.

    Raises:
        DataError: a record is not computed, or was made by another version of the generator.
    """
    for place, record in enumerate(records, start=1):
        made = record.provenance
        if made.kind != "computed" or made.origin != ORIGIN:
            raise DataError(
                f"not a computed record, but {made.kind} from {made.origin}",
                path=path,
                line=place,
                hint="only what `bioinstruct synthesize` wrote can be verified",
            )
        version = (made.revision or "").partition(",")[0]
        if version != f"generator {VERSION}":
            raise DataError(
                f"made by {version or 'an unknown version'}, this is generator {VERSION}",
                path=path,
                line=place,
                hint="make the file again with this version, or verify it with the other one",
            )
        yield check(record, place)
