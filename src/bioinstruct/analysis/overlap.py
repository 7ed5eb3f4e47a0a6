"""Count near duplicates within and between sources, and overlap with benchmark test sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bioinstruct.filters import Contaminated, Match, NearDuplicates, ScoredText
from bioinstruct.schema import Instruction

__all__ = ["Contamination", "NearDuplicateTable", "Overlaps", "near_duplicate_table"]

_BATCH = 20_000  # records compared with the test texts at a time


@dataclass(frozen=True, slots=True)
class NearDuplicateTable:
    """Records whose input nearly repeats the input of an earlier record.

    A record without an input is compared by its instruction. Compiled records share the wording
    of their instructions, so comparing instructions would make unrelated records near duplicates.
    """

    threshold: float
    examples: dict[str, int]
    """Number of records by source, in order of first appearance."""
    dropped: dict[str, dict[str, int]]
    """Number of near duplicates by source, then by the source of the earlier record."""

    @property
    def within(self) -> int:
        """Number of near duplicates of an earlier record from the same source."""
        return sum(row.get(source, 0) for source, row in self.dropped.items())

    @property
    def total(self) -> int:
        return sum(sum(row.values()) for row in self.dropped.values())


def near_duplicate_table(
    examples: Iterable[Instruction], *, threshold: float
) -> NearDuplicateTable:
    """Compare each record with the earlier records that are not near duplicates themselves.

    Reads the records once. Holds their words as integer codes, not the records.
    """
    sources: list[str] = []

    def texts() -> Iterator[str]:
        for example in examples:
            sources.append(example.provenance.origin)
            yield example.input or example.instruction

    matches = NearDuplicates(threshold).offer_all(texts())
    return NearDuplicateTable(threshold, dict(Counter(sources)), _by_source(sources, matches))


def _by_source(
    sources: Sequence[str], matches: Sequence[Match | None]
) -> dict[str, dict[str, int]]:
    dropped: dict[str, Counter[str]] = {}
    for source, match in zip(sources, matches, strict=True):
        if match is not None:
            dropped.setdefault(source, Counter())[sources[match.place]] += 1
    return {source: dict(row) for source, row in dropped.items()}


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Overlap of the dataset with the test split of one benchmark."""

    test_texts: int
    records: int
    kinds: dict[str, int]
    """Number of records by kind of overlap: `exact`, `near-duplicate`, `n-gram` or `inside`."""
    sources: dict[str, int]


class Contamination:
    """Count the records that overlap the test texts of each of several benchmarks.

    Args:
        texts: the test texts of each benchmark.
    """

    def __init__(self, texts: Mapping[str, Sequence[str | ScoredText]]) -> None:
        self._texts = {name: list(dict.fromkeys(texts[name])) for name in texts}
        self._looks = {name: Contaminated(found) for name, found in self._texts.items()}
        self._kinds: dict[str, Counter[str]] = {name: Counter() for name in texts}
        self._sources: dict[str, Counter[str]] = {name: Counter() for name in texts}
        self._waiting: list[Instruction] = []

    def add(self, example: Instruction) -> None:
        self._waiting.append(example)
        if len(self._waiting) >= _BATCH:
            self._compare()

    def _compare(self) -> None:
        for name, look in self._looks.items():
            for example, overlap in zip(self._waiting, look.find_all(self._waiting), strict=True):
                if overlap:
                    self._kinds[name][overlap.kind] += 1
                    self._sources[name][example.provenance.origin] += 1
        self._waiting = []

    def result(self) -> dict[str, Overlaps]:
        """Return the overlaps by benchmark, in the order the benchmarks were given."""
        self._compare()
        return {
            name: Overlaps(
                len(texts),
                self._kinds[name].total(),
                dict(self._kinds[name].most_common()),
                dict(self._sources[name].most_common()),
            )
            for name, texts in self._texts.items()
        }
