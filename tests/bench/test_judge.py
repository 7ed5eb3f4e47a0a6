from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.judge.agreement import spearman
from bioinstruct.bench.judge.judge import Judge, estimate
from bioinstruct.bench.judge.prompt import CRITERIA, Shown, duel, grade
from bioinstruct.bench.judge.results import Written, points
from bioinstruct.bench.models.endpoint import Asking
from bioinstruct.corpora import mts_dialog
from bioinstruct.corpora.mts_dialog import Judged as Human
from bioinstruct.errors import BudgetError
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.pricing import Budget, Price
from bioinstruct.llm.rate_limit import Retries
from tests.openai_server import Json, Server, Settings

Make = Callable[..., Instruction]
GOOD, MIDDLING, BAD = "good note .", "middling note .", "bad note ."
POINTS = {GOOD: 5, MIDDLING: 3, BAD: 1}


def part(body: Json, name: str) -> str:
    asked: str = body["messages"][1]["content"]
    return asked.split(f"<<<{name}>>>\n")[1].split("\n<<<end>>>")[0]


def honest(body: Json, sample: int) -> str:
    """A judge that sees what is good."""
    if "<<<answer>>>" in body["messages"][1]["content"]:
        value = POINTS.get(part(body, "answer"), 2)
        return json.dumps({"reason": "so", **dict.fromkeys(CRITERIA, value)})
    first, second = (POINTS[part(body, f"answer {n}")] for n in (1, 2))
    better = "tie" if first == second else "1" if first > second else "2"
    return json.dumps({"reason": "so", "better": better})


def always_first(body: Json, sample: int) -> str:
    """A judge that is swayed by the order."""
    said = json.loads(honest(body, sample))
    return json.dumps(said | {"better": "1"} if "better" in said else said)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Settings(answer=honest)).running() as server:
        yield server


@pytest.fixture
def judge(server: Server, tmp_path: Path) -> Judge:
    retries = Retries(first_delay=0.001, longest_delay=0.002, attempts=3)
    client = OpenAIClient(base_url=server.url, api_key="none", retries=retries, timeout=10)
    return Judge(client, "judge", tmp_path / "judge.transcript.jsonl")


@pytest.fixture
def written(example: Make) -> Written:
    examples = [example(input=f"Visit {n} .", output=GOOD) for n in range(5)]
    base = [BAD, GOOD, MIDDLING, BAD, None]
    return Written("notes", examples, base, [GOOD, BAD, MIDDLING, None, GOOD])


def test_points_and_preferences_are_those_of_the_judge(judge: Judge, written: Written) -> None:
    [found] = judge.judge([written]).tasks
    assert found.base.value == pytest.approx((1 + 5 + 3 + 1 + 1) / 5)
    assert found.tuned is not None
    assert found.difference is not None
    assert found.tuned.value == pytest.approx((5 + 1 + 3 + 1 + 5) / 5)
    assert found.difference.value == pytest.approx(found.tuned.value - found.base.value)
    # Good beats bad, bad loses to good, equal texts tie, nothing loses, something beats nothing.
    assert (found.wins, found.losses, found.ties, found.swayed) == (2, 2, 1, 0)
    assert (found.n, found.unreadable) == (5, 0)


def test_a_judge_that_prefers_what_comes_first_prefers_nothing(
    server: Server, judge: Judge, written: Written
) -> None:
    server.settings.answer = always_first
    [found] = judge.judge([written]).tasks
    assert (found.wins, found.losses, found.swayed) == (1, 1, 2)  # but where one says nothing


def test_nothing_is_judged_twice_and_all_is_on_record(
    server: Server, judge: Judge, written: Written
) -> None:
    first = judge.judge([written])
    asked = server.asked.total()
    assert asked == len(set(judge.requests([written])))
    assert judge.judge([written]) == first
    assert server.asked.total() == asked


def test_one_model_alone_has_points_and_no_preferences(judge: Judge, written: Written) -> None:
    [found] = judge.judge([Written("notes", written.examples, written.base)]).tasks
    assert found.tuned is None
    assert found.wins + found.losses + found.ties == 0


def test_a_verdict_that_cannot_be_read_is_counted_and_its_item_left_out(
    server: Server, judge: Judge, written: Written
) -> None:
    server.settings.answer = lambda body, sample: (
        "Very well." if "Visit 0" in body["messages"][1]["content"] else honest(body, sample)
    )
    [found] = judge.judge([written]).tasks
    assert found.n == 4
    assert found.unreadable == 2  # the item's points, and the preference
    assert found.base.value == pytest.approx((5 + 3 + 1 + 1) / 4)


def test_a_server_without_schemas_is_told(server: Server, judge: Judge, written: Written) -> None:
    server.settings.schemas = False
    with pytest.raises(ModelError) as caught:
        judge.judge([written])
    assert "JSON schemas" in caught.value.hint


def test_the_cost_is_known_before_and_never_exceeded(
    server: Server, judge: Judge, written: Written
) -> None:
    cost = estimate(judge.requests([written]))
    price = Price(input=10, output=10)
    judge.asking = Asking(budget=Budget(cost.usd(price) * 4, price))  # its bound is by bytes
    judge.judge([written])
    assert server.asked.total() == cost.requests
    assert server.prompt_tokens <= cost.prompt_tokens * 1.1
    judge.transcript = judge.transcript.with_name("other.jsonl")
    judge.asking = Asking(budget=Budget(0.001, price))
    with pytest.raises(BudgetError):
        judge.judge([written])


def test_the_rubric_says_what_each_point_means_and_the_texts_are_marked() -> None:
    request = grade(Shown("Write it up.", "Dialogue", "Reference"), "Answer", model="j")
    system, user = (message.content for message in request.messages)
    for name in CRITERIA:
        assert f"{name}:" in system
    assert system.count("  5: ") == system.count("  1: ") == len(CRITERIA)
    for text in ("Write it up.", "Dialogue", "Reference", "Answer"):
        assert f">>>\n{text}\n<<<end>>>" in user
    assert json.loads(request.schema or "")["required"] == ["reason", *CRITERIA]
    both = duel(Shown("a", "", "b"), "x", "y", model="j").messages[1].content
    assert both.count("<<<end>>>") == 4


def test_points_are_a_mean() -> None:
    assert points.value(points.counts([None] * 2, [1.0, 4.0]).sum(axis=0)) == 2.5


def test_agreement_with_people_is_a_correlation(judge: Judge) -> None:
    texts = [GOOD, MIDDLING, BAD, "another note ."] * 3
    humans = [
        Human(str(i), f"Dialogue {i}", "Reference", text, *[POINTS.get(text, 2) / 5] * 5, 0.0)
        for i, text in enumerate(texts)
    ]
    found = judge.agree(humans)
    assert found.n == 12
    assert [c.spearman.value for c in found.correlations] == pytest.approx([1.0] * 7)


def test_the_rank_correlation_is_that_of_scipy() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 5, (2, 30)).astype(np.float64)
        assert spearman(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert spearman(np.ones(4), np.arange(4.0)) == 0


def test_the_400_summaries_that_people_judged_are_asked_about(data: Path, judge: Judge) -> None:
    summaries = list(mts_dialog.judged(data / "mts_dialog"))
    cost = estimate(judge.requests_of(summaries))
    assert len(summaries) == 400
    assert cost.requests <= 400
    found = judge.agree(summaries[:12])
    assert (found.n, found.unreadable) == (12, 0)
