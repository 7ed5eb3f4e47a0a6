from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioinstruct.errors import BioinstructError, BudgetError, ProviderError
from bioinstruct.llm.pricing import Budget, Price
from bioinstruct.llm.rate_limit import Retries
from bioinstruct.llm.runner import Usage, ask, replay
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Request, Response
from tests.llm.asking import QUICK, ask_all, client_of, request, requests
from tests.llm.conftest import KEY
from tests.openai_server import PASSING, Server, Settings

ROOT = Path(__file__).parent.parent.parent
PRICE = Price(input=10, output=30)


class Teacher:
    """A client in memory, slow in a seeded way."""

    base_url = "http://teacher/v1"

    def __init__(self, *, seed: int = 0, most: float = 0.003) -> None:
        self.asked: list[Request] = []
        self.at_once = 0
        self.most_at_once = 0
        self._rng = random.Random(seed)
        self._most = most

    async def complete(self, request: Request) -> Response:
        self.asked.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self._rng.random() * self._most)
        self.at_once -= 1
        text = request.messages[0].content
        if "refuse" in text:
            return Failure(reason="content-filter", message="no")
        return Answer(
            text=text.upper(),
            finish_reason="stop",
            model="teacher",
            prompt_tokens=9,
            completion_tokens=9,
        )


def of_teacher(
    teacher: Teacher, path: Path, asked: list[Request], **options: object
) -> list[tuple[Request, Response]]:
    async def work() -> list[tuple[Request, Response]]:
        with Transcript.open(path, base_url=teacher.base_url) as transcript:
            async with aclosing(ask(asked, teacher, transcript, **options)) as outcomes:  # type: ignore[arg-type]
                return [pair async for pair in outcomes]

    return asyncio.run(work())


