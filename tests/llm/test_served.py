"""Answers by another model than was asked: told, counted, and refused unless allowed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Client
from bioinstruct.bench.models.endpoint import Asking, Endpoint
from bioinstruct.errors import ModelError
from bioinstruct.labels.teacher import Teaching, label_by_teacher
from bioinstruct.llm.runner import EventLoop, Usage, ask
from bioinstruct.llm.served import OTHER_MODEL, TOO_LONG, is_model, within_bounds
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Message, Request, Response
from bioinstruct.schema import Category
from tests.records import records

SAME = [
    ("gpt-4o", "gpt-4o-2024-08-06"),
    ("gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
    ("gpt-4", "gpt-4-0613"),
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022"),
    ("gemini-2.5-flash", "gemini-2.5-flash-preview-05-20"),
    ("gemini-1.5-pro", "gemini-1.5-pro-002"),
    ("llama3", "llama3:latest"),
    ("models/tiny-chat", "models/tiny-chat@main"),
    ("meta-llama/Llama-3-8B", "Llama-3-8B"),
    ("Qwen2.5-7B", "/models/qwen2.5-7b.gguf"),
    ("deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
]
OTHER = [
    ("gpt-4o", "gpt-4o-mini"),
    ("gpt-4o", "gpt-4o-mini-2024-07-18"),
    ("gpt-4", "gpt-4-32k"),
    ("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"),
    ("gpt-4o", "gpt-3.5-turbo"),
    ("llama-3-70b", "llama-3-8b"),
    ("my-deployment", "gpt-4o"),
    ("qwen2.5-7b", "qwen2.5-72b"),
]


@pytest.mark.parametrize(("asked", "answered"), SAME)
def test_a_date_a_tag_or_a_path_is_no_other_model(asked: str, answered: str) -> None:
    assert is_model(asked, answered)
    assert is_model(answered, asked)


@pytest.mark.parametrize(("asked", "answered"), OTHER)
def test_another_name_is_another_model(asked: str, answered: str) -> None:
    assert not is_model(asked, answered)
    assert not is_model(answered, asked)


class Proxy:
    """A server that sends every second request to a smaller model."""

    base_url = "http://127.0.0.1:1/v1"

    def __init__(self, text: str = "yes") -> None:
        self.text, self.asked = text, 0

    async def complete(self, request: Request) -> Response:
        self.asked += 1
        return Answer(
            text=self.text,
            finish_reason="stop",
            model=f"{request.model}-2026-01-01" if self.asked % 2 else "small",
            prompt_tokens=5,
            completion_tokens=7,
        )


def outcomes(proxy: Any, path: Path, *, other_models: bool) -> tuple[Sequence[Response], Usage]:
    requests = [Request(model="big", messages=(Message("user", str(n)),)) for n in range(4)]
    seen: list[Usage] = []

    async def run() -> list[Response]:
        with Transcript.open(path, base_url=proxy.base_url) as transcript:
            transcript.other_models = other_models
            asked = ask(requests, proxy, transcript, watch=seen.append, concurrency=1)
            return [outcome async for _, outcome in asked]

    with EventLoop() as loop:
        return loop.run(run()), seen[-1]


def test_they_are_failures_that_are_counted_and_kept_in_the_transcript(tmp_path: Path) -> None:
    proxy, path = Proxy(), tmp_path / "t.jsonl"
    found, usage = outcomes(proxy, path, other_models=False)
    assert [isinstance(one, Answer) for one in found] == [True, False, True, False]
    failure = found[1]
    assert isinstance(failure, Failure)
    assert failure.reason == OTHER_MODEL
    assert "'small'" in failure.message
    assert "'big'" in failure.message
    assert (usage.done, usage.failed[OTHER_MODEL]) == (2, 2)
    assert failure.completion_tokens == 7

    again, _ = outcomes(proxy, path, other_models=False)
    assert again == found
    allowed, usage = outcomes(proxy, path, other_models=True)
    assert all(isinstance(one, Answer) for one in allowed)
    assert (usage.done, usage.failed.total()) == (4, 0)
    assert proxy.asked == 4, "no answer is paid for twice"


def test_a_benchmark_is_not_scored_by_another_model(tmp_path: Path) -> None:
    examples = records(4)
    with (
        Endpoint(Proxy(), "big", tmp_path / "t.jsonl") as model,
        pytest.raises(ModelError, match=OTHER_MODEL) as caught,
    ):
        list(model.complete(examples, max_new_tokens=4))
    assert "--allow-other-models" in caught.value.hint
    asking = Asking(other_models=True)
    with Endpoint(Proxy(), "big", tmp_path / "t.jsonl", asking=asking) as model:
        assert len(list(model.complete(examples, max_new_tokens=4))) == 4


def test_labels_of_another_model_are_none(tmp_path: Path) -> None:
    text = json.dumps({"labels": [{"number": 1, "category": "QA"}]})
    found = []
    for other_models in (False, True):
        teacher = Client("big", provider=Proxy(text), other_models=other_models, concurrency=1)
        made = label_by_teacher(
            records(2, category="GEN"),
            teacher,
            Teaching(records=1),
            transcript=tmp_path / "t.jsonl",
        )
        found.append([one.example.category for one in made])
    assert found == [[Category.QA, Category.GEN], [Category.QA, Category.QA]]


@pytest.mark.parametrize(
    ("text", "most", "fits"),
    [
        ("yes", 4, True),
        ("word " * 200, 200, True),
        ("\u963f" * 4000, 4000, True),
        ("word " * 1_000_000, 4096, False),
        ("x" * 10_000, 100, False),
        ("word " * 1_000_000, None, True),
    ],
)
def test_a_text_far_beyond_the_tokens_that_were_asked_for_is_refused(
    text: str, most: int | None, fits: bool
) -> None:
    request = Request(model="m", messages=(), max_tokens=most)
    answer = Answer(
        text=text, finish_reason="stop", model="m", prompt_tokens=3, completion_tokens=9
    )
    found = within_bounds(request, answer)
    if fits:
        assert found is answer
    else:
        assert isinstance(found, Failure)
        assert (found.reason, found.completion_tokens) == (TOO_LONG, 9)
        assert found.final
