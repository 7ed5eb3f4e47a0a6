"""A list of instructions with a record of what was left out, as returned by the Python API."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol, SupportsIndex, overload

from bioinstruct.schema import Category, Instruction
from bioinstruct.tables import aligned, html_table

if TYPE_CHECKING:
    from bioinstruct.dataset.statistics import Statistics

__all__ = ["LeftOut", "Records"]


logger = logging.getLogger("bioinstruct")


class LeftOut(Protocol):
    """A record, line or row that was left out, and why."""

    @property
    def reason(self) -> str:
        """Name of a rule, or the error in the line or row."""
        ...


class Records(list[Instruction]):
    """Instructions in their order, with what was left out of them.

    It is a list of `Instruction`: index, slice, iterate, pass it on. `print` shows a table by
    source, as does a notebook.

    Attributes:
        rejected: what was left out, each with its `reason`: dropped records, lines of a file that
            are not instructions, faulty rows of a corpus.
        notes: what else must be known, one sentence each, such as why a run ended early.
    """

    def __init__(
        self,
        records: Iterable[Instruction] = (),
        *,
        rejected: Iterable[LeftOut] = (),
        notes: Iterable[str] = (),
    ) -> None:
        super().__init__(records)
        self.rejected = list(rejected)
        self.notes = list(notes)

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Instruction: ...
    @overload
    def __getitem__(self, place: slice, /) -> Records: ...
    def __getitem__(self, place: SupportsIndex | slice, /) -> Instruction | Records:
        found = super().__getitem__(place)
        return Records(found) if isinstance(found, list) else found

    def reasons(self) -> dict[str, int]:
        """Return how many were left out for each reason, the most frequent first."""
        return dict(Counter(one.reason for one in self.rejected).most_common())

    def statistics(self) -> Statistics:
        """Return counts by category, task, source and licence, and lengths in words."""
        from bioinstruct.dataset.statistics import statistics

        return statistics(self)

    def log(self, what: str) -> None:
        """Log what was left out and other notes, as `what`."""
        for reason, count in self.reasons().items():
            logger.info("%s: left out %s: %s", what, f"{count:,}", reason)
        for note in self.notes:
            logger.warning("%s: %s", what, note)

    def __repr__(self) -> str:
        return f"<{self._heading()}>"

    def __str__(self) -> str:
        return "\n".join([self._heading(), *aligned(self._table()), *self.notes])

    def _repr_html_(self) -> str:
        return html_table(self._table(), notes=[self._heading(), *self.notes])

    def _heading(self) -> str:
        count = f"{len(self):,} instructions"
        if not self.rejected:
            return count
        reasons = list(self.reasons().items())
        most = ", ".join(f"{reason} {n:,}" for reason, n in reasons[:3])
        more = f", and {len(reasons) - 3} other reasons" if len(reasons) > 3 else ""
        return f"{count}; {len(self.rejected):,} left out: {most}{more}"

    def _table(self) -> Sequence[Sequence[str]]:
        categories = list(Category)
        counts: dict[tuple[str, str], Counter[Category]] = {}
        for record in self:
            source = (record.provenance.origin, record.provenance.license)
            counts.setdefault(source, Counter())[record.category] += 1
        rows = [["source", "licence", *(c.value for c in categories), "all"]]
        rows += [
            [*source, *(f"{found[c]:,}" for c in categories), f"{found.total():,}"]
            for source, found in sorted(counts.items())
        ]
        if len(counts) != 1:
            total = sum(counts.values(), Counter[Category]())
            rows.append(["all", "", *(f"{total[c]:,}" for c in categories), f"{total.total():,}"])
        return rows
