from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import BioinstructError, MissingError
from bioinstruct.bench.baselines.memory import Seen
from bioinstruct.bench.evaluation.model_card import adapter_card, in_vllm, merged_card
from bioinstruct.bench.evaluation.notes import notes
from bioinstruct.bench.evaluation.report import Data, Report, Row, table
from bioinstruct.bench.experiment import (
    Training,
    Watch,
    check_out,
    load_training,
    run,
    without_tests,
)
from bioinstruct.bench.metrics.comparisons import PairedTest, Verdict
from bioinstruct.bench.metrics.intervals import Interval
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import Evaluation, get_task, load_evaluations
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Tuning
from bioinstruct.dataset.statistics import Source
from bioinstruct.schema import content_id
from tests.golden import check
from tests.records import ask, record

Folder = Callable[[str], Path]
QA = get_task("demo-qa")
FAST = Recipe(rank=2, alpha=4, learning_rate=1e-2, epochs=1, batch_size=8)


@pytest.fixture
def model(model_folder: Folder) -> CausalLM:
    return CausalLM.load(str(model_folder("llama")))


def loaded(limit: int | None = None) -> list[Evaluation]:
    evaluations, _ = load_evaluations([QA], limit)
    return evaluations


def training() -> Training:
    return load_training(FAST, loaded(4), list(QA.read("train"))[:16], "demo")


def files(folder: Path) -> list[str]:
    """Return what a run wrote; the lock files of its journals are left out."""
    paths = [path for path in folder.rglob("*") if path.suffix != ".lock"]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def test_tests_are_a_sample_of_the_test_split_in_its_order() -> None:
    everything = list(QA.read("test"))
    assert loaded() == [ask(QA, everything)]
    lowest = sorted(everything, key=lambda e: e.id)[:3]
    assert loaded(3) == [ask(QA, [e for e in everything if e in lowest])]


def test_a_task_without_examples_and_one_without_its_corpus_are_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(BioinstructError, match="task empty has no examples in its test split"):
        load_evaluations([replace(QA, name="empty", read=lambda split: iter(()))])
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    with pytest.raises(MissingError) as caught:
        load_evaluations([get_task("pubmedqa")])
    assert "BIOINSTRUCT_DATA" in caught.value.hint
    assert "github.com/pubmedqa" in caught.value.hint


def test_by_default_a_model_is_tuned_on_the_training_splits_each_record_once() -> None:
    tests = loaded(4)
    twice = [*tests, replace(tests[0], task=replace(QA, name="again"))]
    found = load_training(FAST, twice)
    kept, rejected = without_tests(QA.read("train"), tests)
    assert found.examples == kept
    assert found.source == "the training splits of the tasks"
    assert (found.contaminated, found.recipe) == (rejected, FAST)


def test_data_of_ones_own_is_taken_as_it_is() -> None:
    own = [record(0), record(1), record(0)]
    found = load_training(FAST, loaded(4), own, "own.jsonl")
    assert (found.examples, found.source) == (own, "own.jsonl")
    assert found.data == load_training(FAST, loaded(2), own, "own.jsonl").data
    assert found.data != load_training(FAST, loaded(4), own[:2], "own.jsonl").data


def test_what_a_test_asks_is_not_trained_on() -> None:
    tests = loaded(4)
    own = [record(0), *tests[0].examples, record(1)]
    found = load_training(FAST, tests, own, "own.jsonl")
    assert found.examples == [record(0), record(1)]
    assert [one.record for one in found.contaminated] == list(tests[0].examples)
    assert (found.data.contaminated, found.data.overlaps) == (4, {"contaminated-exact": 4})


def test_when_nothing_is_left_to_tune_on_it_is_said_before_anything_is_scored() -> None:
    tests = loaded(4)
    with pytest.raises(BioinstructError) as caught:
        load_training(FAST, tests, tests[0].examples, "own.jsonl")
    assert str(caught.value) == (
        "nothing to tune on: each of the 4 instructions from own.jsonl overlaps a test"
    )
    assert "--no-tune" in caught.value.hint


