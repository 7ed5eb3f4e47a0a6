"""Align the lines of an answer with the words of a sentence."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = ["lines_of_words"]


def lines_of_words(words: Sequence[str], tokens: Sequence[str]) -> list[int | None]:
    """Map each word to the index of its token, or None.

    Words and tokens are aligned by the fewest edits, so that an extra, missing or misspelt token
    does not shift later ones; tokens after the last word cost nothing. Between two matches, other
    tokens map to the words in order if there are as many tokens as words; otherwise the
    alignment is ambiguous, and they map to none.
    """
    # With more than one extra token per word, deleting all words would be fewer edits.
    tokens = tokens[: 2 * len(words)]
    pairs, end = _align(words, tokens)
    agreed = [(-1, -1), *((i, j) for i, j in pairs if words[i] == tokens[j]), (len(words), end)]
    found: list[int | None] = [None] * (len(words) + 1)
    for (word, token), (next_word, next_token) in itertools.pairwise(agreed):
        if next_word - word == next_token - token:
            found[word + 1 : next_word] = range(token + 1, next_token)
        found[next_word] = next_token
    return found[:-1]


def _align(words: Sequence[str], tokens: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Return pairs of word and token by the fewest edits, and the number of tokens used.

    Among equally good alignments a token goes to the earliest word, as in an answer cut short.
    """
    together = zip(words, tokens, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], together))
    costs = _costs(words[same:], tokens[same:])
    i = len(words) - same
    j = end = max(range(len(costs[i])), key=lambda j: (-costs[i][j], j))
    backwards = []
    while i and j:
        if costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
        elif costs[i][j] == costs[i][j - 1] + 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            backwards.append((same + i, same + j))
    return [*((k, k) for k in range(same)), *reversed(backwards)], same + end


def _costs(words: Sequence[str], tokens: Sequence[str]) -> list[list[int]]:
    """Return the edit distance of the first i words and the first j tokens, at [i][j]."""
    costs = [list(range(len(tokens) + 1))]
    for word in words:
        above, row = costs[-1], [costs[-1][0] + 1]
        for j, token in enumerate(tokens):
            row.append(min(above[j] + (word != token), above[j + 1] + 1, row[j] + 1))
        costs.append(row)
    return costs
