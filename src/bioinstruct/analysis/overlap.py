"""What a dataset repeats: near duplicates between its sources, and the tests of benchmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bioinstruct.filters import Contaminated, Match, NearDuplicates
from bioinstruct.schema import Instruction

__all__ = ["Contamination", "NearDuplicateTable", "Overlaps", "near_duplicate_table"]

_BATCH = 20_000  # records that are compared with the test texts together


@dataclass(frozen=True, slots=True)
class NearDuplicateTable:
    """Records that say nearly what an earlier one says, in their input.

    Where there is no input the instruction is compared. With the wording of the instruction, which
    compiled records share, records that have nothing else in common would be near duplicates.
    """

    threshold: float
    examples: dict[str, int]
    """Records of each source, in the order in which the sources come."""
    dropped: dict[str, dict[str, int]]
    """For a source, how many of its records are too near to an earlier one of each source."""

    @property
    def within(self) -> int:
        """Records too near to an earlier one of their own source."""
        return sum(row.get(source, 0) for source, row in self.dropped.items())

    @property
    def total(self) -> int:
        return sum(sum(row.values()) for row in self.dropped.values())


def near_duplicate_table(
    examples: Iterable[Instruction], *, threshold: float
) -> NearDuplicateTable:
    """Compare each record with those before it that are near duplicates of none themselves.

    Reads the records once and holds numbers for their words, not the records.
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
    """Records that overlap the test split of one benchmark."""

    test_texts: int
    records: int
    kinds: dict[str, int]
    """`exact`, `near-duplicate`, `n-gram` or `inside`."""
    sources: dict[str, int]


class Contamination:
    """Counts the records that overlap the test texts of each of several benchmarks.

    Args:
        texts: the test texts of each benchmark.
        framed: see `bioinstruct.filters.Contaminated`.
    """

    def __init__(self, texts: Mapping[str, Sequence[str]], *, framed: Collection[str] = ()) -> None:
        self._framed = framed
        self._texts = {name: list(dict.fromkeys(texts[name])) for name in texts}
        every = (text for name in self._texts for text in self._texts[name])
        self._any = Contaminated(every, framed=framed)
        self._waiting: list[Instruction] = []
        self._suspects: list[Instruction] = []

    def add(self, example: Instruction) -> None:
        self._waiting.append(example)
        if len(self._waiting) >= _BATCH:
            self._look()

    def _look(self) -> None:
        """What overlaps no benchmark at all is let go: few are left to be told apart."""
        found = self._any.find_all(self._waiting)
        pairs = zip(self._waiting, found, strict=True)
        self._suspects += [example for example, overlap in pairs if overlap]
        self._waiting = []

    def result(self) -> dict[str, Overlaps]:
        """By benchmark, in the order in which they were given."""
        self._look()
        return {name: self._overlaps(texts) for name, texts in self._texts.items()}

    def _overlaps(self, texts: Sequence[str]) -> Overlaps:
        kinds: Counter[str] = Counter()
        sources: Counter[str] = Counter()
        look = Contaminated(texts, framed=self._framed)
        for example, overlap in zip(self._suspects, look.find_all(self._suspects), strict=True):
            if overlap:
                kinds[overlap.kind] += 1
                sources[example.provenance.origin] += 1
        return Overlaps(
            len(texts), kinds.total(), dict(kinds.most_common()), dict(sources.most_common())
        )
