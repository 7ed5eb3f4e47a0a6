"""`similarity_join.join` compiled with numba, with the same decisions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from bioinstruct.filters.similarity_join import SCALE, prefixes, slack
from bioinstruct.filters.token_codes import Coded

__all__ = ["join"]

Integers = NDArray[np.int64]


@intrinsic
def _bits(context: Any, word: Any) -> Any:
    """Count the bits that are set in a 64-bit word."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


@njit(cache=True)
def _least(m: int, n: int, threshold: float) -> int:
    """Return `similarity.least_common` for one pair, with the same rounding."""
    short = min(m, n)
    near = np.floor(threshold * (m + n) / 2)
    for step in (-1, 0, 1, 2):
        common = max(near + step, 1.0)
        if common > short:
            break
        precision, recall = common / n, common / m
        if 2 * precision * recall / (precision + recall) > threshold:
            return int(common)
    return short + 1


@njit(cache=True)
def _common(words: Any, a: int, b: int, c: int, d: int, masks: Any, carries: Any) -> int:
    """Return the length of the longest common subsequence of words[a:b] and words[c:d].

    Works bit-parallel on 64 words of the first text at a time. `masks` holds the positions of each
    word among these 64 (all zero before and after), and `carries` the carry bit of the previous 64
    at each position of the second text.
    """
    one = np.uint64(1)
    carries[: d - c] = 0
    found = np.int64(0)
    for start in range(a, b, 64):
        stop = min(start + 64, b)
        for i in range(start, stop):
            masks[words[i]] |= one << np.uint64(i - start)
        v = ~np.uint64(0)
        for j in range(d - c):
            u = v & masks[words[c + j]]
            total = v + u
            carry = total < v
            total += carries[j]
            carries[j] = one if carry or total < carries[j] else np.uint64(0)
            v = total | (v - u)
        zeros = ~v
        if stop - start < 64:
            zeros &= (one << np.uint64(stop - start)) - one
        found += np.int64(_bits(zeros))
        for i in range(start, stop):
            masks[words[i]] = 0
    return int(found)


@njit(cache=True)
def _first(text: int, texts: Any, index: Any, table: Any, scratch: Any, threshold: float) -> Any:
    """Return the first kept text that this one repeats (or -1) and their LCS."""
    words, offsets, groups, sketches, wide, slacks = texts
    keys, places, starts, room = index
    used, kept, kept_places = table
    asked, masks, carries = scratch
    a, b = offsets[text], offsets[text + 1]
    first, found = np.int64(len(offsets)), np.int64(0)
    for entry in range(starts[text], starts[text + 1]):
        begin = room[keys[entry]]
        for x in range(begin, begin + used[keys[entry]]):
            other = np.int64(kept[x])
            if other >= first:
                break  # entries are in order, and an earlier text has been found
            apart = np.int64(_bits(sketches[text] ^ sketches[other])) * SCALE
            if apart > np.int64(slacks[text]) + np.int64(slacks[other]):
                continue
            if asked[other] == text or groups[text] != groups[other]:
                continue
            c, d = offsets[other], offsets[other + 1]
            least = _least(b - a, d - c, threshold)
            if places[entry] > b - a - least or kept_places[x] > d - c - least:
                continue
            asked[other] = text
            apart = np.int64(0)
            for lane in range(4):
                apart += np.int64(_bits(wide[text, lane] ^ wide[other, lane]))
            if apart > b - a + d - c - 2 * least:
                continue
            common = _common(words, a, b, c, d, masks, carries)
            if common >= least:
                first, found = other, common
    return (first, found) if found else (np.int64(-1), np.int64(0))


@njit(cache=True)
def _walk(texts: Any, index: Any, pool: int, threshold: float) -> Any:
    """Compare each text in order with the kept texts that share one of its rarest words."""
    words, offsets = texts[0], texts[1]
    keys, places, starts, room = index
    n = len(offsets) - 1
    cause, common = np.full(n, -1, np.int64), np.zeros(n, np.int64)
    used = np.zeros(len(room), np.int64)
    kept, kept_places = np.zeros(len(keys), np.int32), np.zeros(len(keys), np.int32)
    masks = np.zeros(words.max() + 1 if len(words) else 1, np.uint64)
    carries = np.zeros((offsets[1:] - offsets[:-1]).max() if n else 0, np.uint64)
    table = (used, kept, kept_places)
    scratch = (np.full(n, -1, np.int64), masks, carries)
    for text in range(n):
        if text >= pool:
            cause[text], common[text] = _first(text, texts, index, table, scratch, threshold)
        if cause[text] < 0:
            for entry in range(starts[text], starts[text + 1]):
                x = room[keys[entry]] + used[keys[entry]]
                kept[x], kept_places[x] = text, places[entry]
                used[keys[entry]] += 1
    return cause, common


def join(coded: Coded, *, pool: int, threshold: float) -> tuple[Integers, Integers]:
    """Return what `similarity_join.join` returns."""
    index = prefixes(coded, threshold)
    slacks = slack(coded.lengths, threshold)
    cause, common = _walk(
        (
            coded.words,
            coded.offsets,
            coded.groups,
            coded.sketches,
            coded.wide_sketches,
            slacks,
        ),
        (index.keys, index.places, index.starts, index.room),
        pool,
        threshold,
    )
    return cause, common
