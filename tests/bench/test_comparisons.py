"""Paired tests by document: against scipy's tests, and by what they must not find."""

from __future__ import annotations

import numpy as np
import pytest

from bioinstruct.bench.metrics import accuracy, entity_f1
from bioinstruct.bench.metrics.comparisons import (
    FEWEST,
    compare,
    compare_means,
    detectable,
    holm,
    verdicts,
)
from bioinstruct.bench.metrics.intervals import Part


def right(values: np.ndarray) -> np.ndarray:
    return np.stack([values.astype(float), np.ones(len(values))], axis=1)


def test_the_test_of_few_documents_is_exact() -> None:
    from scipy.stats import permutation_test

    random = np.random.default_rng(0)
    one, other = random.normal(size=11), random.normal(0.6, size=11)
    peer = permutation_test(
        (other, one), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf
    )
    assert compare(accuracy, right(one), right(other)).p == pytest.approx(peer.pvalue)


def test_the_test_of_many_items_is_near_the_sign_test() -> None:
    from scipy.stats import binomtest

    base = np.array([1] * 100 + [0] * 100)
    tuned = base.copy()
    tuned[95:120] = 1 - tuned[95:120]  # 5 lost, 20 won
    found = compare(accuracy, right(base), right(tuned))
    assert found.p == pytest.approx(binomtest(5, 25).pvalue, abs=0.003)
    assert found.difference.value == pytest.approx(15 / 200)


def test_items_of_one_document_do_not_make_a_difference_surer() -> None:
    random = np.random.default_rng(1)
    base, tuned = (random.random(40) < share for share in (0.4, 0.6))
    documents = [number for number in range(40) for _ in range(8)]
    alone = compare(accuracy, right(base), right(tuned))
    copied = compare(accuracy, right(np.repeat(base, 8)), right(np.repeat(tuned, 8)), documents)
    assert (copied.p, copied.documents) == (alone.p, 40)
    assert copied.detectable == pytest.approx(alone.detectable)


def test_two_systems_that_are_alike_are_seldom_told_apart() -> None:
    random = np.random.default_rng(2)
    ps = []
    for study in range(200):
        sizes = random.integers(1, 9, 30)
        gold = np.repeat(random.integers(1, 4, 30), sizes).astype(float)
        documents = np.repeat(np.arange(30), sizes).tolist()
        hard = np.repeat(random.beta(1, 1, 30), sizes)
        systems = [np.stack([random.binomial(1, hard) * gold, gold, gold], axis=1) for _ in "ab"]
        ps.append(compare(entity_f1, *systems, documents, seed=study).p)
    assert 0.1 < np.mean(np.array(ps) <= 0.2) < 0.3


def test_the_detectable_difference_of_a_mean_is_that_of_the_textbook() -> None:
    change = np.random.default_rng(0).normal(size=400)
    base, tuned = right(np.zeros(400)), right(change)
    expected = (1.966 + 0.843) * change.std(ddof=1) / 20  # t of 399
    assert detectable(accuracy, base, tuned) == pytest.approx(expected, rel=0.01)


def test_equal_answers_show_no_difference_and_what_could_have_been_missed() -> None:
    same = right(np.array([1, 0] * 50))
    found = compare(accuracy, same, same)
    assert found.p == 1.0
    assert found.detectable == pytest.approx(1 - 0.025**0.01)
    assert found.difference.low < 0 < found.difference.high


@pytest.mark.parametrize(
    ("ps", "corrected"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
    ],
)
def test_holm(ps: list[float], corrected: list[float]) -> None:
    assert holm(ps) == pytest.approx(corrected)


def test_no_verdict_is_given_on_few_documents_and_they_do_not_count_among_the_tests() -> None:
    few = compare(accuracy, right(np.zeros(FEWEST - 1)), right(np.ones(FEWEST - 1)))
    many = compare(accuracy, right(np.zeros(FEWEST)), right(np.ones(FEWEST)))
    lost = compare(accuracy, right(np.ones(50)), right(np.zeros(50)))
    same = compare(accuracy, right(np.ones(50)), right(np.ones(50)))
    found = verdicts([few, many, lost, same])
    assert [v.words for v in found] == [
        "too few documents (9 of 10)",
        "better",
        "worse",
        "not shown",
    ]
    assert found[0].p is None
    assert found[1].p == pytest.approx(min(1.0, 2 * many.p))  # of three tests the second


@pytest.mark.peer
def test_holm_is_that_of_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    ps = np.random.default_rng(0).random(50) ** 4
    assert holm(ps.tolist()) == pytest.approx(multitest.multipletests(ps, method="holm")[1])


def test_the_test_of_a_mean_of_one_task_is_that_of_the_task() -> None:
    random = np.random.default_rng(5)
    base, tuned = (right(random.random(60) < share) for share in (0.4, 0.6))
    alone = compare(accuracy, base, tuned)
    found = compare_means([Part(accuracy, base)], [Part(accuracy, tuned)])
    assert found.difference == alone.difference
    assert found.p == pytest.approx(alone.p, abs=0.01)
    assert (found.detectable, found.documents) == (alone.detectable, 60)


def test_the_test_of_a_mean_of_tasks_is_near_the_exact_one() -> None:
    """Oracle: every assignment of the documents of two tasks, by brute force."""
    random = np.random.default_rng(6)
    tasks = [[random.integers(0, 2, 7) for _ in range(2)] for _ in range(2)]
    tasks[0][1][:5] = 1
    parts = [[Part(accuracy, right(task[which])) for task in tasks] for which in (0, 1)]
    changes = np.concatenate([(task[1] - task[0]) / 7 / 2 for task in tasks])
    signs = 1 - 2 * ((np.arange(2**14)[:, None] >> np.arange(14)) & 1)
    exact = np.mean(np.abs(signs @ changes) >= abs(changes.sum()) - 1e-12)
    assert compare_means(*parts).p == pytest.approx(exact, abs=0.015)
