from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from bioinstruct.errors import BudgetError, ProviderError, SchemaUnsupportedError
from bioinstruct.llm.batch_runner import Batching, ask_in_batches
from bioinstruct.llm.pricing import Budget, Price
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Request, Response
from tests.batch_server import Batches
from tests.llm.asking import ask_all, client_of, request, requests
from tests.llm.conftest import KEY
from tests.openai_server import Server

QUICK = Batching(first_poll=0.001, longest_poll=0.004, doubt=0.01)
PRICE = Price(input=30, output=60, batch=0.5)


@pytest.fixture
def batches(server: Server) -> Batches:
    server.settings.key = KEY
    return Batches(server)


def quick(**changes: Any) -> Batching:
    settings = {"first_poll": 0.001, "longest_poll": 0.004, "doubt": 0.01}
    return Batching(**{**settings, **changes})


def ask_batches(
    server: Server, path: Path, asked: Iterable[Request], **settings: Any
) -> list[tuple[Request, Response]]:
    """All outcomes; what stops the run is raised after what it yielded was put into `seen`."""
    seen: list[tuple[Request, Response]] = settings.pop("seen", [])
    settings.setdefault("batching", QUICK)

    async def work() -> None:
        async with client_of(server) as client:
            with Transcript.open(path, base_url=client.base_url) as transcript:
                async with aclosing(
                    ask_in_batches(asked, client, transcript, **settings)
                ) as outcomes:
                    async for pair in outcomes:
                        seen.append(pair)

    asyncio.run(work())
    return seen


