"""Everything that is measured of a dataset, in one pass over its records."""

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
    """What is measured; the first two pass over every record and take the time they take."""

    near_duplicates: float | None = None
    """ROUGE-L F above which two records are near duplicates; not looked for when None."""
    contamination: Contamination | None = None
    """Benchmarks to compare with; none when None."""
    tokens: Tokens | None = None
    sample: int = 1_000
    """Records that the measures of variety are taken on."""
    seed: int = 0
    verb_object: VerbObject = opening_words
    """Finds what an instruction asks for: the first verb and its object."""
    verb_method: str = "the opening words, by word rules"


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is in a dataset; a repeated record counts once."""

    statistics: Statistics
    sample: int
    seed: int
    varieties: dict[str, Variety]
    openings: Openings
    near_duplicates: NearDuplicateTable | None
    contamination: dict[str, Overlaps] | None

    def as_dict(self) -> dict[str, Any]:
        """The analysis as plain values, ready for JSON."""
        return dataclasses.asdict(self)


def analyse(
    examples: Iterable[Instruction],
    options: Options | None = None,
    *,
    keep: Callable[[Instruction], None] | None = None,
) -> Analysis:
    """Measure `examples`, read once; `keep` is given every different one as it passes.

    In memory there are a number for each record, the sample, and for near duplicates a number for
    each word.
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
