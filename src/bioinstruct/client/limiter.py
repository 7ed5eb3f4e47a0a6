"""One limiter for all requests in flight: how many, how fast, and when to wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

__all__ = ["Limiter", "Limits", "Retries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a provider allows; None is no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """Prompt tokens and `max_tokens` together, as providers count them."""
    requests_per_second: int | None = None
    concurrency: int | None = None
    """Requests on the wire at once, whoever asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How long one request is tried."""

    attempts: int = 12
    seconds: float = 1800
    """No further attempt is begun later than this after the first."""
    first_delay: float = 0.5
    """Seconds; doubled with each attempt, and a random part of it is taken off."""
    longest_delay: float = 60


class Limiter:
    """Lets requests through in the order in which they came, never more than the limits."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        raise NotImplementedError

    def slot(self, tokens: int) -> AbstractAsyncContextManager[None]:
        """Wait for the turn of a request of so many tokens, and hold it while it is on the wire."""
        raise NotImplementedError

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long: a server has asked for it."""
        raise NotImplementedError
