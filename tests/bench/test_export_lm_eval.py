from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import BioinstructError, Category, DataError, Instruction
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import readouts, score
from bioinstruct.bench.evaluation.lm_eval import (
    Score,
    compared,
    counts,
    export,
    harness_name,
    read_results,
    value,
)
from bioinstruct.bench.metrics import accuracy, get_metric
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import Evaluation, Formulation, Task, get_task
from bioinstruct.prompts import Style, render
from tests.records import ask

Chosen = list[Evaluation]


@pytest.fixture
def chosen(data: Path, monkeypatch: pytest.MonkeyPatch) -> Chosen:
    """A closed set, letters, the same as a cloze and written, and a task of entities."""
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(data))
    medqa = get_task("medqa")
    named = [Evaluation(get_task("gad"))]
    named += [Evaluation(medqa, formulation=formulation) for formulation in Formulation]
    named.append(Evaluation(replace(get_task("ncbi-disease"), max_new_tokens=24)))
    return [replace(e, examples=tuple(_shortest(e.task.read("test")))) for e in named]


def _shortest(examples: Iterator[Instruction], count: int = 24) -> list[Instruction]:
    return sorted(examples, key=lambda e: (len(e.input), e.id))[:count]


def documents(folder: Path, name: str) -> list[dict[str, Any]]:
    lines = (folder / f"bioinstruct_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_prompts_choices_and_gold_are_those_that_are_scored_here(
    chosen: Chosen, tmp_path: Path
) -> None:
    names = export(chosen, tmp_path)
    assert names == [f"bioinstruct_{n}" for n in ("gad", "medqa", "medqa_cloze")] + [
        "bioinstruct_medqa_generated",
        "bioinstruct_ncbi_disease",
    ]
    for example, found in zip(chosen[0].examples, documents(tmp_path, "gad"), strict=True):
        assert found["prompt"] == render(example)
        assert found["choices"][found["gold"]] == example.output
    assert len(documents(tmp_path, "medqa_cloze")[0]["choices"][0]) > 1


def test_written_answers_are_counted_as_they_are_here(chosen: Chosen, tmp_path: Path) -> None:
    export(chosen, tmp_path)
    evaluation = chosen[-1]
    examples = evaluation.examples
    texts = [example.output if n % 3 else "none" for n, example in enumerate(examples)]
    found = [
        counts(doc, t) for doc, t in zip(documents(tmp_path, "ncbi_disease"), texts, strict=True)
    ]
    for readout in readouts(evaluation, texts, "generated"):
        items = [each[harness_name(readout.metric.name)] for each in found]
        assert value(items) == pytest.approx(readout.value)


def test_worked_examples_stand_in_the_prompt_but_not_in_a_chat(
    chosen: Chosen, tmp_path: Path
) -> None:
    examples = chosen[0].examples
    shown = [replace(chosen[0], shots=examples[:2], examples=examples[2:])]
    export(shown, tmp_path)
    prompt = documents(tmp_path, "gad")[0]["prompt"]
    assert prompt.startswith(render(examples[0]) + examples[0].output + "\n\n")
    with pytest.raises(BioinstructError, match="turns"):
        export(shown, tmp_path, style=Style.CHAT)


def test_a_results_file_is_read_and_set_beside_ours(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    content = {
        "results": {
            "bioinstruct_medqa": {"alias": "x", "acc,none": 0.5, "acc_stderr,none": 0.1},
            "bioinstruct_medqa_cloze": {"acc,none": 0.25, "acc_norm,none": 0.375},
            "pubmedqa": {"acc,none": 0.7, "acc_stderr,none": "N/A"},
        },
        "n-samples": {"bioinstruct_medqa": {"original": 9, "effective": 8}},
    }
    path.write_text(json.dumps(content), encoding="utf-8")

    ways = (("letters", 0.5), ("cloze", 0.2), ("cloze, per character", 0.375))
    scores = [Score("medqa", how, "accuracy", 8, value) for how, value in ways]
    found = compared(read_results(path), scores)
    assert [each["ours"] for each in found] == [0.5, 0.2, None, None]
    assert (found[0]["n"], found[0]["stderr"], found[3]["stderr"]) == (8, 0.1, None)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="not a results file"):
        read_results(path)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_the_harness_finds_the_same_scores(
    chosen: Chosen, tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    """The folder is run by lm-evaluation-harness itself, with the same model."""
    pytest.importorskip("lm_eval", reason="pip install 'bioinstruct[oracle]'")
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    model = CausalLM.load(str(model_folder("llama")), device="cpu")
    model.prompt_tokenizer.max_length = 2048
    names = export(chosen, tmp_path / "folder")
    lm = HFLM(
        pretrained=model.model,
        tokenizer=model.prompt_tokenizer.tokenizer,
        batch_size=4,
        max_length=2048,
    )
    manager = TaskManager(include_path=str(tmp_path / "folder"), include_defaults=False)
    peer = simple_evaluate(lm, tasks=names, task_manager=manager, bootstrap_iters=0)
    with Answers(tmp_path / "answers.jsonl") as answers:
        for name, evaluation in zip(names, chosen, strict=True):
            found = peer["results"][name]
            for readout in score(model, evaluation, answers).readouts:
                key = harness_name(readout.metric.name)
                if evaluation.closed:
                    if key != "accuracy" or "per character" in readout.how:
                        continue
                    key = "acc"
                assert found[f"{key},none"] == pytest.approx(readout.value), (name, key)


def test_metrics_that_were_asked_for_besides_stay_here(tmp_path: Path) -> None:
    task = get_task("demo-gen")
    more = replace(task, metrics=(*task.metrics, get_metric("token-f1")))
    export([ask(more, list(task.read("test"))[:2])], tmp_path)
    said = (tmp_path / "bioinstruct_demo_gen.yaml").read_text(encoding="utf-8")
    assert '- metric: "ROUGE-L"' in said
    assert "token F1" not in said


def test_a_task_of_the_users_own_is_exported_where_the_harness_can_count_it(
    tmp_path: Path,
) -> None:
    examples = list(get_task("demo-qa").read("test"))[:4]
    closed = Task("own", Category.QA, iter, lambda t, e: t, (accuracy,), ("yes", "no", "maybe"))
    with pytest.raises(BioinstructError, match="would not find own") as caught:
        export([ask(replace(closed, choices=()), examples)], tmp_path)
    assert "give it choices" in caught.value.hint
    assert export([ask(closed, examples)], tmp_path) == ["bioinstruct_own"]
