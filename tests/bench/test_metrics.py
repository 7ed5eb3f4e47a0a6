from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.bench.compare import difference, interval
from bioinstruct.bench.metrics import Metric, accuracy, entity_f1, rouge1, rouge2, rougeL

entities = st.lists(
    st.tuples(st.integers(0, 5), st.integers(5, 9), st.sampled_from("DG")), max_size=6
)


def value(metric: Metric, *pairs: tuple[object, object]) -> float:
    return float(metric.value(np.array([metric.count(g, p) for g, p in pairs]).sum(axis=0)))


def test_accuracy_counts_what_cannot_be_read_as_wrong() -> None:
    assert value(accuracy, ("yes", "yes"), ("no", None), ("no", "yes"), ("no", "no")) == 0.5


def test_entity_f1_on_a_case_worked_by_hand() -> None:
    gold, found = [(0, 2, "D"), (5, 6, "D"), (8, 9, "D")], [(0, 2, "D"), (5, 7, "D")]
    # One right of two found and three in the gold: precision 1/2, recall 1/3, F1 2/5.
    assert value(entity_f1, (gold, found)) == pytest.approx(0.4)


def test_entity_f1_is_micro_averaged() -> None:
    one, two = ([(0, 1, "D")], [(0, 1, "D")]), ([(0, 1, "D")] * 3, [])
    assert value(entity_f1, one, two) == pytest.approx(2 * 1 / (4 + 1))


def test_entity_f1_of_nothing_to_find_and_nothing_found_is_zero_not_nan() -> None:
    assert value(entity_f1, ([], [])) == 0.0
    assert value(entity_f1, ([], None)) == 0.0


@given(st.lists(st.tuples(entities, entities), min_size=1, max_size=5))
def test_entity_f1_equals_precision_and_recall_by_brute_force(pairs: list) -> None:
    right = sum((Counter(g) & Counter(p)).total() for g, p in pairs)
    gold, found = sum(len(g) for g, _ in pairs), sum(len(p) for _, p in pairs)
    precision, recall = right / found if found else 0, right / gold if gold else 0
    both = precision + recall
    expected = 2 * precision * recall / both if both else 0
    assert value(entity_f1, *pairs) == pytest.approx(expected)


def test_rouge_is_that_of_the_reference_package() -> None:
    from rouge_score import rouge_scorer

    gold, found = "The patient denies fever and chills.", "Patient denies chills and fever."
    for kind, metric in (("rouge1", rouge1), ("rouge2", rouge2), ("rougeL", rougeL)):
        reference = rouge_scorer.RougeScorer([kind]).score(gold, found)[kind].fmeasure
        assert value(metric, (gold, found)) == pytest.approx(reference)
    assert value(rougeL, (gold, None)) == 0.0


def test_the_interval_of_an_accuracy_is_near_the_binomial_one() -> None:
    counts = np.array([[1.0, 1.0]] * 300 + [[0.0, 1.0]] * 200)
    found = interval(accuracy, counts)
    half = 1.96 * np.sqrt(0.6 * 0.4 / 500)
    assert found.value == pytest.approx(0.6)
    assert found.low == pytest.approx(0.6 - half, abs=0.005)
    assert found.high == pytest.approx(0.6 + half, abs=0.005)


def test_a_paired_difference_knows_that_the_items_are_the_same() -> None:
    random = np.random.default_rng(0)
    hard = random.random(400) < 0.5
    base = np.stack([hard.astype(float), np.ones(400)], axis=1)
    tuned = base.copy()
    tuned[np.flatnonzero(~hard)[:20], 0] = 1.0  # 20 of 400 more are right, none fewer
    found = difference(accuracy, base, tuned)
    assert found.value == pytest.approx(0.05)
    assert 0.02 < found.low < 0.05 < found.high < 0.08


def test_the_same_answers_differ_by_exactly_nothing() -> None:
    counts = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    found = difference(entity_f1, counts, counts)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_an_interval_is_the_same_every_time() -> None:
    counts = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    assert interval(accuracy, counts, seed=3) == interval(accuracy, counts, seed=3)


def test_different_items_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same items"):
        difference(accuracy, np.ones((3, 2)), np.ones((4, 2)))
