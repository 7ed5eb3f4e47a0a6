"""ROUGE-L as `rouge-score` computes it, turned into whole numbers that can be compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioinstruct.errors import BioinstructError

__all__ = ["check_threshold", "least_common", "prefix_length", "rouge_l"]


def rouge_l(common: int, m: int, n: int) -> float:
    """ROUGE-L F of texts of `m` and `n` words whose longest common subsequence has `common`.

    The order of operations is that of rouge-score, so that the float is the same to the last bit.
    """
    if not common:
        return 0.0
    precision, recall = common / n, common / m
    return 2 * precision * recall / (precision + recall)


def least_common(m: NDArray[np.int64], n: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """For each pair of lengths the least common subsequence whose F is above the threshold.

    Where none is, one more than the shorter length. The float decides ties as it does in
    rouge-score: at 0.7, 7 common words of 10 and 10 are not above it, 7 of 9 and 11 are.
    """
    short = np.minimum(m, n)
    near = np.floor(threshold * (m + n) / 2)
    least = short + 1
    for step in (2, 1, 0, -1):  # the least that passes is written last
        common = np.maximum(near + step, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision, recall = common / n, common / m
            above = 2 * precision * recall / (precision + recall) > threshold
        least = np.where(above & (common <= short), common.astype(np.int64), least)
    return least


def prefix_length(m: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """How many of a text's `m` words must be looked at to meet every near duplicate.

    A partner shares at least k words, where k is least when the partner is those k words alone.
    Two sets that share k of m words share one of the first m - k + 1 in any order of all words.
    """
    k = np.floor(threshold * m / (2 - threshold))
    least = m + 1
    for step in (2, 1, 0, -1):
        common = np.maximum(k + step, 1).astype(np.int64)
        enough = least_common(m, common, threshold) <= np.minimum(common, m)
        least = np.where(enough & (common <= m), common, least)
    return np.asarray(np.maximum(m - least + 1, 0), np.int64)


def check_threshold(threshold: float) -> float:
    """The threshold itself.

    Raises:
        BioinstructError: it is not a number from 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise BioinstructError(
            f"a threshold of {threshold} is not between 0 and 1",
            hint="Self-Instruct and Alpaca use 0.7; above it a text counts as a near duplicate",
        )
    return float(threshold)
