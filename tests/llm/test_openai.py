from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from bioinstruct.errors import BioinstructError, MissingError, ProviderError, SchemaUnsupportedError
from bioinstruct.llm.openai import OpenAIClient, body_of, clean_url
from bioinstruct.llm.rate_limit import Limits, Retries
from bioinstruct.llm.types import Answer, Failure, Message
from tests.llm.asking import client_of, complete, request
from tests.llm.conftest import KEY
from tests.openai_server import Server, digest_of, plain_answer

SCHEMA = json.dumps({"title": "A task", "type": "object", "properties": {}})


def expected(**settings: Any) -> str:
    return plain_answer(body_of(request(**settings)), 0)


def test_an_answer_has_the_words_and_the_counts_of_the_server(server: Server) -> None:
    answer = complete(server)
    assert isinstance(answer, Answer)
    assert answer.text == expected()
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens == len(answer.text) // 4 + 1


@pytest.mark.parametrize(
    "fault",
    ["429", "429-after", "500", "503", "hang", "reset", "half-json", "empty-choices",
     "error-in-body", "drip-forever", "nested"],
)  # fmt: skip
def test_a_fault_that_passes_costs_one_more_attempt(server: Server, fault: str) -> None:
    server.settings.script = deque([fault])
    server.settings.retry_after = 0.05
    answer = complete(server, timeout=0.3)
    assert isinstance(answer, Answer)
    assert answer.text == expected()
    assert server.asked.total() == 2
    assert server.answered.total() == 1


@pytest.mark.parametrize("fault", ["usage-zero", "usage-absurd", "usage-absent", "drip"])
def test_a_harmless_oddity_costs_no_attempt(server: Server, fault: str) -> None:
    server.settings.script = deque([fault])
    answer = complete(server)
    assert isinstance(answer, Answer)
    assert answer.text == expected()
    assert server.asked.total() == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("content-filter", "content-filter"), ("refusal", "refusal"), ("400", "bad-request")],
)
def test_what_is_refused_for_its_content_is_final(server: Server, fault: str, reason: str) -> None:
    server.settings.script = deque([fault])
    failure = complete(server)
    assert isinstance(failure, Failure)
    assert failure.reason == reason
    assert failure.final
    assert server.asked.total() == 1


def test_a_prompt_that_the_policy_refuses_is_told_in_the_words_of_the_server(
    server: Server,
) -> None:
    server.settings.refuse = 1
    failure = complete(server)
    assert isinstance(failure, Failure)
    assert failure.reason == "content-filter"
    assert "filtered by the content policy" in failure.message


def test_an_answer_that_was_cut_is_an_answer_that_says_so(server: Server) -> None:
    server.settings.script = deque(["length"])
    answer = complete(server)
    assert isinstance(answer, Answer)
    assert answer.finish_reason == "length"


def test_attempts_are_limited_and_giving_up_is_not_final(server: Server) -> None:
    server.settings.script = deque(["500"] * 9)
    failure = complete(server, retries=Retries(attempts=3, first_delay=0.001))
    assert isinstance(failure, Failure)
    assert failure.reason == "retries-exhausted"
    assert not failure.final
    assert "a 500 that was asked for" in failure.message
    assert server.asked.total() == 3


def test_a_wait_that_the_server_asks_for_is_no_attempt(server: Server) -> None:
    server.settings.script = deque(["429-after"] * 6)
    server.settings.retry_after = 0.01
    assert isinstance(complete(server, retries=Retries(attempts=2, first_delay=0.001)), Answer)


def test_a_server_that_is_down_stops_the_run(server: Server) -> None:
    server.settings.script = deque(["500"] * 99)

    async def work() -> None:
        async with client_of(server, retries=Retries(attempts=2, first_delay=0.001)) as client:
            for number in range(2):
                assert isinstance(await client.complete(request(number)), Failure)
            with pytest.raises(ProviderError, match="3 requests in a row"):
                await client.complete(request(2))

    asyncio.run(work())


def test_an_address_where_nobody_listens_is_told_soon() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Server()
        nobody.port = taken.getsockname()[1]
        with pytest.raises(ProviderError, match="cannot reach http://127") as caught:
            complete(nobody)
    assert caught.value.hint == "check the address, and that the server runs"


def test_a_bad_key_stops_the_run_in_the_words_of_the_server_without_the_key(
    server: Server,
) -> None:
    server.settings.key = "another"
    with pytest.raises(ProviderError, match="Incorrect API key provided") as caught:
        complete(server)
    assert KEY not in str(caught.value)
    assert "Bearer" not in str(caught.value)
    assert "OPENAI_API_KEY" in caught.value.hint
    assert server.asked.total() == 0


def test_an_unknown_model_stops_the_run(server: Server) -> None:
    server.settings.model = "professor"
    with pytest.raises(ProviderError, match="`teacher` is unknown") as caught:
        complete(server)
    assert "--model" in caught.value.hint
    assert server.asked.total() == 1


