"""The contract of `Model`, over every backend that ships, and a class of a user's own."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.experiment import load_training, run
from bioinstruct.bench.models import Choice, Completion, Constant, Model
from bioinstruct.bench.models.base import Tunable, as_tunable, check_model
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.endpoint import Endpoint
from bioinstruct.bench.tasks import get_task, load_evaluations
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.prompts import Style

from .test_endpoint import ModelServer

Make = Callable[..., Instruction]
OPTIONS = ("yes", "no", "chest pain")
QA = get_task("demo-qa")


@pytest.fixture(scope="module")
def local() -> CausalLM:
    return CausalLM.load("tiny", device="cpu")


@pytest.fixture(params=["local", "endpoint", "constant"])
def model(request: Any, local: CausalLM, tmp_path: Path) -> Iterator[Model]:
    with contextlib.ExitStack() as stack:
        if request.param == "local":
            yield local
        elif request.param == "constant":
            yield Constant("no finding. fever")
        else:
            server = ModelServer(local)
            stack.enter_context(server.running())
            client = OpenAIClient(base_url=server.url, api_key="none")
            path = tmp_path / "t.jsonl"
            yield stack.enter_context(Endpoint(client, "m", path, style=Style.ALPACA))


@pytest.fixture
def questions(example: Make) -> list[Instruction]:
    found = [example(input=f"Case {n} : chest pain .", output="no") for n in range(3)]
    return [*found, example(instruction="Which disease?", input="", output="yes"), found[0]]


def test_a_backend_has_every_member_and_one_fingerprint(model: Model) -> None:
    check_model(model)
    assert model.fingerprint == model.fingerprint != ""
    assert (model.name != "", model.style) == (True, Style.ALPACA)


@pytest.mark.parametrize("shown", [0, 2])
def test_each_example_is_completed_once_and_repeatably(
    model: Model, questions: list[Instruction], shown: int
) -> None:
    shots = questions[1 : 1 + shown]
    found = list(model.complete(questions, max_new_tokens=6, shots=shots))
    assert sorted(index for index, _ in found) == list(range(len(questions)))
    assert dict(found) == dict(model.complete(questions, max_new_tokens=6, shots=shots))
    assert dict(found)[0] == dict(found)[4]  # the same question
    assert list(model.complete([], max_new_tokens=6)) == []


def test_no_completion_holds_a_string_that_ends_it(
    model: Model, questions: list[Instruction]
) -> None:
    whole = dict(model.complete(questions, max_new_tokens=12))
    mark = next(c.text for c in whole.values() if len(c.text) > 4)[2:4]
    cut = dict(model.complete(questions, max_new_tokens=12, stop=(mark,)))
    assert {i: c.text.split(mark)[0] for i, c in whole.items()} == {
        i: c.text for i, c in cut.items()
    }


def test_the_gold_answer_does_not_change_a_completion(model: Model, example: Make) -> None:
    [(_, one)] = model.complete([example(output="yes")], max_new_tokens=8)
    [(_, other)] = model.complete([example(output="chest pain")], max_new_tokens=8)
    assert one == other


def test_each_example_has_a_log_likelihood_for_each_of_its_own_choices(
    model: Model, questions: list[Instruction]
) -> None:
    choices = [OPTIONS[: 2 + n % 2] for n in range(len(questions))]
    found = dict(model.choose(questions, choices=choices))
    assert sorted(found) == list(range(len(questions)))
    for index, choice in found.items():
        assert len(choice.log_likelihoods) == len(choices[index])
        assert all(math.isfinite(v) and v <= 1e-3 for v in choice.log_likelihoods)
    turned = dict(model.choose(questions, choices=[c[::-1] for c in choices]))
    for index, choice in found.items():
        assert turned[index].log_likelihoods[::-1] == pytest.approx(
            choice.log_likelihoods, abs=1e-4
        )


def test_a_model_without_an_adapter_states_that(model: Model) -> None:
    before = model.fingerprint
    for on in (True, False):
        with model.adapter(on=on) as there:
            assert (there, model.fingerprint) == (False, before)
    assert model.fingerprint == before


def test_a_run_of_any_backend_reports_its_name_style_and_fingerprint(
    model: Model, tmp_path: Path
) -> None:
    report = run(model, load_evaluations([QA], 4)[0], tmp_path / "run")
    assert (report.model, report.style) == (model.name, model.style.value)
    assert report.fingerprint == model.fingerprint
    assert [(row.task, row.n, row.tuned) for row in report.rows] == [("demo-qa", 4, None)]


def test_a_constant_answer_scores_its_share_of_the_gold(tmp_path: Path) -> None:
    tests, _ = load_evaluations([QA], 40)
    share = sum(e.output == "no" for e in tests[0].examples) / 40
    [row] = run(Constant("no"), tests, tmp_path).rows
    assert row.base.value == pytest.approx(share)
    assert row.base_said == {"no": 40}


class Longest:
    """A user's own backend, with the members of `Model` and nothing else: it likes long answers."""

    fingerprint = "longest-1"
    name = "longest"
    style = Style.ALPACA

    def complete(
        self,
        examples: Sequence[Instruction],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Completion]]:
        for index, example in enumerate(examples):
            yield index, Completion(example.input.split(" ")[0])

    def choose(
        self,
        examples: Sequence[Instruction],
        *,
        choices: Sequence[Sequence[str]],
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Choice]]:
        for index in reversed(range(len(examples))):
            yield index, Choice(tuple(float(len(c) - 99) for c in choices[index]))

    def adapter(self, *, on: bool = True) -> AbstractContextManager[bool]:
        return nullcontext(False)


def test_a_class_of_the_users_own_runs_from_end_to_end(tmp_path: Path) -> None:
    members = {name for name in vars(Longest) if not name.startswith("_")}
    assert members == {name for name in dir(Model) if not name.startswith("_")}
    tests, _ = load_evaluations([QA, get_task("demo-ie"), get_task("demo-gen")], 5)
    report = run(Longest(), tests, tmp_path)
    assert {row.task for row in report.rows} == {"demo-qa", "demo-ie", "demo-gen"}
    [row] = [row for row in report.rows if row.task == "demo-qa"]
    assert row.base_said == {"maybe": 5}
    assert report.scoring is None


@pytest.mark.parametrize("lacking", ["adapter", "choose", "complete", "fingerprint", "name"])
def test_a_backend_that_lacks_a_member_is_refused_by_name_before_anything_is_scored(
    lacking: str, tmp_path: Path
) -> None:
    members = {n: v for n, v in vars(Longest).items() if not n.startswith("_") and n != lacking}
    own = type("Mine", (), members)()
    with pytest.raises(ModelError, match=f"a Mine cannot be scored: it lacks {lacking}$"):
        run(own, load_evaluations([QA], 4)[0], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_backend_that_cannot_be_tuned_is_refused_by_name(tmp_path: Path) -> None:
    tests, _ = load_evaluations([QA], 4)
    training = load_training(Recipe(), tests, list(QA.read("train"))[:8], "demo")
    with pytest.raises(ModelError, match=r"a Longest cannot be tuned: it lacks .*load_adapter"):
        run(Longest(), tests, tmp_path / "run", training=training)
    with pytest.raises(ModelError, match="cannot be tuned"):
        run(Longest(), tests, tmp_path / "run", adapter=tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_local_model_can_be_tuned(local: CausalLM) -> None:
    check_model(local, Tunable)
    assert as_tunable(local) is local
