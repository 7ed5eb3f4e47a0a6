from __future__ import annotations

import math

import numpy as np
import pytest
from rouge_score import scoring

from bioinstruct.errors import BioinstructError
from bioinstruct.filters.similarity import check_threshold, least_common, prefix_length, rouge_l

THRESHOLDS = [0.0, 0.1, 1 / 3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 1.0]


def published(common: int, m: int, n: int) -> float:
    """The float of rouge-score, from its own code."""
    return scoring.fmeasure(common / n, common / m)


def test_the_float_is_that_of_rouge_score_to_the_last_bit() -> None:
    for m in range(1, 61):
        for n in range(1, 61):
            for common in range(min(m, n) + 1):
                assert rouge_l(common, m, n) == published(common, m, n)


def test_the_whole_table_of_ties_is_decided_by_the_float() -> None:
    ties = [
        (m, n, 7 * (m + n) // 20)
        for m in range(1, 151)
        for n in range(1, 151)
        if 7 * (m + n) % 20 == 0 and 7 * (m + n) // 20 <= min(m, n)
    ]
    dropped = {tie for tie in ties if published(tie[2], tie[0], tie[1]) > 0.7}
    m, n, _ = np.array(ties).T
    assert dropped == {
        tie
        for tie, least in zip(ties, least_common(m, n, 0.7).tolist(), strict=True)
        if tie[2] >= least
    }
    assert {(9, 11, 7), (8, 12, 7), (7, 13, 7)} <= dropped
    assert (10, 10, 7) not in dropped
    assert (len(ties), len(dropped)) == (531, 272)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_least_common_is_the_first_that_passes(threshold: float) -> None:
    lengths = np.arange(1, 81)
    table = least_common(lengths[:, None], lengths[None, :], threshold)
    for m in range(1, 81):
        for n in range(1, 81):
            passing = (k for k in range(1, min(m, n) + 1) if published(k, m, n) > threshold)
            assert table[m - 1, n - 1] == next(passing, min(m, n) + 1)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_prefix_leaves_out_less_than_any_partner_must_share(threshold: float) -> None:
    lengths = np.arange(1, 81)
    table = least_common(lengths[:, None], np.arange(1, 401)[None, :], threshold)
    possible = table <= np.minimum(lengths[:, None], np.arange(1, 401)[None, :])
    fewest = np.where(possible, table, 10_000).min(axis=1)
    expected = np.where(possible.any(axis=1), lengths - fewest + 1, 0)
    assert prefix_length(lengths, threshold).tolist() == expected.tolist()


@pytest.mark.parametrize("threshold", [-0.1, 1.01, 70, math.nan, math.inf])
def test_a_threshold_is_from_0_to_1(threshold: float) -> None:
    with pytest.raises(BioinstructError, match="not between 0 and 1") as error:
        check_threshold(threshold)
    assert "0.7" in error.value.hint
