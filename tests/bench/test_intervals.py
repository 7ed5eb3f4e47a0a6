"""Intervals by document: against exact ones, other libraries' and what is known of clusters."""

from __future__ import annotations

import numpy as np
import pytest

from bioinstruct.bench.metrics import accuracy, entity_f1, pearson
from bioinstruct.bench.metrics.documents import documents_of, nameless
from bioinstruct.bench.metrics.intervals import (
    Part,
    by_document,
    difference,
    interval,
    mean_interval,
    weights,
)
from bioinstruct.schema import Category, Instruction, Provenance


def right(*values: float) -> np.ndarray:
    return np.array([[value, 1.0] for value in values])


def test_counts_are_summed_by_document_in_order_of_appearance() -> None:
    counts = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert by_document(counts, ["b", "a", "b"]).tolist() == [[6.0, 8.0], [3.0, 4.0]]
    assert by_document(counts, None) is counts


@pytest.mark.parametrize("documents", [["a"], ["a", "b", "c"]])
def test_there_is_one_document_for_each_item(documents: list[str]) -> None:
    with pytest.raises(ValueError, match="documents for 2 items"):
        by_document(right(1, 0), documents)


def test_nothing_is_estimated_from_no_items() -> None:
    with pytest.raises(ValueError, match="no items"):
        interval(accuracy, np.empty((0, 2)))


def test_copies_of_an_item_in_its_document_do_not_make_it_surer() -> None:
    once = right(*([1.0] * 60 + [0.0] * 40))
    documents = [number for number in range(100) for _ in range(5)]
    assert interval(accuracy, np.repeat(once, 5, axis=0), documents) == interval(accuracy, once)


def test_the_interval_over_documents_is_that_of_their_clustered_standard_error() -> None:
    random = np.random.default_rng(0)
    sizes = random.integers(1, 20, 200)
    chance = np.repeat(random.beta(2, 2, 200), sizes)
    counts = right(*(random.random(len(chance)) < chance).astype(float))
    documents = np.repeat(np.arange(200), sizes).tolist()
    mean = counts[:, 0].mean()
    residual = by_document(np.stack([counts[:, 0] - mean, counts[:, 1]], axis=1), documents)[:, 0]
    half = 1.972 * np.sqrt((residual**2).sum() * 200 / 199) / len(counts)  # t of 199
    found = interval(accuracy, counts, documents)
    assert found.low == pytest.approx(mean - half, abs=0.1 * half)
    assert found.high == pytest.approx(mean + half, abs=0.1 * half)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_agree_the_interval_is_the_exact_one(n: int, value: float) -> None:
    from scipy.stats import binomtest

    exact = binomtest(int(n * value), n).proportion_ci(method="exact")
    found = interval(accuracy, right(*[value] * n))
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_one_question_shows_next_to_nothing() -> None:
    found = difference(accuracy, right(0), right(1))
    assert found.value == 1.0
    assert found.low == pytest.approx(-0.95)
    assert found.high == 1.0


@pytest.mark.parametrize("metric", [entity_f1, pearson], ids=lambda metric: metric.name)
def test_no_interval_has_no_width(metric: object) -> None:
    counts = np.ones((3, 3)) if metric is entity_f1 else np.array([[1.0, 2, 3, 4, 9, 6]] * 3)
    found = interval(metric, counts)  # type: ignore[arg-type]
    assert found.low < found.high
    found = interval(metric, counts, ["one"] * 3)  # type: ignore[arg-type]
    assert found.low < found.high


def test_few_documents_have_a_wider_interval_than_the_plain_percentiles() -> None:
    counts = right(*np.linspace(0.2, 0.8, 12))
    plain = np.quantile(weights(12) @ counts[:, 0] / 12, [0.025, 0.975])
    found = interval(accuracy, counts)
    assert found.low < plain[0]
    assert found.high > plain[1]
    assert found.high - found.low == pytest.approx(
        2 * 2.201 * counts[:, 0].std(ddof=1) / 12**0.5, rel=0.08
    )


def test_few_documents_have_the_interval_of_scipy_but_wider() -> None:
    from scipy.stats import bootstrap

    values = np.random.default_rng(0).exponential(0.1, 20)
    found = interval(accuracy, right(*values))
    peer = bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=1)
    low, high = peer.confidence_interval
    assert found.low < low < high < found.high
    assert found.high - found.low < 1.5 * (high - low)
    assert found.high - found.value > found.value - found.low  # as skewed as the values


def test_a_draw_takes_as_many_documents_as_there_are() -> None:
    drawn = weights(7, 3, 2_000)
    assert drawn.shape == (2_000, 7)
    assert set(drawn.sum(axis=1)) == {7.0}
    assert drawn.mean() == pytest.approx(1.0)
    assert drawn.var() == pytest.approx(6 / 7, rel=0.05)  # multinomial: 1 - 1/7


def test_a_mean_of_one_task_is_the_task() -> None:
    counts = right(*([1.0] * 30 + [0.0] * 10))
    alone, mean = interval(accuracy, counts), mean_interval([Part(accuracy, counts)])
    assert (mean.value, mean.low, mean.high) == pytest.approx((alone.value, alone.low, alone.high))


def example(text: str, document: str | None) -> Instruction:
    provenance = Provenance(kind="compiled", origin="x", license="MIT", document=document)
    return Instruction(
        instruction=text, output="a", category=Category.QA, task="t", provenance=provenance
    )


def test_an_item_without_a_document_is_one_by_itself_and_counted() -> None:
    examples = [example("1", "7"), example("2", "7"), example("3", None), example("4", None)]
    assert len(set(documents_of(examples))) == 3
    assert nameless(examples) == 2


def test_one_document_shows_no_more_than_one_question() -> None:
    counts = right(*([1.0] * 6 + [0.0] * 2))
    found = interval(accuracy, counts, ["only"] * 8)
    assert found.value == 0.75
    assert found.low < 0.05
    assert found.high > 0.95
