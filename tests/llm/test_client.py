from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.llm.client import Client
from bioinstruct.llm.openai import OPENAI
from bioinstruct.llm.types import Failure, Request, Response

LOCAL = "http://127.0.0.1:1/v1"


class Silent:
    base_url = "local://mine"

    async def complete(self, request: Request) -> Response:
        return Failure(reason="refusal", message="no")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_a_model_of_openai_has_its_price_and_its_budget(tmp_path: Path) -> None:
    client = Client("gpt-4", budget=5, transcript=tmp_path / "t.jsonl", api_key="sk-secret-123")
    assert client.base_url == OPENAI
    assert client.rates is not None
    assert client.rates.cost(1_000_000, 0) == 30
    assert client.spending is not None
    assert client.spending.usd == 5
    assert client.transcript_path(tmp_path / "other") == tmp_path / "t.jsonl"
    assert "secret" not in repr(client)


def test_a_missing_key_or_price_says_what_to_do() -> None:
    with pytest.raises(MissingError) as caught:
        Client("gpt-4")
    assert "OPENAI_API_KEY" in caught.value.hint
    with pytest.raises(MissingError) as caught:
        Client("llama", base_url=LOCAL, budget=1)
    assert "price=(IN, OUT)" in caught.value.hint
    assert "--price" in caught.value.hint


def test_without_a_budget_no_price_is_needed_and_a_given_one_is_used() -> None:
    free = Client("llama", base_url=LOCAL)
    assert (free.rates, free.spending) == (None, None)
    paid = Client("llama", base_url=LOCAL, price=(1, 2), budget=0.5)
    assert paid.rates is not None
    assert paid.rates.cost(500_000, 500_000) == 1.5


@pytest.mark.parametrize("wrong", [{"budget": -1}, {"price": (-1, 0)}, {"budget": float("nan")}])
def test_negative_money_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BioinstructError):
        Client("llama", base_url=LOCAL, **wrong)  # type: ignore[arg-type]


def test_a_replay_needs_no_key_and_sends_nothing() -> None:
    client = Client("gpt-4", replay=True, budget=1)
    with pytest.raises(BioinstructError, match="only replays"):
        client.reach()
    with pytest.raises(BioinstructError, match="no file for the transcript"):
        client.transcript_path()


def test_an_object_of_your_own_sends_the_requests() -> None:
    mine = Silent()
    client = Client("mine", provider=mine)
    assert client.reach() is mine
    assert client.base_url == "local://mine"
