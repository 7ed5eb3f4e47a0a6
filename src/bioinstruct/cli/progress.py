"""Progress and summary of a generation run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bioinstruct.console import Line

if TYPE_CHECKING:
    from bioinstruct.generation import Progress, Tally
    from bioinstruct.llm.pricing import Price
    from bioinstruct.llm.runner import Usage

__all__ = ["GenerationLine", "money", "summary"]

_EVERY = 0.25  # seconds between updates of the line


class GenerationLine:
    """Progress line: accepted and wanted, acceptance rate, tokens, cost so far, time left."""

    def __init__(self, price: Price | None) -> None:
        self._price = price
        self._line = Line()
        self._shown = 0.0
        self._began: tuple[float, int] | None = None  # start time, and number accepted by then

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        tally, usage = progress.tally, progress.usage
        if self._began is None and usage is not None and usage.done > usage.on_record:
            self._began = now, tally.accepted
        if now - self._shown < _EVERY:
            return
        self._shown = now
        parts = [
            f"{tally.accepted:,}/{tally.wanted:,} accepted ({tally.acceptance:.0%})",
            *_asked(tally, usage),
            f"{_short(tally.prompt_tokens + tally.completion_tokens)} tokens",
            *self._money(tally, usage),
            *self._left(tally, now),
        ]
        self._line.show(" · ".join(parts))

    def close(self) -> None:
        """Clear the line."""
        self._line.show("")

    def _money(self, tally: Tally, usage: Usage | None) -> list[str]:
        if self._price is None:
            return []
        spent = self._price.cost(tally.prompt_tokens, tally.completion_tokens)
        if usage is not None:
            spent = max(spent, usage.spent)  # includes requests that failed
        if not tally.accepted:
            return [money(spent)]
        return [f"{money(spent)} of {money(spent / tally.accepted * tally.wanted)} expected"]

    def _left(self, tally: Tally, now: float) -> list[str]:
        if self._began is None or tally.accepted <= self._began[1]:
            return []
        since, before = self._began
        seconds = (tally.wanted - tally.accepted) * (now - since) / (tally.accepted - before)
        return [f"{_duration(seconds)} left"]


def summary(tally: Tally) -> list[str]:
    """Return the numbers of tasks accepted and rejected, with reasons, one line each."""
    answered = tally.requests - tally.failed
    lines = [
        f"{tally.accepted + tally.rejected:,} tasks in {answered:,} answers, "
        f"{tally.acceptance:.1%} accepted"
    ]
    lines += [f"  {reason:28} {count:>9,}" for reason, count in tally.reasons.most_common()]
    return lines


def money(usd: float) -> str:
    """Format US dollars, with fewer decimals for larger amounts."""
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:,.2f}" if usd >= 0.1 else f"${usd:.4f}"


def _asked(tally: Tally, usage: Usage | None) -> list[str]:
    parts = [f"{tally.requests:,} answers"]
    if usage is not None and usage.retried:
        parts.append(f"{usage.retried.total():,} retries")
    if tally.failed:
        parts.append(f"{tally.failed:,} failed")
    if usage is not None and usage.batches:
        parts.append(usage.batches)
    return [", ".join(parts)]


def _short(number: int) -> str:
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.0f} k" if number < 1e6 else f"{number / 1e6:.2f} M"


def _duration(seconds: float) -> str:
    minutes, remainder = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {remainder:02} s"
