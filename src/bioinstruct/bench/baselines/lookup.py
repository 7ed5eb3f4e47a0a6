"""Look-up of training mentions: what entity recognition scores by memory alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bioinstruct.corpora.answers.entities import Entity

__all__ = ["THRESHOLDS", "Lookup", "Tagged", "surface"]

THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(10))
"""Shares tried: a known mention counts where it was annotated at least so often in training."""
_LONGEST = 12  # words of a mention: longer ones are not looked up


@dataclass(frozen=True, slots=True)
class Tagged:
    """A text as words, and the entities annotated in it."""

    words: tuple[str, ...]
    entities: tuple[Entity, ...]
    document: str
    """Document of the text; the threshold is chosen across documents."""


def surface(words: Sequence[str], entity: Entity) -> str:
    """Return the words of an entity in lower case, as it is known by."""
    return " ".join(words[entity.start : entity.end]).casefold()


_Candidate = tuple[int, int, str]


@dataclass(slots=True)
class Lookup:
    """A dictionary of mentions: how often each was annotated, how often it occurs, its type."""

    annotated: Counter[str]
    occurring: Counter[str]
    types: dict[str, str]
    threshold: float = 0.5

    @classmethod
    def fit(cls, training: Sequence[Tagged]) -> Lookup:
        """Collect the mentions; choose the threshold by two-fold cross-validation over documents.

        A threshold chosen on the texts that the mentions come from would see every mention known.
        """
        found = cls._count(training)
        names = sorted({each.document for each in training})
        halves = {name: place % 2 for place, name in enumerate(names)}
        sums = np.zeros((len(THRESHOLDS), 3))
        for fold in (0, 1) if len(names) > 1 else ():
            other = cls._count([t for t in training if halves[t.document] != fold])
            for text in (t for t in training if halves[t.document] == fold):
                candidates = other._candidates(text.words)
                gold = {(e.start, e.end) for e in text.entities}
                for place, threshold in enumerate(THRESHOLDS):
                    chosen = {(s, e) for s, e, _ in other._choose(candidates, threshold)}
                    sums[place] += (len(gold & chosen), len(gold), len(chosen))
        if len(names) > 1:
            scores = 2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1)
            found.threshold = THRESHOLDS[int(scores.argmax())]
        return found

    @classmethod
    def _count(cls, training: Sequence[Tagged]) -> Lookup:
        annotated: Counter[str] = Counter()
        types: dict[str, Counter[str]] = defaultdict(Counter)
        for text in training:
            for entity in text.entities:
                if 0 <= entity.start < entity.end <= entity.start + _LONGEST:
                    name = surface(text.words, entity)
                    annotated[name] += 1
                    types[name][entity.type] += 1
        commonest = {name: min(c, key=lambda t: (-c[t], t)) for name, c in types.items()}
        found = cls(annotated, Counter(), commonest)
        for text in training:
            found.occurring.update(name for _, _, name in found._candidates(text.words))
        return found

    def _candidates(self, words: Sequence[str]) -> list[_Candidate]:
        """Return every known mention in a text, from left to right, the longest first."""
        lower = [word.casefold() for word in words]
        found = []
        for start in range(len(lower)):
            for end in range(min(len(lower), start + _LONGEST), start, -1):
                name = " ".join(lower[start:end])
                if name in self.annotated:
                    found.append((start, end, name))
        return found

    def _choose(self, candidates: Sequence[_Candidate], threshold: float) -> list[_Candidate]:
        chosen, after = [], 0
        for start, end, name in candidates:
            often = self.annotated[name] / max(1, self.occurring[name])
            if start >= after and often >= threshold:
                chosen.append((start, end, name))
                after = end
        return chosen

    def predict(self, words: Sequence[str]) -> list[Entity]:
        """Return the known mentions of a text, the longest first, none inside another."""
        found = self._choose(self._candidates(words), self.threshold)
        return [Entity(start, end, self.types[name]) for start, end, name in found]