def test_a_question_in_another_spelling_or_with_another_answer_is_the_same_question() -> None:
    tests = [ask(QA, [record(0, input="Case 0 had Ménière's disease.")])]
    same = [
        record(5, input="CASE 0  had\nMénière's disease. "),
        record(5, input="Case 0 had Me\u0301nie\u0300re's disease.", output="no"),
    ]
    other = [record(5, input="Case 1 had another illness."), record(6, input="")]
    kept, rejected = without_tests([*same, *other], tests)
    assert (kept, [one.record for one in rejected]) == (other, same)


def test_where_there_is_no_input_the_instruction_is_the_question() -> None:
    tests = [ask(QA, [record(0, instruction="What is measles?", input="")])]
    kept, rejected = without_tests(
        [record(1, instruction="what is Measles?", input=""), record(2, input="")], tests
    )
    assert [one.record.instruction for one in rejected] == ["what is Measles?"]
    assert len(kept) == 1


@given(st.lists(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_every_example_is_kept_or_left_out_in_its_order(
    numbers: list[int], asked: set[int]
) -> None:
    examples = [record(n) for n in numbers]
    task = replace(QA, read=lambda split: iter(()))
    kept, rejected = without_tests(examples, [ask(task, [record(n) for n in asked])])
    assert kept == [record(n) for n in numbers if n not in asked]
    left_out = [one.record for one in rejected]
    assert left_out == [record(n) for n in numbers if n in asked]


def test_a_folder_that_cannot_be_written_to_without_harm_is_refused_first(tmp_path: Path) -> None:
    check_out(tmp_path / "new" / "deep")
    check_out(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BioinstructError, match="file is a file"):
        check_out(tmp_path / "file")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "thesis.txt").touch()
    with pytest.raises(BioinstructError, match="is in the way: it is not an adapter"):
        check_out(tmp_path)
    (tmp_path / "adapter" / "adapter_config.json").touch()
    check_out(tmp_path)


def test_a_run_writes_its_report_its_answers_its_adapter_and_what_was_left_out(
    model: CausalLM, tmp_path: Path
) -> None:
    tests = loaded(4)
    lessons = load_training(
        FAST, tests, [*list(QA.read("train"))[:16], *tests[0].examples[:2]], "mine"
    )
    out = tmp_path / "out"
    report = run(model, tests, out, training=lessons, seed=7)
    assert files(out) == [
        "adapter",
        "adapter/README.md",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/bioinstruct.json",
        "answers.jsonl",
        "contaminated.jsonl",
        "counts.jsonl",
        "items.jsonl",
        "report.html",
        "report.json",
        "tuning.jsonl",
    ]
    lines = (out / "contaminated.jsonl").read_text(encoding="utf-8").splitlines()
    left_out = [json.loads(line)["record"] for line in lines]
    assert left_out[-2:] == [e.row() for e in tests[0].examples[:2]]
    assert left_out == [one.record.row() for one in lessons.contaminated]
    written = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert written == json.loads(report.as_json())
    assert written["model"] == model.name
    assert written["fingerprint"] == model.fingerprint
    assert (written["adapter"], written["style"], written["seed"]) == (None, "alpaca", 7)
    assert written["demonstration"] is True
    assert written["recipe"] == FAST.model_dump()
    assert written["data"]["source"] == "mine"
    assert written["data"]["contaminated"] == len(lessons.contaminated) == 2
    assert written["tuning"]["examples"] == 16
    assert {"python", "torch", "transformers", "peft", "bioinstruct"} <= written["versions"].keys()
    rows = written["rows"]
    assert [(r["task"], r["metric"], r["how"], r["n"]) for r in rows] == [
        ("demo-qa", "accuracy", "likelihood", 4),
    ]
    for row in rows:
        assert row["split"] == "test"
        assert 0 < row["majority"] <= 1
        for name in ("base", "tuned"):
            assert 0 <= row[name]["low"] <= row[name]["value"] <= row[name]["high"] <= 1
        gain = row["tuned"]["value"] - row["base"]["value"]
        assert row["difference"]["value"] == pytest.approx(gain)
    answers = [json.loads(t) for t in (out / "answers.jsonl").read_text("utf-8").splitlines()]
    assert len(answers) == 8  # 4 questions, base and tuned
    assert {a["model"] for a in answers} == {model.base_fingerprint, model.fingerprint}
    card = (out / "adapter" / "README.md").read_text(encoding="utf-8")
    assert table(report) in card
    assert str(report) == table(report)
    assert report._repr_html_().startswith("<table>")


def test_without_training_only_the_base_is_scored(model: CausalLM, tmp_path: Path) -> None:
    report = run(model, loaded(4), tmp_path / "out")
    kept = ["answers.jsonl", "counts.jsonl", "items.jsonl", "report.html", "report.json"]
    assert files(tmp_path / "out") == kept
    assert report.recipe is report.tuning is report.data is None
    assert all(row.tuned is row.difference is None for row in report.rows)
    assert "difference" not in table(report)


def test_the_same_run_in_the_same_place_asks_nothing_again_and_reports_the_same_bytes(
    model_folder: Folder, tmp_path: Path
) -> None:
    prints = []
    for _ in range(2):
        model = CausalLM.load(str(model_folder("llama")))
        run(model, loaded(4), tmp_path, training=training())
        names = ("report.json", "answers.jsonl", "adapter/adapter_model.safetensors")
        prints.append(
            [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names]
        )
    assert prints[0] == prints[1]


def test_the_base_of_a_tuned_run_is_the_base_of_an_untuned_one(
    model_folder: Folder, tmp_path: Path
) -> None:
    def rows(training: Training | None) -> list[Interval]:
        model = CausalLM.load(str(model_folder("llama")))
        out = tmp_path / str(training is None)
        return [row.base for row in run(model, loaded(8), out, training=training).rows]

    assert rows(training()) == rows(None)


def test_an_adapter_that_was_kept_scores_what_it_scored(
    model_folder: Folder, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    first = run(model, loaded(8), tmp_path / "a", training=training())
    adapter = tmp_path / "a" / "adapter"
    again = run(
        CausalLM.load(str(model_folder("llama"))),
        loaded(8),
        tmp_path / "b",
        adapter=adapter,
    )
    assert again.rows == first.rows
    assert again.fingerprint == first.fingerprint
    assert (again.adapter, again.tuning) == (str(adapter), None)


def stop_when(condition: Callable[..., bool]) -> Callable[..., None]:
    def callback(*progress: Any) -> None:
        if condition(*progress):
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize(
    "watch",
    [
        Watch(scored=stop_when(lambda which, task, done, of: which == "base" and done >= 2)),
        Watch(tuned=stop_when(lambda progress: progress.step == 1)),
        Watch(scored=stop_when(lambda which, task, done, of: which == "tuned" and done >= 2)),
    ],
    ids=["scoring the base", "tuning", "scoring the tuned"],
)
def test_a_run_that_was_stopped_leaves_no_report_and_goes_on_to_the_same_one(
    model_folder: Folder, tmp_path: Path, watch: Watch
) -> None:
    def go(out: Path, watch: Watch | None = None) -> str:
        model = CausalLM.load(str(model_folder("llama")))
        model.token_budget = 600  # two or three questions at a time
        run(model, loaded(4), out, training=training(), watch=watch)
        return (out / "report.json").read_text(encoding="utf-8")

    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        go(stopped, watch)
    assert "report.json" not in files(stopped)
    assert not [name for name in files(stopped) if name.endswith(".tmp")]
    before = (stopped / "answers.jsonl").read_bytes()
    assert go(stopped) == go(tmp_path / "whole")
    after = (stopped / "answers.jsonl").read_bytes()
    assert after.startswith(before)
    keys = [json.loads(line)["key"] for line in after.splitlines()]
    assert len(keys) == len(set(keys)) == 8


OVERLAPS = {"contaminated-exact": 5, "contaminated-n-gram": 2}
SOURCES = (
    Source("ncbi-disease", "2014", "CC0-1.0", "compiled", 4980),
    Source("notes", None, "LicenseRef-own", "seed", 20),
)


def report(**changes: Any) -> Report:
    flags = {"tied": 1, "truncated": 0, "shortened": 12, "skipped": 3, "unparsed": 1204}
    row = Row(
        task="pubmedqa",
        group="QA",
        split="test",
        metric="accuracy",
        how="likelihood",
        spec="share of items answered with the gold answer",
        n=1500,
        documents=1200,
        floor=0.61,
        floor_name="bag of words",
        seen=Seen("texts", 1500, 0.101, (0.6, 0.49), (0.8, None)),
        comparison=PairedTest(Interval(0.25, 0.2, 0.3), 0.0001, 0.07, 1200),
        verdict=Verdict(0.0002, "better"),
        majority=0.552,
        base=Interval(0.5, 0.45, 0.55),
        tuned=Interval(0.75, 0.7, 0.8),
        difference=Interval(0.25, 0.2, 0.3),
        base_flags=flags,
        tuned_flags=dict.fromkeys(flags, 0),
    )
    ner = replace(row, task="ncbi-disease", group="IE", metric="entity F1", how="generated")
    lost = Interval(-0.0156, -0.031, 0.0)
    few = {
        "floor": None,
        "floor_name": "no training data: no such file",
        "seen": None,
        "comparison": PairedTest(lost, 0.5, 0.4, 4),
        "verdict": Verdict(None, "too few documents (4 of 10)"),
    }
    rows = [
        row,
        replace(row, how="generated", seen=None, verdict=None, tuned=Interval(0.6, 0.5, 0.7)),
        replace(
            ner, **few, n=40, documents=4, majority=0.0, difference=lost, base_flags={"skipped": 0}
        ),
    ]
    tuning = Tuning(
        examples=4990,
        shortened=20,
        skipped=10,
        steps=117,
        tokens=1234567,
        target_tokens=34567,
        trained_parameters=4352,
        losses=[6.83, 1.21, 0.42],
    )
    values = {
        "model": "some/model",
        "adapter": None,
        "fingerprint": "b3360e0b0f881769+9bf192f9b6ee1c77",
        "style": "alpaca",
        "seed": 0,
        "demonstration": False,
        "rows": rows,
        "data": Data("train.jsonl", content_id("", "", "x"), 7, OVERLAPS, SOURCES),
        "recipe": Recipe(),
        "tuning": tuning,
        "versions": {"bioinstruct": "0.2.0"},
    }
    return Report(**{**values, **changes})


def test_the_table_is_what_was_agreed() -> None:
    check("table.txt", table(report()) + "\n")


def test_the_table_of_an_untuned_model_has_no_columns_that_would_be_empty() -> None:
    rows = [replace(row, tuned=None, difference=None) for row in report().rows]
    check("table-untuned.txt", table(report(rows=rows)) + "\n")


def test_what_was_left_out_of_tuning_is_told() -> None:
    assert notes(report()) == [
        "tuning: left out 7 because they overlap a test (5 exact, 2 n-gram)",
        "tuning: 10 examples did not fit and were left out, 20 inputs were shortened to fit",
    ]


def test_the_card_of_an_adapter_is_what_was_agreed() -> None:
    check("adapter-card.md", adapter_card(report()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "yes, with `--enable-lora --max-lora-rank 16`"),
        ({"rank": 40, "variant": "rslora"}, "--max-lora-rank 64"),
        ({"rank": 16, "variant": "pissa"}, "--max-lora-rank 32"),
        ({"rank": 300, "variant": "pissa"}, "no, because its rank of 600"),
        ({"variant": "dora"}, "no, because vLLM does not support DoRA"),
        ({"train_embeddings": True}, "no, because vLLM does not support trained"),
    ],
)
def test_a_card_says_whether_vllm_takes_the_adapter(change: dict[str, Any], said: str) -> None:
    recipe = Recipe().model_copy(update=change)
    assert said in in_vllm(recipe)
    assert f"In vLLM: {in_vllm(recipe)}" in adapter_card(report(recipe=recipe))


def test_the_card_of_a_merged_model_has_that_of_its_adapter() -> None:
    card = merged_card(report(), dtype="bfloat16", apart=0.0123, adapter=adapter_card(report()))
    check("merged-card.md", card)
    again = report(adapter="given", recipe=None, data=None, tuning=None)
    card = merged_card(again, dtype="float32", apart=0.0, adapter="")
    assert "The adapter has no model card" in card
    assert table(again) in card


def test_the_card_of_a_demonstration_says_that_it_is_one() -> None:
    assert "pipeline runs end to end" in adapter_card(report(demonstration=True))
    assert "pipeline runs end to end" not in adapter_card(report())
