from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioinstruct.llm.rate_limit import Limiter, Limits, Retries, retry_after


class Clock:
    """A time of its own, which jumps to the next who wakes when nobody has anything to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, woken))
        await woken

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        async def work() -> None:
            task = asyncio.ensure_future(main)
            while not task.done():
                for _ in range(20):
                    await asyncio.sleep(0)
                if self._sleepers and not task.done():
                    at, _, woken = heapq.heappop(self._sleepers)
                    self.now = max(self.now, at)
                    if not woken.done():  # cancelled while it slept
                        woken.set_result(None)
            task.result()

        asyncio.run(work())


def passages(
    limits: Limits,
    sizes: list[int],
    *,
    meanwhile: Callable[[Limiter, Clock], Coroutine[Any, Any, None]] | None = None,
    hold: float = 0.0,
) -> list[tuple[float, int, int]]:
    """When each request of these sizes passes: time, number, tokens."""
    clock = Clock()
    passed: list[tuple[float, int, int]] = []

    async def one(limiter: Limiter, number: int, tokens: int) -> None:
        async with limiter.slot(tokens):
            passed.append((clock.now, number, tokens))
            if hold:
                await clock.sleep(hold)

    async def main() -> None:
        limiter = Limiter(limits, clock=lambda: clock.now, sleep=clock.sleep)
        others = [meanwhile(limiter, clock)] if meanwhile else []
        await asyncio.gather(*(one(limiter, n, size) for n, size in enumerate(sizes)), *others)

    clock.run(main())
    return passed


def most_in_any_window(passed: list[tuple[float, int]], seconds: float) -> int:
    """By brute force: the most units in any window that begins with a passage."""
    return max(
        sum(units for at, units in passed if start <= at < start + seconds) for start, _ in passed
    )


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=40),
    per_minute=st.integers(1, 20) | st.none(),
    per_second=st.integers(1, 5) | st.none(),
    tokens=st.integers(50, 300) | st.none(),
)
def test_no_window_has_more_than_the_limits_and_everyone_passes_in_turn(
    sizes: list[int], per_minute: int | None, per_second: int | None, tokens: int | None
) -> None:
    limits = Limits(
        requests_per_minute=per_minute, requests_per_second=per_second, tokens_per_minute=tokens
    )
    passed = passages(limits, sizes)
    assert [number for _, number, _ in passed] == list(range(len(sizes)))
    each = [(at, 1) for at, _, _ in passed]
    assert most_in_any_window(each, 60) <= (per_minute or len(sizes))
    assert most_in_any_window(each, 1) <= (per_second or len(sizes))
    assert most_in_any_window([(at, n) for at, _, n in passed], 60) <= (tokens or sum(sizes))


@settings(deadline=None, max_examples=30)
@given(count=st.integers(1, 40), limit=st.integers(1, 7))
def test_no_time_is_wasted(count: int, limit: int) -> None:
    passed = passages(Limits(requests_per_minute=limit), [1] * count)
    assert passed[-1][0] == (count - 1) // limit * 60


def test_a_request_larger_than_a_minute_allows_passes_alone() -> None:
    passed = passages(Limits(tokens_per_minute=100), [10, 500, 10])
    assert [at for at, _, _ in passed] == [0, 60, 120]


def test_a_pause_holds_for_those_who_wait_already_and_those_who_come() -> None:
    async def meanwhile(limiter: Limiter, clock: Clock) -> None:
        await clock.sleep(1.5)
        limiter.pause(10)
        await clock.sleep(1)
        limiter.pause(2)  # a shorter one takes nothing back

    passed = passages(Limits(requests_per_second=1), [1] * 4, meanwhile=meanwhile)
    assert [at for at, _, _ in passed] == [0, 1, 11.5, 12.5]


def test_a_place_on_the_wire_is_held_until_the_request_ends() -> None:
    passed = passages(Limits(concurrency=2), [1] * 6, hold=5)
    assert [at for at, _, _ in passed] == [0, 0, 5, 5, 10, 10]


def test_who_is_cancelled_in_the_queue_holds_nobody_up() -> None:
    clock = Clock()

    async def main() -> None:
        limiter = Limiter(Limits(requests_per_second=1), clock=lambda: clock.now, sleep=clock.sleep)

        async def one() -> float:
            async with limiter.slot(1):
                return clock.now

        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[1].cancel()
        assert await tasks[0] == 0
        assert await tasks[2] == 1

    clock.run(main())


@given(st.integers(0, 100), st.integers(0, 2**32))
def test_a_delay_doubles_up_to_a_limit_and_is_never_less_than_half(attempt: int, seed: int) -> None:
    retries = Retries(first_delay=0.5, longest_delay=60)
    full = min(60.0, 0.5 * 2.0**attempt)
    assert full / 2 <= retries.delay(attempt, random.Random(seed)) <= full


NOW = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 10:01:30 GMT"}, 90),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0.5s"}, 360.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "9", "x-ratelimit-reset-tokens": "120ms"}, None),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "later"}, None),
    ],
)
def test_a_server_says_in_several_ways_how_long_to_wait(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, now=NOW) == pytest.approx(seconds)
