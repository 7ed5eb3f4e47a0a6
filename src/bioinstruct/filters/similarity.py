"""ROUGE-L as `rouge-score` computes it, and the integer bounds that follow from a threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioinstruct.errors import BioinstructError

__all__ = ["check_threshold", "least_common", "prefix_length", "rouge_l"]


def rouge_l(common: int, m: int, n: int) -> float:
    """Return the ROUGE-L F of texts of `m` and `n` words with an LCS of `common` words.

    Follows the order of operations of rouge-score, so that the floats are bit-identical.
    """
    if not common:
        return 0.0
    precision, recall = common / n, common / m
    return 2 * precision * recall / (precision + recall)


def least_common(m: NDArray[np.int64], n: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """Return, for each pair of lengths, the shortest LCS whose F is above the threshold.

    If there is none, returns one more than the shorter length. Rounding decides ties as in
    rouge-score: at 0.7, 7 common words of 10 and 10 are not above it, but 7 of 9 and 11 are.
    """
    short = np.minimum(m, n)
    near = np.floor(threshold * (m + n) / 2)
    least = short + 1
    for step in (2, 1, 0, -1):  # the smallest that passes is written last
        common = np.maximum(near + step, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision, recall = common / n, common / m
            above = 2 * precision * recall / (precision + recall) > threshold
        least = np.where(above & (common <= short), common.astype(np.int64), least)
    return least


def prefix_length(m: NDArray[np.int64], threshold: float) -> NDArray[np.int64]:
    """Return how many words of a text of `m` words to index so as to find every near duplicate.

    A near duplicate shares at least k words, and k is smallest if it consists of just those. Two
    texts that share k of m words share one of the first m - k + 1, in any fixed order of words.
    """
    k = np.floor(threshold * m / (2 - threshold))
    least = m + 1
    for step in (2, 1, 0, -1):
        common = np.maximum(k + step, 1).astype(np.int64)
        enough = least_common(m, common, threshold) <= np.minimum(common, m)
        least = np.where(enough & (common <= m), common, least)
    return np.asarray(np.maximum(m - least + 1, 0), np.int64)


def check_threshold(threshold: float) -> float:
    """Return the threshold as a float.

    Raises:
        BioinstructError: the threshold is not from 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise BioinstructError(
            f"a threshold of {threshold} is not between 0 and 1",
            hint="a text above it counts as a near duplicate; Self-Instruct and Alpaca use 0.7",
        )
    return float(threshold)
