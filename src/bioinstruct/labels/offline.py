"""The classifier that needs no key: a logistic regression, fitted by benchmarks/fit_labels.py."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from bioinstruct.errors import DataError
from bioinstruct.labels.features import features
from bioinstruct.schema import Category, Instruction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["VERSION", "Classifier", "Verdict", "classifier", "from_row"]

VERSION = "offline-1"
"""Of features and weights; it changes whenever a label could."""


class Verdict(NamedTuple):
    """A category and how sure it is."""

    category: Category
    confidence: float
    """Its probability: among records with 0.8, some 80 % are right (docs/label.md)."""
    probabilities: dict[Category, float]


@dataclass(frozen=True, slots=True)
class Classifier:
    """Weights of features for each category."""

    categories: tuple[Category, ...]
    index: dict[str, int]
    weights: NDArray[np.float64]
    """A row for each feature, a column for each category."""
    bias: NDArray[np.float64]
    temperature: float
    """What scores are divided by, so that confidence is neither boast nor modesty."""

    def __call__(self, example: Instruction) -> Verdict:
        """The category of a record; its own category, task and provenance are not looked at."""
        probabilities = self.probabilities(features(example))
        best = int(probabilities.argmax())
        pairs = zip(self.categories, map(float, probabilities), strict=True)
        return Verdict(self.categories[best], float(probabilities[best]), dict(pairs))

    def probabilities(self, found: dict[str, float]) -> NDArray[np.float64]:
        """Of each category; features that were not there in the fit count for nothing."""
        import numpy as np

        known = [(self.index[name], value) for name, value in found.items() if name in self.index]
        scores = self.bias
        if known:
            rows, values = zip(*known, strict=True)
            scores = scores + np.array(values) @ self.weights[list(rows)]
        raised = np.exp((scores - scores.max()) / self.temperature)
        shares: NDArray[np.float64] = raised / raised.sum()
        return shares


def from_row(row: dict[str, Any]) -> Classifier:
    """A classifier of the values in its JSON file."""
    import numpy as np

    names = row["features"]
    return Classifier(
        categories=tuple(map(Category, row["categories"])),
        index={name: place for place, name in enumerate(names)},
        weights=np.array(list(names.values()), dtype=np.float64),
        bias=np.array(row["bias"], dtype=np.float64),
        temperature=float(row["temperature"]),
    )


@cache
def classifier() -> Classifier:
    """The one that ships with the package."""
    path = files("bioinstruct") / "data" / "labels" / "weights.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    if row["version"] != VERSION:
        raise DataError(
            f"weights of {row['version']}, where {VERSION} is known",
            path=str(path),
            hint="install bioinstruct again",
        )
    return from_row(row)
