"""Which line of an answer stands for which word, when the answer should have a line for each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

__all__ = ["lines_of_words"]


def lines_of_words(words: Sequence[str], tokens: Sequence[str]) -> list[int | None]:
    """For each word the position of the token that stands for it, None where none does.

    Words and tokens are laid side by side with the fewest edits, so that a token too many, too few
    or misspelt moves nothing that comes after it; tokens after the last word cost nothing. Between
    two places of agreement, other tokens stand for the words there if there are as many of one as
    of the other; if not, nobody can tell which is meant, and they stand for nothing.
    """
    # With more than one superfluous token a word, leaving out all words would be fewer edits.
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
    """Pairs of word and token by the fewest edits, and how many tokens the words take up.

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
    """Edits from the first j tokens to the first i words, at [i][j]."""
    costs = [list(range(len(tokens) + 1))]
    for word in words:
        above, row = costs[-1], [costs[-1][0] + 1]
        for j, token in enumerate(tokens):
            row.append(min(above[j] + (word != token), above[j + 1] + 1, row[j] + 1))
        costs.append(row)
    return costs
