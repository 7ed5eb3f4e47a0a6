from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Instruction
from bioinstruct.errors import BudgetError
from bioinstruct.labels import Labelled
from bioinstruct.labels.prompt import parse, request
from bioinstruct.labels.teacher import Teaching, label_by_teacher
from bioinstruct.llm.client import Client
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Request, Response
from tests.records import record, records

URL = "http://localhost/v1"


def say(text: str, **changes: object) -> Answer:
    fields = {"finish_reason": "stop", "model": "m", "prompt_tokens": 500, "completion_tokens": 50}
    return Answer(text=text, **{**fields, **changes})  # type: ignore[arg-type]


def all_gen(request: Request) -> Response:
    shown = json.loads(request.messages[1].content)["records"]
    return say(json.dumps({"labels": [{"number": r["number"], "category": "GEN"} for r in shown]}))


class Teacher:
    """A client that answers by a function, and counts."""

    base_url = URL

    def __init__(self, answer: Callable[[Request], Response] = all_gen) -> None:
        self.asked: list[Request] = []
        self._answer = answer

    async def complete(self, request: Request) -> Response:
        self.asked.append(request)
        return self._answer(request)


def run(
    path: Path, examples: list[Instruction], teacher: Teacher, **changes: Any
) -> list[Labelled]:
    client = Client(
        "m",
        provider=teacher,
        transcript=path / "t.jsonl",
        budget=changes.pop("budget", None),
        price=changes.pop("price", None),
        replay=changes.pop("replay", False),
    )
    return list(label_by_teacher(examples, client, Teaching(**{"records": 4, **changes})))


def test_records_come_back_in_order_with_the_teachers_labels(tmp_path: Path) -> None:
    teacher = Teacher()
    made = run(tmp_path, records(10), teacher)
    assert [one.example.id for one in made] == [one.id for one in records(10)]
    assert {one.example.category for one in made} == {"GEN"}
    assert {one.by for one in made} == {"m, label-1"}
    assert {one.offline for one in made} == {"IE"}  # and the offline label is told beside it
    assert len(teacher.asked) == 3


def test_nothing_that_was_answered_is_asked_twice(tmp_path: Path) -> None:
    first = run(tmp_path, records(10), Teacher())
    again = Teacher()
    assert run(tmp_path, records(10), again) == first
    assert again.asked == []


def test_the_present_category_is_not_shown_and_long_texts_are_cut() -> None:
    asked = request([record(category="OTHER", input="x" * 9000)], model="m", schema=True)
    shown = json.loads(asked.messages[1].content)["records"][0]
    assert set(shown) == {"number", "instruction", "input", "output"}
    assert shown["input"] == "x" * 1500 + " [...]"
    schema = json.loads(asked.schema or "")
    entry = schema["properties"]["labels"]["items"]["properties"]["category"]
    assert entry["enum"] == ["QA", "IE", "GEN", "OTHER"]
    assert request([record()], model="m", schema=False).schema is None


ONE = '{"number": 1, "category": "QA"}'


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (f'{{"labels": [{ONE}, {{"number": 2, "category": "IE"}}]}}', ["QA", "IE"]),
        (f'Sure:\n```json\n{{"labels": [{ONE}]}}\n```', ["QA", None]),
        (f'{{"labels": [{ONE}, {{"number": 2, "cat', ["QA", None]),
        (f'{{"labels": [{ONE}, {{"number": 2, "category": "NER"}}]}}', ["QA", None]),
        (f'{{"labels": [{ONE}, {{"number": 1, "category": "IE"}}]}}', [None, None]),
        (f'{{"labels": [{ONE}, {{"number": 7, "category": "IE"}}]}}', ["QA", None]),
        ("I cannot help with that.", [None, None]),
        ("", [None, None]),
    ],
)
def test_every_label_that_is_clear_is_used(text: str, labels: list[str | None]) -> None:
    assert parse(say(text), count=2) == labels


def test_a_request_without_an_answer_leaves_its_records_as_they_are(tmp_path: Path) -> None:
    teacher = Teacher(lambda asked: Failure(reason="content-filter", message="no"))
    made = run(tmp_path, records(3), teacher)
    assert [(one.example.category, one.by) for one in made] == [("IE", "")] * 3


def test_only_what_is_other_is_asked_about_when_labels_are_kept(tmp_path: Path) -> None:
    examples = [record(n, category="OTHER" if n % 3 == 0 else "QA") for n in range(11)]
    teacher = Teacher()
    made = run(tmp_path, examples, teacher, keep_existing=True, records=2)
    assert [one.example.category for one in made] == [
        "GEN" if n % 3 == 0 else "QA" for n in range(11)
    ]
    assert len(teacher.asked) == 2
    assert run(tmp_path, [record(category="QA")], teacher, keep_existing=True)[0].by == ""


def test_records_that_are_equal_are_each_labelled(tmp_path: Path) -> None:
    made = run(tmp_path, [record(), record(), record()], Teacher())
    assert [one.example.category for one in made] == ["GEN"] * 3


def test_the_budget_stops_it_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    small, large = Teacher(), Teacher()
    with pytest.raises(BudgetError):
        run(tmp_path, records(40), small, budget=0.06, price=(10, 10))
    made = run(tmp_path, records(40), large, budget=100, price=(10, 10))
    assert len(made) == 40
    assert small.asked
    assert len(small.asked) + len(large.asked) == 10


def test_stopping_early_leaves_a_transcript_to_go_on_from(tmp_path: Path) -> None:
    client = Client("m", provider=Teacher(), transcript=tmp_path / "t.jsonl", concurrency=2)
    made = label_by_teacher(records(40), client, Teaching(records=4))
    assert next(made).example.category == "GEN"
    made.close()
    with Transcript.read(tmp_path / "t.jsonl") as transcript:
        known = len(transcript)
    rest = Teacher()
    assert len(run(tmp_path, records(40), rest)) == 40
    assert known + len(rest.asked) == 10


def test_a_replay_asks_nothing_and_keeps_the_category_of_what_is_not_on_record(
    tmp_path: Path,
) -> None:
    run(tmp_path, records(8), Teacher())
    made = run(tmp_path, records(12), Teacher(), replay=True)
    assert [one.example.category for one in made] == ["GEN"] * 8 + ["IE"] * 4


def test_it_works_inside_a_running_loop_as_in_a_notebook(tmp_path: Path) -> None:
    async def cell() -> list[Labelled]:
        return run(tmp_path, records(5), Teacher())

    assert [one.example.category for one in asyncio.run(cell())] == ["GEN"] * 5
