"""The simulation of studies, on few of them: what it must find whatever the random numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks.coverage import DOCUMENTS, rendered, simulate, value_of

from bioinstruct.bench.metrics.intervals import by_document, interval_of_draws, weights

CELLS = json.loads(DOCUMENTS.read_text(encoding="utf-8"))


def test_the_documents_are_those_of_twenty_tasks() -> None:
    assert len({(cell["task"], cell["metric"]) for cell in CELLS}) == 20
    for cell in CELLS:
        one, other = (np.array(cell[name], dtype=float) for name in ("one", "other"))
        assert one.shape == other.shape
        scores = [value_of(cell["metric"], one.shape[1])(each.sum(axis=0)) for each in (one, other)]
        assert all(0 < score < 1 for score in scores)


def test_a_handful_of_studies_is_covered() -> None:
    results = simulate(CELLS[:2], studies=100)
    for cell in results["cells"]:
        assert 0.85 < cell["coverage"] <= 1.0
        assert cell["false_positives"] < 0.15
        assert cell["power"] > 0.8
    assert results["family_wise"] <= results["family_wise_uncorrected"]
    assert rendered(results).count("\n") == 5


def test_intervals_of_many_studies_at_once_are_those_of_each() -> None:
    random = np.random.default_rng(0)
    for documents in (12, 60):
        values = random.exponential(size=(documents, 3))
        draws = weights(documents, 0, 500) @ values / documents
        without = (values.sum(axis=0) - values) / documents
        together = interval_of_draws(values.mean(axis=0), draws, without)
        for i in range(3):
            alone = interval_of_draws(values[:, i].mean(), draws[:, i], without[:, i])
            assert together[:, i] == pytest.approx(alone)


@pytest.mark.peer
def test_the_standard_error_is_that_of_statsmodels_and_inspect_ai() -> None:
    linear = pytest.importorskip("statsmodels.api")
    inspect = pytest.importorskip("inspect_ai.scorer")
    random = np.random.default_rng(0)
    sizes = random.integers(1, 12, 150)
    documents = np.repeat(np.arange(150), sizes)
    right = (random.random(len(documents)) < np.repeat(random.beta(2, 2, 150), sizes)).astype(float)
    sums = by_document(np.stack([right, np.ones(len(right))], axis=1), documents.tolist())
    drawn = weights(150, 0, 10_000) @ sums
    ours = (drawn[:, 0] / drawn[:, 1]).std()
    fitted = linear.OLS(right, np.ones(len(right))).fit(
        cov_type="cluster", cov_kwds={"groups": documents}
    )
    assert ours == pytest.approx(fitted.bse[0], rel=0.03)
    scores = [
        inspect.SampleScore(
            score=inspect.Score(value=float(value)), sample_metadata={"document": int(document)}
        )
        for value, document in zip(right, documents, strict=True)
    ]
    assert ours == pytest.approx(inspect.stderr(cluster="document")(scores), rel=0.03)