def test_outcomes_are_those_of_asking_one_by_one_in_the_same_order(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    asked = [request(n, sample=n % 2) for n in range(20)] + requests(5)
    asked += [request(3)]
    one_by_one = ask_all(server, tmp_path / "one.jsonl", asked)
    together = ask_batches(server, tmp_path / "all.jsonl", asked)
    assert together == one_by_one
    assert [one for one, _ in together] == asked
    assert batches.sizes == [len(set(asked))]
    before = len(batches.made)
    assert ask_batches(server, tmp_path / "all.jsonl", asked) == one_by_one
    assert len(batches.made) == before, "what is on record is not asked again"
    with Transcript.read(tmp_path / "all.jsonl") as transcript:
        rows = list(transcript.history())
    assert {row["batch"] for row in rows if row["kind"] == "answer"} == {"batch_0"}
    assert KEY not in (tmp_path / "all.jsonl").read_text(encoding="utf-8")


def test_limits_of_a_batch_make_several(server: Server, batches: Batches, tmp_path: Path) -> None:
    ask_batches(server, tmp_path / "a.jsonl", requests(25), batching=quick(requests=10))
    assert batches.sizes == [10, 10, 5]
    batches.files.clear()
    ask_batches(server, tmp_path / "b.jsonl", requests(25), batching=quick(bytes=2000))
    sent = [content for content in batches.files.values() if b"method" in content]
    assert all(1600 < len(content) <= 2000 for content in sent[:-1])
    assert set(batches.paid.values()) == {2}, "once for each transcript"


@pytest.mark.parametrize("expire", [False, True])
def test_lines_that_fail_or_expire_are_put_into_another_batch(
    expire: bool, server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.failing, batches.expire = 0.3, expire
    outcomes = ask_batches(
        server, tmp_path / "t.jsonl", requests(60), batching=quick(submissions=20)
    )
    assert all(isinstance(outcome, Answer) for _, outcome in outcomes)
    assert len(batches.made) > 1
    assert batches.sizes[1] < 40
    assert set(batches.paid.values()) == {1}


def test_a_request_that_is_never_answered_is_given_up_and_asked_again_by_the_next_run(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    asked = requests(20)
    batches.failing = 0.75
    outcomes = ask_batches(server, tmp_path / "t.jsonl", asked, batching=quick(submissions=3))
    failures = [o for _, o in outcomes if isinstance(o, Failure)]
    assert 0 < len(failures) < 20
    assert {failure.reason for failure in failures} == {"retries-exhausted"}
    assert "3 batches, the last: http-500, a 500 in a batch" in failures[0].message
    batches.failing = 0
    outcomes = ask_batches(server, tmp_path / "t.jsonl", asked)
    assert all(isinstance(outcome, Answer) for _, outcome in outcomes)
    assert set(batches.paid.values()) == {1}


def test_a_provider_that_answers_nothing_ends_the_run(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.failing = 1
    with pytest.raises(ProviderError, match="no answer in 4 batches: a 500 in a batch"):
        ask_batches(server, tmp_path / "t.jsonl", requests(5))
    assert batches.sizes == [5, 5, 5, 5]


def test_lines_that_are_in_no_file_are_asked_again(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.script.append("silent")
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(4))) == 4
    assert batches.sizes == [4, 4]


def test_a_refused_line_is_final_and_its_neighbours_are_answered(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    bad = Request(model="teacher", messages=(request(1).messages[0],), max_tokens=5)
    odd = Request(model="teacher", messages=tuple(_messages("REFUSE-THIS")), max_tokens=5)
    half = Request(model="teacher", messages=tuple(_messages("half \ud800")), max_tokens=5)
    outcomes = dict(ask_batches(server, tmp_path / "t.jsonl", [bad, odd, half]))
    assert isinstance(outcomes[bad], Answer)
    refused, no_text = outcomes[odd], outcomes[half]
    assert isinstance(refused, Failure)
    assert refused.reason == "content-filter"
    assert "the batch says 400: filtered by the content policy" in refused.message
    assert isinstance(no_text, Failure)
    assert no_text.final
    assert batches.sizes == [2], "what is no text would fail the whole file"


def _messages(text: str) -> Iterator[Any]:
    from bioinstruct.llm.types import Message

    yield Message("user", text)


def test_a_setting_that_is_refused_stops_the_run_and_a_name_of_it_is_mended(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'."
    batches.bad_line = {"error": {"message": words, "param": "max_tokens"}}
    with pytest.raises(ProviderError, match="Unsupported parameter"):
        ask_batches(server, tmp_path / "a.jsonl", requests(3))
    first, second = (
        [json.loads(line)["body"] for line in batches.files[made["input_file_id"]].splitlines()]
        for made in batches.made
    )
    assert "max_tokens" in first[0]
    assert "max_completion_tokens" in second[0]
    batches.bad_line = {"error": {"message": "no temperature", "param": "temperature"}}
    with pytest.raises(ProviderError, match="the batch says 400: no temperature"):
        ask_batches(server, tmp_path / "b.jsonl", requests(3))
    batches.bad_line = {"error": {"message": "no response_format here"}}
    with pytest.raises(SchemaUnsupportedError):
        ask_batches(server, tmp_path / "c.jsonl", [request(schema='{"title": "x"}')])


def test_a_batch_that_is_refused_as_a_whole_says_why_and_what_it_held_is_free(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.script.append("model_mismatch")
    budget = Budget(9, PRICE, batch=True)
    with pytest.raises(ProviderError, match="batch batch_0 failed: it is model_mismatch"):
        ask_batches(server, tmp_path / "t.jsonl", requests(3), budget=budget)
    assert (budget.spent, budget.reserved) == (0, 0)
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(3))) == 3


def test_a_full_queue_makes_smaller_batches_one_after_the_other(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.most_waiting = 12
    outcomes = ask_batches(server, tmp_path / "t.jsonl", requests(40))
    assert len(outcomes) == 40
    assert set(batches.paid.values()) == {1}
    batches.most_waiting = 0
    with pytest.raises(ProviderError, match="token_limit_exceeded"):
        ask_batches(server, tmp_path / "u.jsonl", requests(4))


def test_a_cancelled_batch_stops_the_run_and_what_it_had_is_kept(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.script.append("cancelled")
    with pytest.raises(ProviderError, match="batch batch_0 was cancelled"):
        ask_batches(server, tmp_path / "t.jsonl", requests(20))
    kept = batches.paid.total()
    assert 0 < kept < 20
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(20))) == 20
    assert set(batches.paid.values()) == {1}
    assert batches.sizes == [20, 20 - kept]


@pytest.mark.parametrize("fate", ["lost", "500", "503"])
def test_a_creation_whose_reply_is_lost_is_looked_for_before_another(
    fate: str, server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.script.extend([fate, fate])
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(5))) == 5
    assert len(batches.made) == 1
    assert set(batches.paid.values()) == {1}


def test_where_the_list_cannot_be_read_no_second_batch_is_made_in_doubt(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    listing = server.routes.pop(("GET", "/v1/batches"))
    batches.script.append("lost")
    for _ in range(2):
        with pytest.raises(ProviderError, match="404"):
            ask_batches(server, tmp_path / "t.jsonl", requests(5))
    server.routes["GET", "/v1/batches"] = listing
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(5))) == 5
    assert len(batches.made) == 1


def test_a_file_that_is_cut_off_is_fetched_again(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.cut_files = 2
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(5))) == 5
    assert set(batches.paid.values()) == {1}


def test_a_file_of_results_that_comes_late_is_waited_for(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.late, batches.failing = 3, 0.3
    assert len(ask_batches(server, tmp_path / "t.jsonl", requests(20))) == 20
    assert set(batches.paid.values()) == {1}


def test_what_the_provider_does_not_know_any_more_is_not_asked_again_by_itself(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"
    with Transcript.open(path, base_url=server.url) as transcript:
        one = request()
        sent = {one.key(server.url): [1, 1]}
        transcript.note("batch-planned", {"name": "n", "at": 0.0, "requests": sent})
        transcript.note("batch-created", {"name": "n", "id": "batch_of_another_key"})
    with pytest.raises(ProviderError, match="404") as caught:
        ask_batches(server, path, [one])
    assert "the key and project" in caught.value.hint
    assert batches.made == []


def test_rounds_are_as_large_as_they_are_told_and_an_endless_source_is_left(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    sizes = iter([5, 3, 1])
    endless = (request(number) for number in itertools.count())

    async def work() -> int:
        async with client_of(server) as client:
            with Transcript.open(tmp_path / "t.jsonl", base_url=client.base_url) as transcript:
                asked = ask_in_batches(
                    endless, client, transcript, size=lambda: next(sizes), batching=QUICK
                )
                async with aclosing(asked) as outcomes:
                    async for number, _ in _numbered(outcomes):
                        if number == 8:
                            return number
        return 0

    assert asyncio.run(work()) == 8
    assert batches.sizes == [5, 3, 1]


async def _numbered(outcomes: Any) -> Any:
    number = 0
    async for pair in outcomes:
        yield number, pair
        number += 1


def test_a_budget_is_a_cap_with_the_price_of_batches_and_goes_on_with_what_is_left(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    asked = requests(30)
    worst = Budget(9, PRICE, batch=True).worst(asked[0])
    assert worst == pytest.approx(Budget(9, PRICE).worst(asked[0]) / 2)
    budget = Budget(worst * 4.5, PRICE, batch=True)
    seen: list[tuple[Request, Response]] = []
    with pytest.raises(BudgetError, match="does not cover one more request"):
        ask_batches(server, tmp_path / "t.jsonl", asked, budget=budget, seen=seen)
    assert [one for one, _ in seen] == asked[: len(seen)]
    assert len(batches.sizes) > 1
    assert batches.sizes[0] == 4
    true = PRICE.cost(server.prompt_tokens, server.completion_tokens, batch=True)
    assert budget.spent == pytest.approx(true)
    assert true <= worst * 4.5
    again = Budget(1, PRICE, batch=True)
    assert len(ask_batches(server, tmp_path / "t.jsonl", asked, budget=again)) == 30
    assert set(batches.paid.values()) == {1}
    true = PRICE.cost(server.prompt_tokens, server.completion_tokens, batch=True)
    assert again.spent == pytest.approx(true)


def test_answers_that_came_one_by_one_count_in_full_beside_those_of_batches(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    ask_all(server, tmp_path / "t.jsonl", requests(5))
    full = PRICE.cost(server.prompt_tokens, server.completion_tokens)
    server.prompt_tokens = server.completion_tokens = 0
    budget = Budget(9, PRICE, batch=True)
    ask_batches(server, tmp_path / "t.jsonl", requests(9), budget=budget)
    half = PRICE.cost(server.prompt_tokens, server.completion_tokens, batch=True)
    assert budget.spent == pytest.approx(full + half)
    with Transcript.read(tmp_path / "t.jsonl") as transcript:
        other = Budget(9, PRICE)
        other.resume(transcript)
    assert other.spent == pytest.approx(full + half)


def test_a_stopped_run_counts_what_is_in_its_batches_and_finds_them_a_day_later(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    asked, path = requests(10), tmp_path / "t.jsonl"
    batches.polls = 10**9
    seen: list[str] = []

    async def stopped() -> None:
        async with client_of(server) as client:
            with Transcript.open(path, base_url=client.base_url) as transcript:
                outcomes = ask_in_batches(
                    asked,
                    client,
                    transcript,
                    batching=QUICK,
                    watch=lambda usage: seen.append(usage.batches),
                )
                async with asyncio.timeout(0.5), aclosing(outcomes):
                    async for _ in outcomes:
                        pass

    with pytest.raises(TimeoutError):
        asyncio.run(stopped())
    assert "batch in progress, 0 of 10" in seen
    with Transcript.read(path) as transcript:
        budget = Budget(9, PRICE, batch=True)
        budget.resume(transcript)
    assert budget.spent == pytest.approx(sum(budget.worst(one) for one in asked))
    batches.polls = 0
    budget = Budget(9, PRICE, batch=True)
    assert len(ask_batches(server, path, asked, budget=budget)) == 10
    assert len(batches.made) == 1
    assert budget.reserved == 0
    true = PRICE.cost(server.prompt_tokens, server.completion_tokens, batch=True)
    assert budget.spent == pytest.approx(true)


def test_another_size_of_the_round_after_a_stop_asks_nothing_twice(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"
    batches.script.append("cancelled")
    with pytest.raises(ProviderError):
        ask_batches(server, path, requests(12))
    ask_batches(server, path, requests(30), size=lambda: 2)
    assert set(batches.paid.values()) == {1}
    assert batches.paid.total() == 30


def test_an_endpoint_without_batches_says_so(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match="404") as caught:
        ask_batches(server, tmp_path / "t.jsonl", requests(2))
    assert "no Batch API: leave --batch out" in caught.value.hint


CHILD = """
    import asyncio, sys
    from pathlib import Path
    from contextlib import aclosing
    from tests.llm.asking import requests
    from bioinstruct.llm.batch_runner import Batching, ask_in_batches
    from bioinstruct.llm.rate_limit import Retries
    from bioinstruct.llm.openai import OpenAIClient
    from bioinstruct.llm.pricing import Budget, Price
    from bioinstruct.llm.transcript import Transcript

    batching = Batching(first_poll=0.01, longest_poll=0.02, doubt=0.2, requests=40)
    budget = Budget(99, Price(input=30, output=60, batch=0.5), batch=True)

    async def work():
        async with OpenAIClient(retries=Retries(first_delay=0.01)) as client:
            with Transcript.open(Path(sys.argv[1]), base_url=client.base_url) as transcript:
                asked = ask_in_batches(
                    requests(120), client, transcript, budget=budget, batching=batching
                )
                async with aclosing(asked) as outcomes:
                    return [outcome.text async for _, outcome in outcomes]

    print(len(asyncio.run(work())))
"""


def started(server: Server, path: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(path)],
        cwd=root,
        env=os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when(process: subprocess.Popen[str], path: Path, kind: str, *, nth: int) -> bool:
    """Kill a process as soon as its transcript has so many lines of a kind."""
    mark = f'"{kind}"'.encode()
    while process.poll() is None:
        if path.exists() and path.read_bytes().count(mark) >= nth:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0005)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def check_after_kills(server: Server, batches: Batches, path: Path) -> None:
    out, err = started(server, path).communicate(timeout=60)
    assert out.strip() == "120", err
    assert set(batches.paid.values()) == {1}
    assert len(batches.paid) == 120
    with Transcript.read(path) as transcript:
        budget = Budget(99, PRICE, batch=True)
        budget.resume(transcript)
    true = PRICE.cost(server.prompt_tokens, server.completion_tokens, batch=True)
    assert budget.spent == pytest.approx(true)


@pytest.mark.peer
def test_a_process_that_is_killed_pays_for_nothing_twice(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.failing, batches.expire, batches.polls = 0.2, True, 3
    path = tmp_path / "t.jsonl"
    assert kill_when(started(server, path), path, "answer", nth=20)
    check_after_kills(server, batches, path)


def test_a_batch_that_was_made_when_the_process_was_killed_is_found(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.script.append("slow")  # made, and the reply takes long
    path = tmp_path / "t.jsonl"
    process = started(server, path)
    while not batches.made:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert "batch-created" not in {row.get("note") for row in rows}
    for number in range(5):  # of others, so that it is not on the first page
        batches.made.append(batches.made[0] | {"id": f"other_{number}", "metadata": None})
    check_after_kills(server, batches, path)
    assert sum(batches.sizes) == 120


@pytest.mark.peer
def test_twenty_kills_anywhere_pay_for_nothing_twice(
    server: Server, batches: Batches, tmp_path: Path
) -> None:
    batches.failing, batches.expire, batches.polls = 0.2, True, 3
    path = tmp_path / "t.jsonl"
    kinds = ["batch-planned", "batch-created", "answer", "batch-ended"]
    killed = 0
    for turn in range(20):
        nth = path.read_bytes().count(f'"{kinds[turn % 4]}"'.encode()) if path.exists() else 0
        step = 1 + turn if kinds[turn % 4] == "answer" else 1
        killed += kill_when(started(server, path), path, kinds[turn % 4], nth=nth + step)
    assert killed >= 4
    check_after_kills(server, batches, path)
