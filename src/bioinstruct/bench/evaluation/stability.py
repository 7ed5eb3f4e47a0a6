"""How much the answers to the same items change with the order of options or the wording."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioinstruct.bench.evaluation.evaluate import TaskResult
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.formulation import letters, option_texts
from bioinstruct.schema import Instruction

__all__ = ["Constancy", "Stability", "stability_of"]


@dataclass(frozen=True, slots=True)
class Constancy:
    """How constant the answers of one model are."""

    scores: tuple[float, ...]
    """Score by the task's first metric in each order or wording, 0 to 1."""
    same: float
    """Share of pairs of forms of an item with the same answer: with orders, the same option."""
    same_letter: float | None = None
    """With orders, the share of pairs with the same letter, which then is another option."""


@dataclass(frozen=True, slots=True)
class Stability:
    """Answers to the same items in several forms."""

    of: str
    """`orders` or `wordings`."""
    forms: int
    """The most forms of an item."""
    items: int
    """Items with more than one form."""
    base: Constancy
    tuned: Constancy | None = None


def stability_of(
    evaluation: Evaluation, base: TaskResult, tuned: TaskResult | None
) -> list[Stability]:
    """Return the stability of a task's answers over orders and over wordings, where it has several.

    Every item weighs the same, however many forms it has.
    """
    found = []
    outcomes = [outcome for outcome in (base, tuned) if outcome and outcome.readouts[0].answers]
    for of, forms in (("orders", _orders(evaluation)), ("wordings", _wordings(evaluation))):
        several = [places for places in forms if len(places) > 1]
        if several and outcomes:
            constant = [_constancy(evaluation, o, several, of) for o in outcomes]
            most = max(map(len, several))
            found.append(Stability(of, most, len(several), constant[0], *constant[1:]))
    return found


def _orders(evaluation: Evaluation) -> list[list[int]]:
    """Return the places of the examples that ask each item in the first wording."""
    return _by_item(evaluation, [v.wording == 0 for v in evaluation.variants])


def _wordings(evaluation: Evaluation) -> list[list[int]]:
    return _by_item(evaluation, [v.order == 0 for v in evaluation.variants])


def _by_item(evaluation: Evaluation, wanted: Sequence[bool]) -> list[list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place, (variant, yes) in enumerate(zip(evaluation.variants, wanted, strict=True)):
        if yes:
            found[variant.item].append(place)
    return list(found.values())


def _constancy(
    evaluation: Evaluation, outcome: TaskResult, forms: Sequence[Sequence[int]], of: str
) -> Constancy:
    readout = outcome.readouts[0]
    answers = list(readout.answers)
    most = max(map(len, forms))
    by_form = [[places[n] for places in forms if len(places) > n] for n in range(most)]
    scores = [float(readout.metric.value(readout.counts[at].sum(axis=0))) for at in by_form]
    if of == "wordings":
        return Constancy(tuple(scores), _alike(answers, forms))
    texts = [_text(e, a) for e, a in zip(evaluation.examples, answers, strict=True)]
    return Constancy(tuple(scores), _alike(texts, forms), _alike(answers, forms))


def _text(example: Instruction, letter: str | None) -> str | None:
    """Return the text of the option with this letter."""
    known = dict(zip(letters(example), option_texts(example), strict=True))
    return None if letter is None else known[letter]


def _alike(answers: Sequence[Any], forms: Sequence[Sequence[int]]) -> float:
    """Return the mean over items of the share of pairs of forms with the same answer."""
    shares = []
    for places in forms:
        pairs = list(itertools.combinations([answers[place] for place in places], 2))
        same = [one is not None and one == other for one, other in pairs]
        shares.append(np.mean(same))
    return float(np.mean(shares))
