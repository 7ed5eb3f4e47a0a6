from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.llm.openai import OPENAI
from bioinstruct.llm.pricing import Budget, Price, find_price
from bioinstruct.llm.request_tokens import prompt_bound
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure
from tests.llm.asking import request

PRICE = Price(input=10, output=30)
URL = "http://127.0.0.1:1/v1"


def answer(prompt_tokens: int, completion_tokens: int, *, text: str = "") -> Answer:
    return Answer(
        text=text,
        finish_reason="stop",
        model="teacher",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


def test_a_price_is_per_million_tokens_and_half_in_a_batch() -> None:
    price = find_price("gpt-4", base_url=OPENAI)
    assert price.cost(1_000_000, 0) == 30
    assert price.cost(500, 1000) == pytest.approx(0.075)
    assert price.cost(500, 1000, batch=True) == pytest.approx(0.0375)
    assert "openai.com" in price.source
    assert "20" in price.source


@pytest.mark.parametrize(
    ("snapshot", "same"),
    [("gpt-4-0613", "gpt-4"), ("gpt-4o-2024-08-06", "gpt-4o"), ("gpt-4.1-2025-04-14", "gpt-4.1")],
)
def test_a_dated_snapshot_has_the_price_of_its_model(snapshot: str, same: str) -> None:
    assert find_price(snapshot, base_url=OPENAI) == find_price(same, base_url=OPENAI)


def test_a_snapshot_with_a_price_of_its_own_has_it() -> None:
    assert find_price("gpt-4o-2024-05-13", base_url=OPENAI).input == 5


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("gpt-9", OPENAI),
        ("gpt-4-32k", OPENAI),
        ("gpt-4-1106-preview", OPENAI),
        ("gpt-4", "http://localhost:8000/v1"),
    ],
)
def test_a_price_that_is_not_known_is_asked_for_and_never_guessed(model: str, url: str) -> None:
    with pytest.raises(MissingError, match="is not known") as caught:
        find_price(model, base_url=url)
    assert "--price IN OUT" in caught.value.hint


def test_a_price_that_is_given_wins_and_may_be_nothing() -> None:
    assert find_price("gpt-4", base_url=OPENAI, given=(0.15, 0.6)).input == 0.15
    assert find_price("x", base_url=URL, given=(0, 0)).cost(10**9, 10**9) == 0
    with pytest.raises(BioinstructError):
        find_price("x", base_url=URL, given=(-1, 0))


def test_every_price_in_the_table_is_dated_and_sourced() -> None:
    table = tomllib.loads((files("bioinstruct") / "data/prices.toml").read_text("utf-8"))
    for vendor in table.values():
        assert vendor["source"].startswith("https://")
        assert vendor["date"].year >= 2025
        assert 0 < vendor["batch"] <= 1
        assert all(0 < price[0] < price[1] for price in vendor["models"].values())


def test_a_budget_sets_the_worst_case_aside_and_puts_the_truth_in_its_place() -> None:
    budget = Budget(1, PRICE)
    one = request(max_tokens=1000)
    assert budget.reserve(one)
    assert budget.reserved == pytest.approx(PRICE.cost(prompt_bound(one), 1000))
    budget.settle(one, answer(20, 100))
    assert budget.reserved == 0
    assert budget.spent == pytest.approx(PRICE.cost(20, 100))


def test_a_budget_refuses_what_might_not_fit() -> None:
    one, two = request(1), request(2)
    budget = Budget(Budget(9, PRICE).worst(one) * 1.5, PRICE)
    assert budget.reserve(one)
    assert not budget.reserve(two)
    budget.settle(one, Failure(reason="bad-request", message=""))
    assert budget.reserve(two)


def test_a_budget_needs_a_bound_on_the_answer() -> None:
    with pytest.raises(BioinstructError, match="a bound on each answer"):
        Budget(1, PRICE).reserve(request(max_tokens=None))


@given(
    usd=st.floats(0, 0.2),
    steps=st.lists(st.tuples(st.integers(-5, 10**10), st.integers(-5, 10**10), st.booleans())),
)
def test_whatever_a_server_says_the_cap_is_never_passed(
    usd: float, steps: list[tuple[int, int, bool]]
) -> None:
    budget = Budget(usd, PRICE)
    flying = []
    for number, (prompt, completion, now) in enumerate(steps):
        if budget.reserve(request(number)):
            flying.append((request(number), answer(prompt, completion, text="word " * 9)))
        if now and flying:
            budget.settle(*flying.pop(0))
        assert budget.spent + budget.reserved <= usd + 1e-12
    for one, outcome in flying:
        budget.settle(one, outcome)
    assert budget.spent <= usd + 1e-12


def test_a_budget_knows_what_earlier_runs_spent_and_what_was_in_flight_at_a_kill(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    sent = [request(n) for n in range(4)]

    def note(transcript: Transcript, number: int) -> None:
        one = sent[number]
        bounds = {"prompt_tokens": prompt_bound(one), "max_tokens": one.max_tokens}
        transcript.note("sent", {"key": one.key(URL)} | bounds)

    with Transcript.open(path, base_url=URL) as transcript:
        for number in (0, 1, 1, 2):  # the second timed out once, the third was never answered
            note(transcript, number)
        transcript.add(sent[0], answer(20, 100))
        transcript.add(sent[1], answer(20, 100))
        transcript.add(sent[3], answer(20, 100))  # of a run without a budget
        budget = Budget(9, PRICE)
        budget.resume(transcript)
    lost = budget.worst(sent[1]) + budget.worst(sent[2])
    assert budget.spent == pytest.approx(3 * PRICE.cost(20, 100) + lost)
