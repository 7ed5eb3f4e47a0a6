"""The thought of a reasoning model: its budget, its tokens, and what is never read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Category, Instruction
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import score
from bioinstruct.bench.metrics import accuracy, exact_match
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.constant import Constant
from bioinstruct.bench.models.endpoint import Asking, Endpoint
from bioinstruct.bench.models.thinking import Ending
from bioinstruct.bench.tasks import Formulation
from bioinstruct.bench.tasks.base import Task, _plain_parse
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.responses import read_reply
from bioinstruct.llm.types import Answer, Request
from tests.openai_server import Server, Settings
from tests.records import ask

Make = Callable[..., Instruction]
YES_NO = ("yes", "no")
TASK = Task(
    "finding", Category.QA, lambda s: iter(()), _plain_parse(YES_NO), (accuracy,), YES_NO, 12
)
THOUGHT = "<think>\nIt says no.\n\nThe answer is no.\n</think>\n\n"


@pytest.fixture(scope="module")
def model(model_folder: Callable[[str], Path]) -> CausalLM:
    loaded = CausalLM.load(str(model_folder("llama")), device="cpu")
    loaded.prompt_tokenizer.max_length = 4096  # rotary positions have no end
    return loaded


class Script:
    """A generator that writes a text, token by token, as long as it may."""

    used = type("Used", (), {"value": "script"})()
    fallback_reason = ""

    def __init__(self, model: CausalLM, text: str) -> None:
        self.ids = model.prompt_tokenizer.completion(text)
        self.limits: list[int] = []

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        ended: Callable[[list[int]], bool] | None = None,
    ) -> Iterator[tuple[int, list[int]]]:
        self.limits.append(max_new_tokens)
        for number in range(len(prompts)):
            written: list[int] = []
            for token in self.ids[:max_new_tokens]:
                written.append(token)
                if ended is not None and ended(written):
                    break
            yield number, written


def completions(model: CausalLM, text: str, example: Instruction, **how: Any) -> Any:
    model.generator = Script(model, text)  # type: ignore[assignment]
    [(_, found)] = model.complete([example], **how)
    return found


@pytest.fixture
def thinking(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> CausalLM:
    monkeypatch.setattr(model, "generator", model.generator)
    monkeypatch.setattr(model, "max_thinking", 200)
    return model


def count(model: CausalLM, text: str) -> int:
    return len(model.prompt_tokenizer.completion(text))


def test_a_thought_does_not_use_up_the_tokens_of_the_answer(
    thinking: CausalLM, example: Make
) -> None:
    long = THOUGHT + "yes " * 50
    found = completions(thinking, long, example(), max_new_tokens=6)
    answer = found.text.removeprefix(THOUGHT.rstrip())
    assert found.text.startswith(THOUGHT.rstrip())
    assert count(thinking, found.text) - found.thought_tokens == 6
    assert found.thought_tokens == pytest.approx(count(thinking, THOUGHT), abs=3)
    assert "yes" in answer
    assert found.truncated


def test_without_a_thought_the_answer_has_its_own_tokens_only(
    thinking: CausalLM, example: Make
) -> None:
    found = completions(thinking, "yes " * 50, example(), max_new_tokens=6)
    assert count(thinking, found.text) == 6
    assert found.thought_tokens == 0
    assert found.truncated


def test_a_thought_that_exceeds_its_budget_leaves_no_answer(
    thinking: CausalLM, example: Make
) -> None:
    found = completions(
        thinking, "<think>" + "hm " * 400 + "</think>yes", example(), max_new_tokens=6
    )
    assert count(thinking, found.text) == found.thought_tokens == 206
    assert found.truncated


def test_a_stop_string_ends_the_answer_and_not_the_thought(
    thinking: CausalLM, example: Make
) -> None:
    text = THOUGHT.rstrip() + "yes\n\nmore"
    for most in (0, 200):
        thinking.max_thinking = most
        found = completions(thinking, text, example(), max_new_tokens=100, stop=["\n\n"])
        assert found.text == THOUGHT.rstrip() + "yes"
        assert not found.truncated


def test_a_template_may_open_the_thought(model: CausalLM) -> None:
    ending = Ending(model.prompt_tokenizer, ["\n\n"], 4, 50)
    opened = ending.after(model.prompt_tokenizer.completion("Is it?\n<think>\n"))
    assert opened.opened
    assert not ending.after(model.prompt_tokenizer.completion("<think>\n\n</think>\n\n")).opened
    ids = model.prompt_tokenizer.completion("It is no.\n\nNo.")
    assert opened.cut(ids) == ("<think>It is no.\n\nNo.", False)
    assert opened.thought_tokens(ids) is None
    assert ending.cut(ids) == ("It is no.", True)


def test_another_budget_is_another_model_in_the_file_of_answers(thinking: CausalLM) -> None:
    with_budget = thinking.fingerprint
    thinking.max_thinking = 0
    assert thinking.fingerprint != with_budget


@pytest.mark.parametrize(
    ("text", "right", "unparsed"),
    [
        (THOUGHT + "yes", 1.0, 0),
        ("The answer is no.</think>\nThe answer is **yes**.", 1.0, 0),
        (THOUGHT + "no", 0.0, 0),
        (THOUGHT, 0.0, 1),
        ("<think>The answer is yes.", 0.0, 1),
    ],
)
def test_a_thought_is_never_read(
    text: str, right: float, unparsed: int, example: Make, tmp_path: Path
) -> None:
    evaluation = ask(TASK, [example()], formulation=Formulation.FREE_FORM)
    with Answers(tmp_path / "answers.jsonl") as answers:
        found = score(Constant(text), evaluation, answers)
    assert found.readouts[0].value == right
    assert found.flags["unparsed"] == unparsed
    assert not any("think" in (written or "") for written in found.written)
    texts = dataclasses.replace(TASK, parse=lambda t, e: t, choices=(), metrics=(exact_match,))
    with Answers(tmp_path / "more.jsonl") as answers:
        read = score(Constant(text), ask(texts, [example()]), answers)
    assert read.readouts[0].value == right


def test_a_server_is_given_the_tokens_of_the_thought_besides(example: Make, tmp_path: Path) -> None:
    bodies: list[dict[str, Any]] = []

    def answer(body: dict[str, Any], sample: int) -> str:
        bodies.append(body)
        return THOUGHT + "yes\n\nmore"

    server = Server(Settings(answer=answer))
    with server.running():
        client = OpenAIClient(base_url=server.url, api_key="none")
        path, asking = tmp_path / "transcript.jsonl", Asking(max_thinking=500)
        with Endpoint(client, "m", path, asking=asking) as model:
            [(_, found)] = model.complete([example()], max_new_tokens=12, stop=["more"])
    assert found.text == THOUGHT + "yes\n\n"
    assert found.thought_tokens > 0
    [body] = bodies
    assert body["max_tokens"] == 512
    assert "stop" not in body


def test_the_tokens_of_a_thought_are_those_that_the_server_reports() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 99,
        "completion_tokens_details": {"reasoning_tokens": 90},
    }
    choice = {"message": {"content": "yes"}, "finish_reason": "stop"}
    body = json.dumps({"model": "m", "choices": [choice], "usage": usage})
    found = read_reply(body, Request(model="m", messages=()))
    assert isinstance(found, Answer)
    assert found.reasoning_tokens == found.row()["reasoning_tokens"] == 90
