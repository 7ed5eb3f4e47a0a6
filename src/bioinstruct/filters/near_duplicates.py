"""The near-duplicate filter of Self-Instruct: drop a text that is too similar to a kept one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioinstruct.errors import MissingError, UnknownNameError
from bioinstruct.filters.content_words import subject
from bioinstruct.filters.index import Pool
from bioinstruct.filters.similarity import check_threshold, rouge_l
from bioinstruct.filters.similarity_join import join
from bioinstruct.filters.token_codes import TOKENIZERS, Coded, Coder

__all__ = ["Match", "NearDuplicates"]

COMPILED_FROM = 100_000  # texts; below this, compiling with numba takes longer than numpy


class Match(NamedTuple):
    """The kept text that a near duplicate repeats."""

    place: int
    """Position of the first such text among all texts seen, whether added or offered."""
    score: float
    """ROUGE-L F of the two, bit for bit that of rouge-score."""


class NearDuplicates:
    """Drop a text whose ROUGE-L F with any kept text exceeds the threshold.

    Makes the same decisions as Self-Instruct and Alpaca, whether texts come one by one (`offer`)
    or together (`offer_all`).
    """

    def __init__(
        self,
        threshold: float = 0.7,
        *,
        tokenizer: str = "self-instruct",
        same_subject: bool = False,
        compiled: bool | None = None,
    ) -> None:
        """Start without texts.

        Args:
            threshold: F above which a text is a near duplicate; at 1 nothing is.
            tokenizer: `self-instruct` (a-z and 0-9) or `unicode` (words of any script).
            same_subject: only drop a text for one with the same content words.
            compiled: whether `offer_all` uses numba. By default it does from 100,000 texts on,
                where compiling pays, if numba is installed. The decisions are the same.

        Raises:
            BioinstructError: the threshold is not from 0 to 1, or the tokenizer is unknown.
            MissingError: `compiled` is true and numba is not installed.
        """
        if tokenizer not in TOKENIZERS:
            raise UnknownNameError("tokenizer", tokenizer, TOKENIZERS)
        self.threshold = check_threshold(threshold)
        self._coder = Coder(TOKENIZERS[tokenizer], group=subject if same_subject else None)
        self._pool = Pool(self.threshold)
        self._seen = 0
        self._compiled = compiled
        if compiled:
            _compiled_join()

    def __len__(self) -> int:
        """Return the number of kept texts."""
        return len(self._pool)

    def add(self, texts: Iterable[str]) -> None:
        """Keep texts unconditionally, such as seeds or the texts of an earlier run."""
        coded = self._coder.encode(texts)
        self._keep(coded, np.arange(len(coded)))

    def find(self, text: str) -> Match | None:
        """Return the first kept text that this one repeats, or None, without keeping it."""
        return self._find(self._coder.encode([text]))

    def offer(self, text: str) -> Match | None:
        """Keep the text and return None, or drop it and return the text that it repeats."""
        coded = self._coder.encode([text])
        match = self._find(coded)
        self._keep(coded, np.arange(0 if match else 1))
        return match

    def offer_all(self, texts: Iterable[str]) -> list[Match | None]:
        """Return what `offer` would for each text in turn, in a fraction of the time."""
        coded = self._coder.encode(texts)
        matches = self._compare(coded)
        dropped = np.array([match is not None for match in matches], np.bool_)
        self._keep(coded, np.flatnonzero(~dropped))
        return matches

    def find_all(self, texts: Iterable[str]) -> list[Match | None]:
        """Return what `find` would for each text, in a fraction of the time."""
        return self._compare(self._coder.encode(texts), frozen=True)

    def _compare(self, coded: Coded, *, frozen: bool = False) -> list[Match | None]:
        pool = len(self._pool)
        together = self._pool.coded + coded
        if not frozen and self._use_compiled(len(together)):
            cause, common = _compiled_join()(together, pool=pool, threshold=self.threshold)
        else:
            cause, common = join(together, pool=pool, threshold=self.threshold, frozen=frozen)
        lengths = together.lengths.tolist()
        places = [*self._pool.places.tolist(), *range(self._seen, self._seen + len(coded))]
        pairs = zip(
            range(pool, len(together)), cause[pool:].tolist(), common[pool:].tolist(), strict=True
        )
        return [
            Match(places[other], rouge_l(shared, lengths[row], lengths[other]))
            if other >= 0
            else None
            for row, other, shared in pairs
        ]

    def _use_compiled(self, texts: int) -> bool:
        if self._compiled is None:
            return texts >= COMPILED_FROM and importlib.util.find_spec("numba") is not None
        return self._compiled

    def _find(self, coded: Coded) -> Match | None:
        nearest = self._pool.find(coded)
        if nearest is None:
            return None
        row, common = nearest
        score = rouge_l(common, len(coded.words), int(self._pool.lengths[row]))
        return Match(int(self._pool.places[row]), score)

    def _keep(self, coded: Coded, rows: NDArray[np.int64]) -> None:
        """Keep some of the texts and count all of them as seen."""
        kept = coded if len(rows) == len(coded) else coded.take(rows)
        self._pool.extend(kept, self._seen + rows)
        self._seen += len(coded)


def _compiled_join() -> Callable[..., tuple[NDArray[np.int64], NDArray[np.int64]]]:
    try:
        from bioinstruct.filters import similarity_join_numba
    except ImportError as error:
        raise MissingError(
            "numba is not installed",
            hint="pip install 'bioinstruct[fast]', or leave `compiled` out",
        ) from error
    return similarity_join_numba.join
