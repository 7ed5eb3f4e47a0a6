"""Tasks whose items are made anew for each seed: their answers are computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bioinstruct.bench.metrics import (
    accuracy,
    line_f1,
    quantities,
    rougeL,
    span_f1,
    within_tolerance,
)
from bioinstruct.bench.tasks.base import Read, Task, add
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Category, Instruction

__all__ = ["FRESH", "seeded"]

PER_KIND = 10
"""Items of each kind in the test; the training split has as many more as `TRAINING` says."""
TRAINING = 5
_TRAINING_SEED = -1
"""Training items are the same for every seed; their wordings are never those of the test."""

_NUMBERS = (
    *("renal", "electrolytes", "physiology", "dosing", "epidemiology", "units"),
    *("carrier-frequency", "allele-frequency", "hardy-weinberg-test", "laboratory-trend"),
)
_EXACT = (
    *("obstetrics", "age-on-date", "length-of-stay", "eligibility", "inheritance", "translation"),
    *("dna-complement", "dna-reverse-complement", "transcription", "hgvs-dna", "hgvs-protein"),
)
_LISTS = (
    *("medications-on-date", "reconciliation", "latest-value", "medication-rows"),
    *("symptoms-present", "values-to-rows", "out-of-range"),
)
_PLACES = ("quantities-with-places", "entities-with-places")


def _reader(kinds: tuple[str, ...], about: str, seed: int) -> Read:
    """Return a reader of the splits train and test; `about` becomes the task's description."""

    def read(split: str) -> Iterator[Instruction]:
        from bioinstruct.synthesis.catalogue import chosen
        from bioinstruct.synthesis.make import synthesize

        if split not in {"train", "test"}:
            raise UnknownNameError("split", split, ["train", "test"])
        count = PER_KIND * len(chosen(kinds)) * (TRAINING if split == "train" else 1)
        drawn = seed if split == "test" else _TRAINING_SEED
        return synthesize(count, seed=drawn, kinds=kinds, split=split)

    read.__doc__ = about
    return read


_POINTS = re.compile(r"([-+]?\d+(?:\.\d+)?)(?: points?)?")


def _exact(text: str, example: Instruction) -> str | None:
    """Return an answer without case, spaces at its ends and full stop; `5 points` is `5`."""
    plain = " ".join(text.split()).rstrip(".").casefold()
    points = _POINTS.fullmatch(plain)
    return f"{float(points[1]):g}" if points else plain or None


def _lines(text: str, example: Instruction) -> str | None:
    lines = (" ".join(line.split()).casefold() for line in text.splitlines())
    return "\n".join(filter(None, lines)) or None


_SPAN = re.compile(r"(\d+)\s*[-–]\s*(\d+)\s*\|.*\|\s*(\S.*)")


def _spans(text: str, example: Instruction) -> tuple[tuple[int, int, str], ...] | None:
    found = filter(None, (_SPAN.fullmatch(line.strip()) for line in text.splitlines()))
    return tuple((int(one[1]), int(one[2]), one[3].casefold()) for one in found) or None


FRESH: dict[str, tuple[tuple[str, ...], str]] = {
    "fresh-numbers": (_NUMBERS, "Computed: formulas, by tolerance and unit, made for the seed."),
    "fresh-scores": (("scores",), "Computed: the points of clinical scores, made for the seed."),
    "fresh-exact": (_EXACT, "Computed: dates, sequences, variants, criteria, made for the seed."),
    "fresh-lists": (_LISTS, "Computed: lists and rows out of notes, made for the seed."),
    "fresh-places": (_PLACES, "Computed: quantities and entities by span, made for the seed."),
    "fresh-texts": (("writing",), "Computed: notes and schedules to write, made for the seed."),
}
"""The kinds or families, and the description, of each task."""


def _tasks() -> None:
    reads = {name: _reader(kinds, about, 0) for name, (kinds, about) in FRESH.items()}
    qa, ie = Category.QA, Category.IE

    def numbers(text: str, example: Instruction) -> object:
        return quantities(text)

    add(Task("fresh-numbers", qa, reads["fresh-numbers"], numbers, (within_tolerance,), (), 48))
    add(Task("fresh-scores", qa, reads["fresh-scores"], _exact, (accuracy,), (), 48))
    add(Task("fresh-exact", qa, reads["fresh-exact"], _exact, (accuracy,), (), 64))
    add(Task("fresh-lists", ie, reads["fresh-lists"], _lines, (line_f1, accuracy), (), 256))
    add(Task("fresh-places", ie, reads["fresh-places"], _spans, (span_f1,), (), 256))
    texts = (line_f1, rougeL)
    add(Task("fresh-texts", Category.GEN, reads["fresh-texts"], _lines, texts, (), 256))


_tasks()


def seeded(evaluation: Evaluation, seed: int) -> Evaluation:
    """Return an evaluation whose items are those of a seed; others than fresh ones as they are."""
    task = evaluation.task
    if task.name not in FRESH:
        return evaluation
    return replace(evaluation, task=replace(task, read=_reader(*FRESH[task.name], seed)))
