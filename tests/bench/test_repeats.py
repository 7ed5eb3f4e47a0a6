"""Several seeds of tuning: each is what it would be alone, and the report has mean and spread."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bioinstruct.bench.evaluation.evaluate import MetricCounts, TaskResult, pooled
from bioinstruct.bench.evaluation.report import Report, table
from bioinstruct.bench.experiment import Training, load_training, run
from bioinstruct.bench.metrics import accuracy
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import Evaluation, get_task, load_evaluations
from bioinstruct.bench.training.estimate import make_plan
from bioinstruct.bench.training.lora import remove_adapter, save_adapter
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

Folder = Callable[[str], Path]
QA = get_task("demo-qa")
FAST = Recipe(rank=2, alpha=4, learning_rate=3e-2, epochs=2, batch_size=4)


def loaded() -> list[Evaluation]:
    return load_evaluations([QA], 12)[0]


def training(repeats: int = 1) -> Training:
    found = load_training(FAST, loaded(), list(QA.read("train"))[:16], "demo")
    return replace(found, repeats=repeats)


@pytest.mark.parametrize(
    "changes",
    [{}, {"train_embeddings": True}, {"variant": "pissa"}],
    ids=["lora", "words", "pissa"],
)
def test_a_second_tuning_starts_from_the_base(
    changes: dict[str, object], model_folder: Folder
) -> None:
    recipe, examples = FAST.model_copy(update=changes), training().examples
    folder = str(model_folder("llama"))
    model, fresh = CausalLM.load(folder), CausalLM.load(folder)
    base, ids = model.fingerprint, model.probe_ids()

    def logits(of: CausalLM) -> torch.Tensor:
        with torch.inference_mode():
            return of.forward(ids)

    before = logits(model)
    tune(model, examples, recipe, seed=0)
    first = model.fingerprint
    assert not torch.equal(logits(model), before)
    tune(model, examples, recipe, seed=1)
    tune(fresh, examples, recipe, seed=1)
    assert model.fingerprint == fresh.fingerprint != first
    assert torch.equal(logits(model), logits(fresh))
    remove_adapter(model)
    assert torch.equal(logits(model), before)
    assert (model.has_adapter, model.fingerprint) == (False, base)
    remove_adapter(model)  # there is none any more


def test_each_repeat_is_the_run_of_its_seed_and_a_second_run_asks_nothing(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = str(model_folder("llama"))
    alone = []
    for seed in (5, 6):
        report = run(
            CausalLM.load(folder), loaded(), tmp_path / str(seed), training=training(), seed=seed
        )
        alone.append(report.rows[0].tuned)
    out = tmp_path / "both"
    report = run(CausalLM.load(folder), loaded(), out, training=training(2), seed=5)
    row = report.rows[0]
    scores = [interval.value for interval in alone if interval]
    assert list(row.repeats) == scores
    assert row.tuned
    assert row.tuned.value == pytest.approx(statistics.mean(scores))
    shown = f"{statistics.mean(scores):.3f} ± {statistics.stdev(scores):.3f}"
    assert shown in table(report)
    assert "mean and sd of 2 seeds" in table(report)
    kept = (out / "answers.jsonl").read_bytes()
    assert (out / "repeat-2" / "adapter" / "adapter_config.json").is_file()
    one = (tmp_path / "5" / "adapter" / "adapter_model.safetensors").read_bytes()
    assert (out / "adapter" / "adapter_model.safetensors").read_bytes() == one
    again = run(CausalLM.load(folder), loaded(), out, training=training(2), seed=5)
    assert again == report
    assert (out / "answers.jsonl").read_bytes() == kept
    assert json.loads((out / "report.json").read_text())["rows"][0]["repeats"] == scores


def test_an_adapter_with_a_tied_trained_embedding_is_read_back(tmp_path: Path) -> None:
    model = CausalLM.load("tiny")  # its head is tied to its embedding
    recipe = Recipe(rank=2, alpha=4, epochs=1, batch_size=8, train_embeddings=True)
    tune(model, training().examples[:8], recipe)
    save_adapter(model, tmp_path / "adapter")
    again = CausalLM.load("tiny")
    again.load_adapter(tmp_path / "adapter")
    assert again.fingerprint == model.fingerprint


def test_the_mean_of_results_is_that_of_the_counts_of_each_item() -> None:
    counts = [np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])]
    results = [TaskResult([MetricCounts(accuracy, "letters", each)]) for each in counts]
    found = pooled(results)
    assert found.readouts[0].counts.tolist() == [[1.0, 1.0], [0.5, 1.0]]
    assert found.readouts[0].value == 0.75
    assert [each.readouts[0].value for each in found.repeats] == [0.5, 1.0]
    assert pooled(results[:1]) is results[0]


def test_the_plan_tells_what_all_tunings_take(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    plan = replace(make_plan(model, training().examples, FAST), seconds=120.0)
    assert "time        2.0 minutes" in plan.lines()
    assert "repeats     3 tunings: 6.0 minutes" in plan.lines(3)
    assert len(plan.lines(3)) == len(plan.lines()) + 1


def test_one_seed_has_no_column(model_folder: Folder, tmp_path: Path) -> None:
    report: Report = run(CausalLM.load(str(model_folder("llama"))), loaded(), tmp_path)
    assert "seeds" not in table(report)
