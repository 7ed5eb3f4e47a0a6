"""The Python API of the benchmark, against a constant model and a very small one."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import bioinstruct as bi
from bioinstruct import bench
from bioinstruct.bench import metrics
from bioinstruct.bench.metrics.intervals import difference
from bioinstruct.bench.models import Constant
from bioinstruct.bench.tasks.suites import SUITES
from bioinstruct.progress import Progress

Folder = Callable[[str], Path]
FAST = bench.Recipe(rank=2, alpha=4, learning_rate=1e-2, epochs=1, batch_size=8)


def test_tasks_come_by_name_suite_and_file(tmp_path: Path) -> None:
    assert [task.name for task in bench.load_tasks("demo-qa", "demo")] == [
        *("demo-qa", "demo-ie", "demo-gen"),
    ]
    assert [(e.name, e.split) for e in bench.load_tasks("medtuned")] == [
        (e.name, e.split) for e in SUITES["medtuned"]()
    ]
    assert {e.split for e in bench.load_tasks("medtuned")} == {"validation", "test"}
    assert bench.suites()["demo"] == ("demo-qa", "demo-ie", "demo-gen")
    own = tmp_path / "own.py"
    own.write_text(
        "from bioinstruct.bench import accuracy, task\n"
        "from bioinstruct import compile\n\n\n"
        "@task('QA', accuracy, choices=('yes', 'no', 'maybe'))\n"
        "def api_test_task(split):\n"
        '    """Whether a finding is there."""\n'
        "    return (e for e in compile('demo', split=split) if e.task == 'demo-qa')\n",
        encoding="utf-8",
    )
    [task] = bench.load_tasks(str(own))
    assert task.name == "api-test-task"
    assert bench.load_tasks(str(own)) == [task]  # named again, as by `evaluate` and `tune`
    train = bench.Evaluation(bench.load_tasks("demo-qa")[0].task, "train")
    assert bench.evaluate(Constant("yes"), train, limit=3).rows[0].split == "train"
    assert len(bench.evaluate(Constant("yes"), task, limit=5).tasks[0].evaluation.examples) == 5


def test_every_metric_is_public() -> None:
    """But those that repeat the counting of another benchmark."""
    ours = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), bench.Metric)}
    assert {name for name in ours if not name.startswith("medtuned_")} <= set(bench.__all__)
    assert set(bench.METRICS.values()) <= {getattr(metrics, name) for name in ours}


def test_scores_are_the_shares_of_the_constant_answer() -> None:
    """Oracle: how often the gold is `yes` among the items."""
    seen: list[Progress] = []
    scores = bench.evaluate(Constant("yes"), "demo-qa", limit=40, progress=seen.append)
    [one] = scores.tasks
    share = sum(example.output == "yes" for example in one.evaluation.examples) / 40
    assert scores["demo-qa"] == pytest.approx(share)
    assert seen[-1] == Progress("scoring demo-qa", 40, 40)
    low, high = scores.rows[0].base.low, scores.rows[0].base.high
    assert 0 <= low <= share <= high <= 1
    assert "score" in str(scores).splitlines()[0]
    assert f"{share:.3f}" in str(scores)
    [table] = ElementTree.fromstring(f"<div>{scores._repr_html_()}</div>").findall("table")
    assert [cell.text for cell in table.iter("th")][:3] == ["task", "metric", "n"]
    assert f"{share:.3f}" in {cell.text for cell in table.iter("td")}
    assert json.loads(scores.as_json())["rows"][0]["n"] == 40
    with pytest.raises(bi.UnknownNameError, match="no task among these scores named 'demo-q'"):
        scores["demo-q"]


def test_a_comparison_is_paired_and_names_what_it_leaves_out() -> None:
    yes = bench.evaluate(Constant("yes"), ["demo-qa", "demo-ie"], limit=30)
    no = bench.evaluate(Constant("no"), "demo-qa", limit=30)
    found = bench.compare(yes, no)
    [row] = found.rows
    golds = [example.output for example in no.tasks[0].evaluation.examples]
    share = (golds.count("no") - golds.count("yes")) / 30
    assert row.difference is not None
    assert row.difference.value == pytest.approx(share)
    documents = [e.provenance.document or e.id for e in no.tasks[0].evaluation.examples]
    counts = [s.tasks[0].outcome.readouts[0].counts for s in (yes, no)]
    assert row.difference == difference(bench.accuracy, *counts, documents)
    assert "before" in str(found)
    assert "demo-ie" in str(found).splitlines()[-1]
    notes = ElementTree.fromstring(f"<div>{found._repr_html_()}</div>").findall("p")
    assert notes[-1].text == str(found).splitlines()[-1]
    html = dataclasses.replace(found, left_out=("<b>",))._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_what_cannot_be_compared_is_refused_by_name() -> None:
    qa = bench.evaluate(Constant("yes"), "demo-qa", limit=5)
    with pytest.raises(bi.BioinstructError, match="nothing to compare"):
        bench.compare(qa, bench.evaluate(Constant("yes"), "demo-gen", limit=5))
    with pytest.raises(bi.BioinstructError, match="demo-qa: not the same items"):
        bench.compare(qa, bench.evaluate(Constant("yes"), "demo-qa", limit=6))
    with pytest.raises(bi.BioinstructError, match="demo-qa: not the same worked examples"):
        bench.compare(qa, bench.evaluate(Constant("yes"), "demo-qa", limit=5, shots=1))


def test_answers_in_a_folder_are_not_asked_again(tmp_path: Path) -> None:
    class Once(Constant):
        asked = 0

        def choose(self, examples, **more):  # type: ignore[no-untyped-def]
            type(self).asked += len(examples)
            return super().choose(examples, **more)

    first = bench.evaluate(Once("yes"), "demo-qa", limit=9, out=tmp_path / "run")
    asked = Once.asked
    assert str(bench.evaluate(Once("yes"), "demo-qa", limit=9, out=tmp_path / "run")) == str(first)
    assert Once.asked == asked > 0


@pytest.mark.peer
def test_a_model_is_tuned_and_answers_with_its_adapter(
    model_folder: Folder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing of other libraries is printed, and no warning leaves the functions."""
    train = bi.compile("demo", limit=24)
    test = bi.compile("demo", split="test", limit=2)
    seen: list[Progress] = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = bench.load_model(model_folder("llama"))
        before = bench.evaluate(model, "demo-qa", limit=4)
        tuned = bench.tune(
            model,
            [*train, *test],
            FAST,
            against="demo-qa",
            out=tmp_path / "tuned",
            progress=seen.append,
        )
        after = bench.evaluate(model, "demo-qa", limit=4)
    assert capfd.readouterr() == ("", "")
    assert (seen[-1].done, seen[-1].of) == (tuned.tuning.steps, tuned.tuning.steps)
    assert {one.record.id for one in tuned.rejected if one.record} >= {
        example.id for example in test
    }
    assert tuned.records + len(tuned.rejected) == len(train) + len(test)
    assert "left out" in str(tuned)
    assert before.fingerprint != after.fingerprint
    likelihoods = [s.tasks[0].outcome.readouts[0].counts.shape for s in (before, after)]
    assert likelihoods[0] == likelihoods[1]
    assert "after" in str(bench.compare(before, after))
    again = bench.load_model(model_folder("llama"), adapter=tmp_path / "tuned" / "adapter")
    assert again.fingerprint == after.fingerprint


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: bench.load_tasks(), bi.BioinstructError, "no task is named"),
        (lambda: bench.load_tasks("pubmdqa"), bi.UnknownNameError, "pubmedqa"),
        (lambda: bench.load_tasks("no-such.py"), bi.MissingError, "no file no-such.py"),
        (lambda: bench.load_model("no/such"), bi.ModelError, "no/such"),
        (lambda: bench.load_model("tiny", style="alpac"), bi.UnknownNameError, "alpac"),
        (lambda: bench.load_model("tiny", overflow="cut"), bi.UnknownNameError, "cut"),
        (lambda: bench.evaluate(Constant(), []), bi.BioinstructError, "no tasks"),
        (lambda: bench.evaluate(Constant(), "demo-qa", limit=0), bi.BioinstructError, "limit=0"),
        (lambda: bench.evaluate(object(), "demo-qa"), bi.ModelError, "fingerprint"),  # type: ignore[arg-type]
        (lambda: bench.tune(Constant(), []), bi.ModelError, "Constant"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_one_clear_error(call: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()  # type: ignore[operator]
