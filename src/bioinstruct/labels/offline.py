"""The offline classifier: a logistic regression, fitted by benchmarks/fit_labels.py."""

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

__all__ = ["VERSION", "Classifier", "Prediction", "classifier", "from_row"]

VERSION = "offline-1"
"""Version of features and weights; changes whenever a label could."""


class Prediction(NamedTuple):
    """A category with its confidence."""

    category: Category
    confidence: float
    """Calibrated probability: of records with 0.8, about 80 % are right (docs/label.md)."""
    probabilities: dict[Category, float]


@dataclass(frozen=True, slots=True)
class Classifier:
    """A linear classifier over features."""

    categories: tuple[Category, ...]
    index: dict[str, int]
    weights: NDArray[np.float64]
    """Weights, shape (features, categories)."""
    bias: NDArray[np.float64]
    temperature: float
    """Divisor of the scores, which calibrates the confidence."""

    def __call__(self, example: Instruction) -> Prediction:
        """Classify a record, ignoring its category, task and provenance."""
        probabilities = self.probabilities(features(example))
        best = int(probabilities.argmax())
        pairs = zip(self.categories, map(float, probabilities), strict=True)
        return Prediction(self.categories[best], float(probabilities[best]), dict(pairs))

    def probabilities(self, found: dict[str, float]) -> NDArray[np.float64]:
        """Return the probability of each category; unknown features are ignored."""
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
    """Build a classifier from the values of its JSON file."""
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
    """Return the classifier that ships with the package."""
    path = files("bioinstruct") / "data" / "labels" / "weights.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    if row["version"] != VERSION:
        raise DataError(
            f"the weights have version {row['version']}, expected {VERSION}",
            path=str(path),
            hint="install bioinstruct again",
        )
    return from_row(row)
