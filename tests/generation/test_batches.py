from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioinstruct.cli.main import main
from bioinstruct.errors import BioinstructError, ProviderError
from bioinstruct.generation import Progress, Settings, generate, get_recipe, run
from bioinstruct.llm.batch_runner import Batching, ask_in_batches
from bioinstruct.llm.client import Client
from tests.batch_server import Batches
from tests.generation.teacher import answer
from tests.openai_server import Server
from tests.openai_server import Settings as Behaviour

WANTED = 120


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Batches]:
    with Server(Behaviour(answer=answer)).running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield Batches(server)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Batching(first_poll=0.001, longest_poll=0.004, doubt=0.01, submissions=9)

    def ask(*args: Any, **settings: Any) -> Any:
        return ask_in_batches(*args, **settings, batching=quick)

    monkeypatch.setattr(run, "ask_in_batches", ask)


def make(out: Path, *, batch: bool, count: int = WANTED, **settings: Any) -> Any:
    teacher = Client("gpt-4", batch=batch, concurrency=settings.pop("concurrency", 16))
    watch = settings.pop("watch", None)
    return generate(
        teacher,
        count,
        license="CC-BY-4.0",
        out=out,
        settings=Settings(**settings),
        watch=watch,
    )


def files(folder: Path, name: str) -> list[bytes]:
    return [(folder / f"{name}{what}.jsonl").read_bytes() for what in ("", ".rejected")]


@pytest.mark.parametrize("recipe", ["bioinstruct", "self-instruct"])
def test_a_dataset_made_in_batches_is_the_one_made_request_by_request(
    recipe: str, batches: Batches, tmp_path: Path
) -> None:
    settings = replace(get_recipe(recipe), round=8)
    make(tmp_path / "single.jsonl", batch=False, recipe=settings)
    asked = batches.server.asked.total()
    batches.failing, batches.expire = 0.2, True
    seen: set[str] = set()

    def watch(progress: Progress) -> None:
        if progress.usage is not None:
            seen.add(progress.usage.batches)

    make(tmp_path / "batch.jsonl", batch=True, recipe=settings, watch=watch)
    assert files(tmp_path, "batch") == files(tmp_path, "single")
    assert batches.server.asked.total() == asked, "nothing is asked one by one"
    assert set(batches.paid.values()) == {1}
    assert any("batch in progress" in text for text in seen)


def test_a_round_has_the_requests_that_should_do_and_few_more(
    batches: Batches, tmp_path: Path
) -> None:
    made = make(tmp_path / "made.jsonl", batch=True)
    assert made.tally.requests <= batches.paid.total() <= made.tally.requests * 1.4
    assert len(batches.sizes) <= 2


def test_what_was_asked_one_by_one_goes_on_in_batches_and_back(
    batches: Batches, tmp_path: Path
) -> None:
    make(tmp_path / "whole.jsonl", batch=False, count=90)
    out = tmp_path / "made.jsonl"
    for count, batch in ((30, False), (60, True), (90, False)):
        before = batches.server.asked.total()
        # One at a time: what was asked ahead would leave the next round nothing to ask.
        make(out, batch=batch, count=count, concurrency=1)
        assert batch == (batches.server.asked.total() == before)
    assert files(tmp_path, "made") == files(tmp_path, "whole")


def test_what_is_in_a_batch_is_not_asked_one_by_one(batches: Batches, tmp_path: Path) -> None:
    listing = batches.server.routes.pop(("GET", "/v1/batches"))
    batches.script.append("lost")
    out = tmp_path / "made.jsonl"
    with pytest.raises(ProviderError):
        make(out, batch=True, count=20)
    with pytest.raises(BioinstructError, match="7 requests are in open batches"):
        make(out, batch=False, count=20)
    batches.server.routes["GET", "/v1/batches"] = listing
    make(out, batch=True, count=20)
    make(out, batch=False, count=20)
    assert batches.server.asked.total() == 0
    assert set(batches.paid.values()) == {1}


def test_the_command_asks_in_batches_and_shows_half_the_price(
    batches: Batches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", "--model", "gpt-4", "--count", "25", "--license", "CC0-1.0"]
    arguments += ["--price", "10", "20", "--budget", "5", "--batch"]
    with pytest.raises(SystemExit, match="0"):
        main([*arguments, "--out", str(tmp_path / "a.jsonl")])
    assert "batches may take a day" in capsys.readouterr().err
    assert batches.server.asked.total() == 0
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 25
    with pytest.raises(SystemExit, match="0"):
        main([*arguments, "--dry-run"])
    assert "times 1 for batches" in capsys.readouterr().err


def test_a_client_that_knows_no_batches_is_told_so(tmp_path: Path) -> None:
    class Mine:
        base_url = "local://mine"

        async def complete(self, request: Any) -> Any:
            raise AssertionError

    with pytest.raises(BioinstructError, match="only an OpenAIClient asks in batches"):
        generate(
            Client("mine", provider=Mine(), batch=True),
            5,
            license="CC0-1.0",
            out=tmp_path / "a.jsonl",
        )
