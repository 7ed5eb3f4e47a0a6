"""Measure everything about a dataset in one pass over its records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bioinstruct.analysis.diversity import Variety, varieties
from bioinstruct.analysis.overlap import (
    Contamination,
    NearDuplicateTable,
    Overlaps,
    near_duplicate_table,
)
from bioinstruct.analysis.sample import Sample
from bioinstruct.analysis.verbs import OpeningCounter, Openings, VerbObject, opening_words
from bioinstruct.dataset.statistics import Collector, Statistics
from bioinstruct.schema import Instruction
from bioinstruct.tokens import Tokens

__all__ = ["Analysis", "Options", "analyse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measurements to make. The first two compare every record, which dominates the run time."""

    near_duplicates: float | None = None
    """ROUGE-L F above which two records are near duplicates; None skips the search."""
    contamination: Contamination | None = None
    """Benchmarks to compare with; None compares with none."""
    tokens: Tokens | None = None
    sample: int = 1_000
    """Number of sampled records on which diversity is measured."""
    seed: int = 0
    verb_object: VerbObject = opening_words
    """Function that returns the first verb of an instruction and its object."""
    verb_method: str = "the opening words, by word rules"
    """Method of `verb_object`, for display."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Results of `analyse`; a repeated record counts once."""

    statistics: Statistics
    sample: int
    seed: int
    varieties: dict[str, Variety]
    openings: Openings
    near_duplicates: NearDuplicateTable | None
    contamination: dict[str, Overlaps] | None

    def as_dict(self) -> dict[str, Any]:
        """Return the analysis as plain values, ready for JSON."""
        return dataclasses.asdict(self)


def analyse(
    examples: Iterable[Instruction],
    options: Options | None = None,
    *,
    keep: Callable[[Instruction], None] | None = None,
) -> Analysis:
    """Measure `examples` in one pass, calling `keep` with every distinct record.

    Memory holds a number per record, the sample, and for near duplicates a number per word.
    """
    options = options or Options()
    tokens = options.tokens
    collector = Collector(tokens.count, tokenizer=tokens.name) if tokens else Collector()
    sample = Sample(options.sample, seed=options.seed)
    openings = OpeningCounter(options.verb_object, options.verb_method)

    def different() -> Iterator[Instruction]:
        for place, example in enumerate(examples):
            if not collector.add(example):
                continue
            sample.add(example, place)
            openings.add(example.instruction)
            if options.contamination is not None:
                options.contamination.add(example)
            if keep is not None:
                keep(example)
            yield example

    near = None
    if options.near_duplicates is not None:
        near = near_duplicate_table(different(), threshold=options.near_duplicates)
    else:
        for _ in different():
            pass
    records = sample.records()
    return Analysis(
        statistics=collector.result(),
        sample=len(records),
        seed=options.seed,
        varieties=varieties(records),
        openings=openings.result(),
        near_duplicates=near,
        contamination=options.contamination.result() if options.contamination else None,
    )
