"""Bags of words under a linear classifier: what labels, relations and inference need no model for.

Fitted by scikit-learn with fixed settings, so that the same texts give the same answers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from typing import Any

from bioinstruct.text import unicode_words

__all__ = ["classify", "classify_sets", "options_only", "overlap"]

_PART = re.compile(r"^\w[\w ]{0,20}: ")
_MOST = 20_000  # training texts: a linear classifier learns little from more


def _tokens(text: str) -> list[str]:
    """Return the words of a text; of its named lines also each with the name of its line.

    A text of two named lines, such as two questions, also has how many words they share.
    """
    found = unicode_words(text)
    named = [line for line in text.split("\n") if _PART.match(line)]
    for line in named:
        name, _, rest = line.partition(": ")
        found += [f"{name.casefold()}={word}" for word in unicode_words(rest)]
    if len(named) == 2:
        found.append(f"shared={round(5 * overlap(*(n.partition(': ')[2] for n in named)))}")
    return found


def overlap(one: str, other: str) -> float:
    """Return the share of words that two texts have in common, 0 to 1 (Dice)."""
    first, second = set(unicode_words(one)), set(unicode_words(other))
    return 2 * len(first & second) / max(1, len(first) + len(second))


def _vectors(training: Sequence[str], asked: Sequence[str]) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=_grams, min_df=2 if len(training) > 200 else 1, sublinear_tf=True
    )
    return vectorizer.fit_transform(training), vectorizer.transform(asked)


def _grams(text: str) -> list[str]:
    """Return single words and pairs of neighbours."""
    found = _tokens(text)
    plain = unicode_words(text)
    return [*found, *map(" ".join, itertools.pairwise(plain))]


def _fit(vectors: Any, answers: Any) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=0.5, class_weight="balanced", random_state=0).fit(vectors, answers)


def classify(training: Sequence[str], answers: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the label of each text by a linear classifier of the training texts."""
    training, answers = training[:_MOST], answers[:_MOST]
    if len(set(answers)) < 2 or not any(map(unicode_words, training)):
        return [max(sorted(set(answers)), key=list(answers).count)] * len(asked)
    fitted, given = _vectors(training, asked)
    return [str(label) for label in _fit(fitted, list(answers)).predict(given)]


def classify_sets(
    training: Sequence[str], answers: Sequence[Collection[str]], asked: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return the labels of each text, each label by a classifier of its own."""
    training, answers = training[:_MOST], answers[:_MOST]
    fitted, given = _vectors(training, asked)
    found: list[list[str]] = [[] for _ in asked]
    for label in sorted({label for some in answers for label in some}):
        there = [label in some for some in answers]
        has = there[:1] * len(asked) if all(there) else _fit(fitted, there).predict(given)
        for some, yes in zip(found, has, strict=True):
            if yes:
                some.append(label)
    return [tuple(some) for some in found]


def options_only(
    training: Sequence[Sequence[str]], right: Sequence[int], asked: Sequence[Sequence[str]]
) -> list[int]:
    """Return for each question the place of the option that looks right, the question unseen."""
    texts, there = [], []
    for options, place in zip(training, right, strict=True):
        texts += [_described(options, i) for i in range(len(options))]
        there += [i == place for i in range(len(options))]
    fitted, given = _vectors(
        texts, [_described(options, i) for options in asked for i in range(len(options))]
    )
    scores = iter(_fit(fitted, there).decision_function(given))
    found = []
    for options in asked:
        own = [next(scores) for _ in options]
        found.append(own.index(max(own)))
    return found


def _described(options: Sequence[str], place: int) -> str:
    """Return an option with what its form gives away: its place, and how long it is of all."""
    lengths = sorted((len(option) for option in options), reverse=True)
    return f"{options[place]} rankoflength{lengths.index(len(options[place]))} place{place}"
