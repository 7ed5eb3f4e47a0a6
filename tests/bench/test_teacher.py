"""A model of this machine as the teacher."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.teacher import LocalTeacher
from bioinstruct.cli.main import main
from bioinstruct.llm.types import Answer, Failure, Message, Request

ASKED = Request(
    model="tiny", messages=(Message("user", "List the diseases."),), max_tokens=12, temperature=0
)


@pytest.fixture(scope="module")
def teacher() -> LocalTeacher:
    return LocalTeacher.load("tiny", device="cpu")


def ask(teacher: LocalTeacher, request: Request) -> Any:
    return asyncio.run(teacher.complete(request))


def test_a_greedy_answer_is_what_the_largest_logits_give(teacher: LocalTeacher) -> None:
    model = CausalLM.load("tiny", device="cpu")
    tokenizer: Any = model.prompt_tokenizer.tokenizer
    ids = tokenizer("List the diseases.\n\n")["input_ids"]
    begun = len(ids)
    with torch.inference_mode():
        while len(ids) < begun + 12 and (len(ids) == begun or ids[-1] != tokenizer.eos_token_id):
            ids.append(int(model.bare(torch.tensor([ids])).logits[0, -1].argmax()))
    found = ask(teacher, ASKED)
    assert isinstance(found, Answer)
    assert found.text == tokenizer.decode(ids[begun:], skip_special_tokens=True)
    assert (found.prompt_tokens, found.completion_tokens) == (begun, len(ids) - begun)
    assert found.finish_reason == ("stop" if ids[-1] == tokenizer.eos_token_id else "length")


def test_a_drawn_answer_is_that_of_the_request_and_leaves_the_random_state(
    teacher: LocalTeacher,
) -> None:
    before = torch.random.get_rng_state()
    drawn = [ask(teacher, replace(ASKED, temperature=1.5, sample=n)).text for n in range(4)]
    assert drawn == [ask(teacher, replace(ASKED, temperature=1.5, sample=n)).text for n in range(4)]
    assert len(set(drawn)) > 1
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_prompt_that_does_not_fit_is_a_failure(teacher: LocalTeacher) -> None:
    long = replace(ASKED, messages=(Message("user", "disease " * 5000),))
    found = ask(teacher, long)
    assert isinstance(found, Failure)
    assert found.final
    assert "the context of tiny" in found.message


def test_a_run_with_a_teacher_of_this_machine_is_replayed_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def complete(self: LocalTeacher, request: Request) -> Answer:
        tasks = [
            {"task": "t", "category": "QA", "instruction": "Say which sign of measles is first."}
        ]
        text = json.dumps({"tasks": [one | {"input": "", "output": "Fever."} for one in tasks]})
        return Answer(
            text=text,
            finish_reason="stop",
            model=request.model,
            prompt_tokens=1,
            completion_tokens=1,
        )

    monkeypatch.setattr(LocalTeacher, "complete", complete)  # `tiny` writes no tasks
    args = ["--teacher-path", "tiny", "--count", "1", "--license", "CC0-1.0", "--format", "json"]
    for more in (["--out", "a.jsonl"], ["--out", "b.jsonl", "--transcript", "a.transcript.jsonl"]):
        with pytest.raises(SystemExit) as done:
            main(["generate", *args, *more])
        assert done.value.code == 0, capsys.readouterr().err
        monkeypatch.setattr(LocalTeacher, "load", None)
        args.append("--replay")
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()
    assert "spent so far: " in capsys.readouterr().err
    [line] = Path("a.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["provenance"]["teacher"]["model"] == "tiny"