@settings(deadline=None, max_examples=15)
@given(count=st.integers(0, 60), concurrency=st.integers(1, 9), seed=st.integers(0, 99))
def test_outcomes_come_in_the_order_of_the_requests_never_too_many_at_once(
    count: int, concurrency: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    teacher = Teacher(seed=seed, most=0.001)
    path = tmp_path_factory.mktemp("ask") / "t.jsonl"
    pairs = of_teacher(teacher, path, requests(count), concurrency=concurrency)
    assert [one for one, _ in pairs] == requests(count)
    assert all(isinstance(outcome, Answer) for _, outcome in pairs)
    assert teacher.most_at_once <= concurrency
    assert len(teacher.asked) == count


def test_what_is_on_record_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    first = of_teacher(Teacher(), path, requests(5))
    teacher = Teacher()
    again = of_teacher(teacher, path, [*requests(8), *requests(8)])
    assert again[:5] == first
    assert sorted(one.key("") for one in teacher.asked) == sorted(
        request(n).key("") for n in (5, 6, 7)
    )
    with Transcript.read(path) as transcript:
        assert list(replay(requests(8), transcript)) == again[:8]
        assert list(replay(requests(9), transcript)) == again[:8]
        assert list(replay([request(99), *requests(8)], transcript)) == []


def test_the_same_request_twice_in_flight_is_asked_once(tmp_path: Path) -> None:
    teacher = Teacher()
    pairs = of_teacher(teacher, tmp_path / "t.jsonl", [request()] * 5)
    assert len(teacher.asked) == 1
    assert len({outcome for _, outcome in pairs}) == 1
    assert len(pairs) == 5


def test_one_failure_costs_its_neighbours_nothing_and_a_final_one_stays(tmp_path: Path) -> None:
    refused = replace(request(), messages=(replace(request().messages[0], content="refuse"),))
    asked = [request(1), refused, request(2)]
    path = tmp_path / "t.jsonl"
    kinds = [type(outcome) for _, outcome in of_teacher(Teacher(), path, asked)]
    assert kinds == [Answer, Failure, Answer]
    teacher = Teacher()
    of_teacher(teacher, path, asked)
    assert teacher.asked == []


def test_a_request_that_was_given_up_is_asked_again_by_the_next_run(
    server: Server, tmp_path: Path
) -> None:
    server.settings.script = deque(["500", "500"])
    path = tmp_path / "t.jsonl"
    few = {"retries": Retries(attempts=2, first_delay=0.001)}
    [(_, first)] = ask_all(server, path, [request()], client=few)
    assert isinstance(first, Failure)
    with Transcript.read(path) as transcript:
        assert list(replay([request()], transcript)) == [(request(), first)]
    [(_, second)] = ask_all(server, path, [request()], client=few)
    assert isinstance(second, Answer)


def test_requests_are_pulled_only_a_little_ahead(tmp_path: Path) -> None:
    pulled = 0

    def endless() -> Iterator[Request]:
        nonlocal pulled
        while True:
            yield request(pulled)
            pulled += 1

    async def work() -> None:
        teacher = Teacher()
        with Transcript.open(tmp_path / "t.jsonl", base_url=teacher.base_url) as transcript:
            async with aclosing(ask(endless(), teacher, transcript, concurrency=4)) as outcomes:
                number = 0
                async for _ in outcomes:
                    number += 1
                    assert pulled <= number + 8 * 4
                    if number == 50:
                        break
            assert len(transcript) == len(teacher.asked)

    asyncio.run(work())


def test_what_is_in_flight_when_the_consumer_leaves_is_recorded(
    server: Server, tmp_path: Path
) -> None:
    server.settings.latency = 0.1
    path = tmp_path / "t.jsonl"

    async def work() -> None:
        async with client_of(server) as client:
            with Transcript.open(path, base_url=client.base_url) as transcript:
                async with aclosing(ask(requests(99), client, transcript)) as outcomes:
                    async for _ in outcomes:
                        break

    asyncio.run(work())
    with Transcript.read(path) as transcript:
        recorded = {one.key(server.url) for one, _ in transcript}
    assert recorded == set(server.answered) == set(server.asked)
    assert len(recorded) >= 16


def test_leaving_waits_for_no_longer_than_was_said(server: Server, tmp_path: Path) -> None:
    server.settings.script = deque(["ok", *["hang"] * 15])
    begun = time.monotonic()

    async def work() -> None:
        async with client_of(server) as client:
            with Transcript.open(tmp_path / "t.jsonl", base_url=client.base_url) as transcript:
                asking = ask(requests(16), client, transcript, concurrency=4, drain=0.2)
                async with aclosing(asking) as outcomes:
                    async for _ in outcomes:
                        break

    asyncio.run(work())
    assert time.monotonic() - begun < 20  # the others hang for an hour


def test_a_transcript_of_another_endpoint_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        with Transcript.open(tmp_path / "t.jsonl", base_url="http://other/v1") as transcript:
            async for _ in ask(requests(1), Teacher(), transcript):
                pass

    with pytest.raises(BioinstructError, match="not of http://teacher/v1"):
        asyncio.run(work())


def test_a_bad_key_stops_all_and_leaves_no_key_anywhere(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.settings.key = "the-right-one"
    with pytest.raises(ProviderError) as caught:
        ask_all(server, tmp_path / "t.jsonl", requests(50))
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    out, err = capfd.readouterr()
    assert KEY not in out + err
    assert server.answered.total() == 0


def test_usage_says_where_the_run_stands(server: Server, tmp_path: Path) -> None:
    server.settings.script = deque(["429", "reset", "refusal", "usage-zero"])
    path = tmp_path / "t.jsonl"
    ask_all(server, path, requests(2), client={"retries": Retries(first_delay=0.3)})
    seen: list[Usage] = []
    server.settings.script = deque(["429", "reset", "refusal", "usage-zero"])
    at_most: list[int] = []

    def watch(usage: Usage) -> None:
        seen.append(usage)
        at_most.append(usage.in_flight)

    ask_all(server, path, requests(8), watch=watch, concurrency=2, budget=Budget(9, PRICE))
    usage = seen[-1]
    assert usage.on_record == 2
    assert usage.done + usage.failed.total() == 8
    assert usage.retried == {"http-429": 1, "connection": 1}
    assert usage.failed["refusal"] in {1, 2}
    assert usage.misreported >= 1
    assert max(at_most) == 2
    assert usage.in_flight == 0
    assert usage.reserved == 0
    assert 0 < usage.spent < 9
    assert usage.completion_tokens > 0


@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(part=st.floats(0.05, 1.2), seed=st.integers(0, 99))
def test_the_budget_holds_whatever_the_server_does_and_all_before_its_end_is_answered(
    server: Server, tmp_path_factory: pytest.TempPathFactory, part: float, seed: int
) -> None:
    asked = requests(20)
    usd = part * sum(Budget(9, PRICE).worst(one) for one in asked)
    server.settings = Settings(seed=seed, faults=0.3, hang=0.5)
    server.prompt_tokens = server.completion_tokens = 0
    path = tmp_path_factory.mktemp("budget") / "t.jsonl"
    got: list[Response] = []
    seen: list[float] = []
    short = False

    async def work() -> None:
        async with client_of(server, timeout=0.1) as client:
            with Transcript.open(path, base_url=client.base_url) as transcript:
                asking = ask(
                    asked,
                    client,
                    transcript,
                    budget=Budget(usd, PRICE),
                    watch=lambda usage: seen.append(usage.spent + usage.reserved),
                )
                async with aclosing(asking) as outcomes:
                    async for one, outcome in outcomes:
                        assert one == asked[len(got)]
                        got.append(outcome)

    try:
        asyncio.run(work())
    except BudgetError:
        short = True
    assert short or len(got) == 20
    assert max(seen, default=0) <= usd + 1e-9
    assert PRICE.cost(server.prompt_tokens, server.completion_tokens) <= usd
    with Transcript.read(path) as transcript:
        budget = Budget(usd, PRICE)
        budget.resume(transcript)
        assert budget.spent == pytest.approx(seen[-1] if seen else 0)


def test_a_larger_budget_goes_on_where_the_smaller_ended(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    worst = Budget(9, PRICE).worst(request())
    with pytest.raises(BudgetError, match="does not cover one more request") as caught:
        ask_all(server, path, requests(30), budget=Budget(worst * 3, PRICE))
    assert "a larger --budget" in caught.value.hint
    assert 3 <= server.answered.total() < 30
    pairs = ask_all(server, path, requests(30), budget=Budget(worst * 30, PRICE))
    assert len(pairs) == 30
    assert server.answered.total() == 30
    with pytest.raises(BudgetError):
        ask_all(server, path, requests(31), budget=Budget(0, PRICE))


KILLED = """
import asyncio, sys
from contextlib import aclosing
from pathlib import Path
from bioinstruct.llm.runner import ask
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.pricing import Budget, Price
from bioinstruct.llm.transcript import Transcript
from tests.llm.asking import QUICK, requests

async def main() -> None:
    async with OpenAIClient(base_url=sys.argv[1], retries=QUICK, timeout=20) as client:
        with Transcript.open(Path(sys.argv[2]), base_url=client.base_url) as transcript:
            budget = Budget(float(sys.argv[3]), Price(input=10, output=30))
            asking = ask(requests(int(sys.argv[4])), client, transcript, budget=budget)
            async with aclosing(asking) as outcomes:
                async for _ in outcomes:
                    print("one", flush=True)

asyncio.run(main())
"""


def started(
    server: Server, path: Path, *, count: int, usd: float = 9, until: int = 1
) -> subprocess.Popen[str]:
    """A process that asks, once it has had some outcomes."""
    environment = {"OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT), "PATH": ""}
    command = [sys.executable, "-c", KILLED, server.url, str(path), str(usd), str(count)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    for _ in range(until):
        process.stdout.readline()
    return process


@pytest.mark.peer
def test_a_killed_process_loses_no_answer_and_its_budget_still_holds(
    server: Server, tmp_path: Path
) -> None:
    server.settings.latency = 0.01
    path = tmp_path / "t.jsonl"
    for until in (1, 20):
        process = started(server, path, count=150, until=until)
        process.kill()
        process.communicate()
        time.sleep(0.1)  # what it had sent has arrived
        with Transcript.read(path) as transcript:
            kept = {one.key(server.url) for one, _ in transcript}
            flying = set(server.asked) - kept
            budget = Budget(9, PRICE)
            budget.resume(transcript)
            answers = [outcome for _, outcome in transcript if isinstance(outcome, Answer)]
        assert len(kept) >= until
        assert len(flying) <= 16
        answered = sum(PRICE.cost(a.prompt_tokens, a.completion_tokens) for a in answers)
        # Each that was in flight counts in full, also one that was not yet on the wire.
        assert budget.spent >= answered + len(flying) * budget.worst(request())
        before = {key: server.asked[key] for key in kept}
    process = started(server, path, count=150)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert {key: server.asked[key] for key in kept} == before
    with Transcript.read(path) as transcript:
        assert len(list(replay(requests(150), transcript))) == 150
    assert not list(tmp_path.glob("*.tmp"))


def test_ctrl_c_lets_what_is_on_the_wire_finish(server: Server, tmp_path: Path) -> None:
    server.settings.latency = 0.2
    path = tmp_path / "t.jsonl"
    process = started(server, path, count=150)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    with Transcript.read(path) as transcript:
        recorded = {one.key(server.url) for one, _ in transcript}
        budget = Budget(9, PRICE)
        budget.resume(transcript)
        answers = [outcome for _, outcome in transcript if isinstance(outcome, Answer)]
    assert recorded == set(server.answered) == set(server.asked)
    answered = sum(PRICE.cost(a.prompt_tokens, a.completion_tokens) for a in answers)
    assert budget.spent == pytest.approx(answered)  # nothing is thought lost


def test_with_a_third_of_attempts_failing_everything_is_answered_once(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calm = ask_all(server, tmp_path / "calm.jsonl", requests(150))
    server.settings = Settings(key=KEY, seed=3, faults=0.3, retry_after=0.02)
    server.asked.clear()
    server.answered.clear()
    server.faults.clear()
    wild = ask_all(
        server, tmp_path / "wild.jsonl", requests(150), client={"timeout": 0.6, "retries": QUICK}
    )
    texts = [[o.text for _, o in pairs if isinstance(o, Answer)] for pairs in (calm, wild)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 150
    assert set(server.answered.values()) == {1}
    assert set(PASSING) < set(server.faults)
    out, err = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert all(KEY.encode() not in content for content in [*written, out.encode(), err.encode()])


def test_the_server_runs_as_a_process_of_its_own_and_logs(tmp_path: Path) -> None:
    log = tmp_path / "server.jsonl"
    command = [sys.executable, "-m", "tests.openai_server", "--faults", "0.3", "--seed", "1",
               "--kinds", "429", "reset", "--log", str(log)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        nearby = Server()
        nearby.port = int(process.stdout.readline().rpartition(":")[2].removesuffix("/v1\n"))
        pairs = ask_all(nearby, tmp_path / "t.jsonl", requests(30))
        process.terminate()
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    answered = [event["key"] for event in events if event["event"] == "answered"]
    assert sorted(answered) == sorted(one.key(nearby.url) for one, _ in pairs)
    assert sum(event["event"] == "asked" for event in events) > 30


def test_when_the_money_at_the_provider_ends_what_was_answered_is_on_record(
    server: Server, tmp_path: Path
) -> None:
    server.settings.script = deque([*["ok"] * 9, *["429-quota"] * 99])
    path = tmp_path / "t.jsonl"
    with pytest.raises(ProviderError, match="exceeded your current quota"):
        ask_all(server, path, requests(50), concurrency=4, budget=Budget(9, PRICE))
    with Transcript.read(path) as transcript:
        assert {one.key(server.url) for one, _ in transcript} == set(server.answered)
        budget = Budget(9, PRICE)
        budget.resume(transcript)
        answers = [outcome for _, outcome in transcript if isinstance(outcome, Answer)]
    assert len(answers) == 9
    answered = sum(PRICE.cost(a.prompt_tokens, a.completion_tokens) for a in answers)
    assert budget.spent == pytest.approx(answered)  # what was refused is not charged


@pytest.mark.parametrize("kind", ["429", "429-after", "500", "hang", "reset", "half-json"])
def test_a_storm_of_one_kind_of_fault_passes(server: Server, tmp_path: Path, kind: str) -> None:
    server.settings = Settings(seed=1, faults=0.6, kinds=(kind,), retry_after=0.01)
    pairs = ask_all(
        server, tmp_path / "t.jsonl", requests(20), client={"timeout": 0.6, "retries": QUICK}
    )
    assert all(isinstance(outcome, Answer) for _, outcome in pairs)
    assert server.faults[kind] > 10
    assert set(server.answered.values()) == {1}