def test_no_money_left_stops_the_run(server: Server) -> None:
    server.settings.script = deque(["429-quota"])
    with pytest.raises(ProviderError, match="exceeded your current quota"):
        complete(server)
    assert server.asked.total() == 1


def test_a_setting_that_is_refused_stops_the_run(server: Server) -> None:
    server.settings.script = deque(["400-setting"])
    with pytest.raises(ProviderError) as caught:
        complete(server)
    assert "temperature" in caught.value.hint


def test_a_server_without_schemas_is_told_with_the_way_out(server: Server) -> None:
    server.settings.schemas = False
    with pytest.raises(SchemaUnsupportedError) as caught:
        complete(server, request(schema=SCHEMA))
    assert "--format delimited" in caught.value.hint
    assert server.asked.total() == 1


def test_a_schema_is_sent_under_a_name_that_openai_takes(server: Server) -> None:
    assert isinstance(complete(server, request(schema=SCHEMA)), Answer)
    layout = body_of(request(schema=SCHEMA))["response_format"]
    assert layout["json_schema"]["name"] == "A_task"
    assert layout["json_schema"]["strict"] is True


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_name_of_the_limit_of_tokens_is_found(server: Server, name: str) -> None:
    server.settings.max_name = name
    answer = complete(server)
    assert isinstance(answer, Answer)
    assert answer.text == expected()
    assert server.asked.total() == (1 if name == "max_tokens" else 2)


def test_a_wait_of_hours_stops_the_run(server: Server) -> None:
    server.settings.script = deque(["429-after"])
    server.settings.retry_after = 7200
    with pytest.raises(ProviderError, match=r"to wait 2\.0 hours"):
        complete(server)


@pytest.mark.parametrize("date", [False, True])
def test_a_wait_is_kept_by_all_requests_in_flight(server: Server, date: bool) -> None:
    server.settings.script = deque(["429-after"])
    server.settings.retry_after = 2.0 if date else 0.4
    server.settings.retry_date = date

    async def work() -> float:
        begun = time.monotonic()
        async with client_of(server, limits=Limits(concurrency=1)) as client:
            outcomes = await asyncio.gather(*(client.complete(request(n)) for n in range(30)))
        assert all(isinstance(outcome, Answer) for outcome in outcomes)
        return time.monotonic() - begun

    seconds = asyncio.run(work())
    if date:  # whole seconds: between one and two are left
        assert seconds > 0.9
    else:
        assert seconds > 0.4
        assert server.early() == 0
    assert server.asked.total() == 31


def test_the_number_on_the_wire_is_limited(server: Server) -> None:
    server.settings.latency = 0.01

    async def work() -> None:
        async with client_of(server, limits=Limits(concurrency=3)) as client:
            await asyncio.gather(*(client.complete(request(n)) for n in range(20)))

    asyncio.run(work())
    assert server.most_at_once == 3


def test_openai_itself_wants_a_key_and_others_do_not(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    with pytest.raises(MissingError, match="no key for the OpenAI API"):
        OpenAIClient()
    monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
    assert OpenAIClient().base_url == server.url
    assert isinstance(complete(server, key=""), Answer)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("http://me:secret@host:1/v1/", "http://host:1/v1"),
        ("https://host/openai/v1?api-key=secret", "https://host/openai/v1"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, clean: str) -> None:
    assert clean_url(url) == clean


@pytest.mark.parametrize("url", ["localhost:8000", "sk-abcdefghijkl", "ftp://host/v1"])
def test_what_is_no_web_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BioinstructError) as caught:
        clean_url(url)
    assert url not in str(caught.value)


def test_both_names_of_the_limit_are_one_request_to_the_server() -> None:
    old, new = (body_of(request(), max_name=f"max_{name}tokens") for name in ("", "completion_"))
    assert old != new
    assert digest_of(old) == digest_of(new)


def test_a_key_that_cannot_be_one_is_refused_and_not_repeated() -> None:
    with pytest.raises(MissingError, match="an invalid character") as caught:
        OpenAIClient(api_key="sk-abc\u00e9defgh")
    assert "abc" not in str(caught.value)


def test_a_prompt_that_is_no_text_fails_alone(server: Server) -> None:
    failure = complete(server, replace(request(), messages=(Message("user", "\ud800"),)))
    assert isinstance(failure, Failure)
    assert failure.reason == "bad-request"
    assert server.asked.total() == 0


def test_a_client_goes_on_in_another_event_loop(server: Server) -> None:
    client = client_of(server, limits=Limits(concurrency=2, requests_per_second=1000))

    async def work() -> None:
        async with client:
            await asyncio.gather(*(client.complete(request(n)) for n in range(9)))

    asyncio.run(work())
    asyncio.run(work())
    assert server.answered.total() == 18
