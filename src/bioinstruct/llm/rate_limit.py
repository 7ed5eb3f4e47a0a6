"""A rate limiter for all requests in flight, and the retry policy."""

from __future__ import annotations

import asyncio
import math
import random
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["Limiter", "Limits", "Retries", "retry_after"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Rate limits of a provider; None means no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """Prompt tokens and `max_tokens` together, as providers count them."""
    requests_per_second: int | None = None
    concurrency: int | None = None
    """Maximum number of requests in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Retry policy of a request."""

    attempts: int = 12
    seconds: float = 1800
    """Start no further attempt this many seconds after the first."""
    first_delay: float = 0.5
    """Seconds; doubles with each attempt, minus a random part of up to half."""
    longest_delay: float = 60
    in_a_row: int = 3
    """Stop the run if this many requests in a row exhaust their retries: the server is down."""

    def delay(self, attempt: int, rng: random.Random) -> float:
        """Return the seconds to wait after a failed attempt, counted from 0."""
        full = min(self.longest_delay, self.first_delay * 2.0 ** min(attempt, 30))
        return full * rng.uniform(0.5, 1)


class _Window:
    """At most `limit` units in any window of `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._entries: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, units: int, now: float) -> float:
        """Return the seconds until `units` may pass; more units than the limit pass alone."""
        while self._entries and self._entries[0][0] + self._seconds <= now:
            self._sum -= self._entries.popleft()[1]
        room = self._limit - self._sum
        if units <= room or not self._entries:
            return 0
        for at, used in self._entries:
            room += used
            if units <= room:
                return at + self._seconds - now
        return self._entries[-1][0] + self._seconds - now

    def enter(self, units: int, now: float) -> None:
        self._entries.append((now, units))
        self._sum += units


class Limiter:
    """Let requests through in order, within the limits.

    The limits hold for every window of a minute or second, wherever it starts. A request with
    more tokens than a minute allows waits for an empty minute and passes alone.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits = limits = limits or Limits()
        sizes = ((limits.requests_per_minute, 60.0), (limits.requests_per_second, 1.0))
        self._requests = [_Window(size, seconds) for size, seconds in sizes if size]
        tokens = limits.tokens_per_minute
        self._tokens = [_Window(tokens, 60.0)] if tokens else []
        self._clock = clock
        self._sleep = sleep
        self._open_at = -math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()
        self._places: asyncio.Semaphore | None = None

    @asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[None]:
        """Wait for the turn of a request of `tokens` tokens, and hold a slot until it ends."""
        self._settle_here()
        async with self._places or nullcontext():
            async with self._turn:
                while (seconds := self._wait(tokens)) > 0:
                    await self._sleep(seconds)
                now = self._clock()
                for window in self._requests:
                    window.enter(1, now)
                for window in self._tokens:
                    window.enter(tokens, now)
            yield

    def _settle_here(self) -> None:
        """Create the queues for the current event loop; past requests count in a new one too."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._loop = loop
            self._turn = asyncio.Lock()  # fair: first come, first served
            places = self._limits.concurrency
            self._places = asyncio.Semaphore(places) if places else None

    def pause(self, seconds: float) -> None:
        """Let nothing through for some seconds, at the server's request."""
        self._open_at = max(self._open_at, self._clock() + seconds)

    def _wait(self, tokens: int) -> float:
        now = self._clock()
        waits = [self._open_at - now, *(window.wait(1, now) for window in self._requests)]
        return max(*waits, *(window.wait(tokens, now) for window in self._tokens), 0)


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the wait in seconds that the headers of an error ask for, or None.

    `Retry-After` is a number of seconds or an HTTP date (RFC 9110, 10.2.3); `retry-after-ms` is
    OpenAI's and more exact; `x-ratelimit-reset-*`, such as `6m0.5s`, counts if a quota is used up.
    """
    if (number := _number(headers.get("retry-after-ms"))) is not None:
        return number / 1000
    said = headers.get("retry-after")
    if (number := _number(said)) is not None:
        return number
    if said:
        try:
            then = parsedate_to_datetime(said)
        except ValueError:
            return None
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        return max(0.0, (then - (now or datetime.now(UTC))).total_seconds())
    empty = [k for k in ("requests", "tokens") if headers.get(f"x-ratelimit-remaining-{k}") == "0"]
    resets = [_duration(headers.get(f"x-ratelimit-reset-{kind}", "")) for kind in empty]
    return max((reset for reset in resets if reset is not None), default=None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < math.inf else None


def _duration(text: str) -> float | None:
    """Parse `120ms`, `6m0s` or a plain number of seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return _number(text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
