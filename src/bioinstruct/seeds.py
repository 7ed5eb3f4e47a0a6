"""The hand-written seed tasks that generation imitates."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rapidfuzz.distance import LCSseq

from bioinstruct import jsonl
from bioinstruct.schema import Category, Instruction
from bioinstruct.text import words

__all__ = ["check_seeds", "load_seeds", "rouge_l"]

# Category counts of 80 seeds, in the proportions of the published dataset.
COUNTS = {Category.IE: 27, Category.GEN: 27, Category.QA: 18, Category.OTHER: 8}
MIN_TASKS = 50
MAX_ROUGE_L = 0.5

_FILE = Path(__file__).with_name("data") / "seeds.jsonl"
_KEBAB_CASE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load_seeds() -> list[Instruction]:
    """Return the seed tasks that ship with the package."""
    return list(jsonl.read(_FILE))


def check_seeds(seeds: Sequence[Instruction]) -> list[str]:
    """Return the problems of a set of seed tasks, one sentence each."""
    return [
        *_wrong_counts(seeds),
        *_wrong_records(seeds),
        *_too_similar(seeds),
    ]


def rouge_l(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the ROUGE-L F1 of two lists of words."""
    from bioinstruct.filters import similarity  # imports numpy, which only this check needs

    return similarity.rouge_l(LCSseq.similarity(one, other), len(one), len(other))


def _wrong_counts(seeds: Sequence[Instruction]) -> list[str]:
    wanted = sum(COUNTS.values())
    problems = [f"{len(seeds)} seeds, not {wanted}"] if len(seeds) != wanted else []
    counts = Counter(seed.category for seed in seeds)
    for category, count in COUNTS.items():
        if counts[category] != count:
            problems.append(f"{counts[category]} seeds in {category}, not {count}")
    tasks = len({seed.task for seed in seeds})
    if tasks < MIN_TASKS:
        problems.append(f"{tasks} different tasks, fewer than {MIN_TASKS}")
    return problems


def _wrong_records(seeds: Sequence[Instruction]) -> list[str]:
    copies = Counter(seed.id for seed in seeds)
    problems = [f"{id}: appears {count} times" for id, count in copies.items() if count > 1]
    for seed in seeds:
        if seed.provenance.kind != "seed":
            problems.append(f"{seed.id}: its provenance says {seed.provenance.kind}, not seed")
        if not _KEBAB_CASE.fullmatch(seed.task):
            problems.append(f"{seed.id}: task {seed.task!r} is not in kebab-case")
    return problems


def _too_similar(seeds: Sequence[Instruction]) -> list[str]:
    texts = [(seed, words(seed.instruction)) for seed in seeds]
    problems = []
    for (one, first), (other, second) in itertools.combinations(texts, 2):
        score = rouge_l(first, second)
        if score > MAX_ROUGE_L and one.id != other.id:
            problems.append(
                f"{one.id} and {other.id}: ROUGE-L {score:.2f} between their instructions, "
                f"above {MAX_ROUGE_L}"
            )
    return problems
