"""An ablation in a folder: it resumes, is shared by processes, and survives an arm that fails."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bioinstruct import BioinstructError, Instruction, bench
from bioinstruct.bench.ablation import study
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.evaluation.runs import compare_runs, read_counts
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training import trainer
from bioinstruct.dataset.load import read_examples
from bioinstruct.progress import Progress

Folder = Callable[[str], Path]
FAST = bench.Recipe(rank=2, alpha=4, learning_rate=1e-2, epochs=1, batch_size=4)
ARMS = ["QA", "IE", "all"]
THREE = bench.Design(sizes="natural", arms=tuple(ARMS))
ITEMS = 20


@pytest.fixture(scope="module")
def lessons() -> list[Instruction]:
    """Six short demonstration records of each category."""
    short = [e for e in read_examples("demo") if len(e.input) < 200]
    return [e for c in ("QA", "IE", "GEN") for e in [e for e in short if e.category == c][:6]]


def ablate(model: CausalLM, lessons: Sequence[Instruction], out: Path, **more: Any) -> Any:
    settings = {"by": THREE, "recipe": FAST, "limit": ITEMS, "out": out, **more}
    return bench.ablate(model, lessons, "demo-qa", **settings)


@pytest.fixture(scope="module")
def model(model_folder: Folder) -> CausalLM:
    return CausalLM.load(str(model_folder("llama")))


@pytest.fixture(scope="module")
def whole(
    model: CausalLM, lessons: list[Instruction], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An ablation that was not interrupted."""
    out = tmp_path_factory.mktemp("whole")
    ablate(model, lessons, out)
    return out


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fingerprints of the model that was asked, once for each question."""
    found: list[str] = []
    choose = CausalLM.choose

    def counting(self: CausalLM, examples: Sequence[Instruction], **how: Any) -> Any:
        found.extend([self.fingerprint] * len(examples))
        return choose(self, examples, **how)

    monkeypatch.setattr(CausalLM, "choose", counting)
    return found


def test_each_arm_is_a_run_and_its_row_is_what_compare_finds(whole: Path) -> None:
    found = json.loads((whole / "ablation.json").read_bytes())
    assert [arm["name"] for arm in found["arms"]] == ARMS
    assert [column["name"] for column in found["columns"]] == ["demo-qa"]
    assert found["family"] == len(found["cells"]) == len(ARMS)
    for number, arm in enumerate(found["arms"]):
        folder = whole / arm["folder"]
        assert (folder / "adapter" / "adapter_model.safetensors").is_file()
        report = json.loads((folder / "report.json").read_bytes())
        pairs, _ = compare_runs(read_counts(whole / "base"), read_counts(folder))
        cell = found["cells"][number]
        row = report["rows"][0]
        assert cell["comparison"] == row["comparison"]
        assert cell["comparison"]["difference"]["value"] == pairs[0].comparison.difference.value
        assert cell["tuned"] == row["tuned"]
        assert len((folder / "ids.txt").read_text().split()) == arm["records"]
    ps = [cell["comparison"]["p"] for cell in found["cells"]]
    judged = [cell["verdict"]["p"] for cell in found["cells"]]
    assert min(judged) == pytest.approx(min(1.0, len(ps) * min(ps)))  # Holm: the smallest times all


def test_the_base_is_asked_once_and_a_second_call_asks_and_tunes_nothing(
    model: CausalLM, lessons: list[Instruction], whole: Path, tmp_path: Path, asked: list[str]
) -> None:
    before = (whole / "ablation.json").read_bytes()
    ablate(model, lessons, whole)
    assert asked == []
    assert (whole / "ablation.json").read_bytes() == before
    ablate(model, lessons, tmp_path, by=bench.Design(sizes="natural", arms=("all",)))
    assert not model.has_adapter
    assert asked.count(model.fingerprint) == ITEMS
    assert len(asked) == 2 * ITEMS


class Stop(Exception):
    """Ends an ablation in the middle."""


@pytest.mark.parametrize("when", [pytest.param(5, marks=pytest.mark.peer), 30])
def test_a_stopped_ablation_comes_to_the_same_bytes(
    when: int, model: CausalLM, lessons: list[Instruction], whole: Path, tmp_path: Path
) -> None:
    """While the base is scored, and within arms."""
    seen = 0

    def stop(progress: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == when:
            raise Stop

    with pytest.raises(Stop):
        ablate(model, lessons, tmp_path, progress=stop)
    assert not (tmp_path / "ablation.json").exists()
    ablate(model, lessons, tmp_path)
    assert (tmp_path / "ablation.json").read_bytes() == (whole / "ablation.json").read_bytes()


@pytest.mark.parametrize("variant", [pytest.param("lora", marks=pytest.mark.peer), "pissa"])
def test_an_arm_that_diverges_is_a_row_with_its_reason_and_the_others_go_on(
    variant: str,
    model: CausalLM,
    lessons: list[Instruction],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = {e.id for e in lessons if e.category == "IE"}
    accumulate = trainer.Steps.accumulate

    def diverging(self: trainer.Steps, batch: Any) -> float:
        loss = accumulate(self, batch)
        return math.nan if any(row.name in bad for row in batch) else loss

    recipe = FAST.model_copy(update={"variant": variant})
    design = bench.Design(sizes="natural", arms=("IE", "GEN"))
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Steps, "accumulate", diverging)
        found = ablate(model, lessons, tmp_path / "a", recipe=recipe, by=design)
    failed = {arm.name: arm.failed for arm in found.arms}
    assert "the loss of step 1 is nan" in failed["IE"]
    assert failed["GEN"] == ""
    assert "failed" in str(found)
    assert found.difference("IE", "demo-qa") is None
    alone = ablate(
        CausalLM.load(model.name),
        lessons,
        tmp_path / "b",
        recipe=recipe,
        by=bench.Design(sizes="natural", arms=("GEN",)),
    )
    assert found.difference("GEN", "demo-qa") == alone.difference("GEN", "demo-qa")
    adapters = [next((tmp_path / n).glob("arms/GEN/adapter/*.safetensors")) for n in "ab"]
    assert adapters[0].read_bytes() == adapters[1].read_bytes()  # after an arm that failed
    again = ablate(model, lessons, tmp_path / "a", recipe=recipe, by=design)
    assert again == found  # it is not tried again with the same recipe


def test_an_arm_that_another_process_has_is_left_to_it_and_taken_over_when_that_ends(
    model: CausalLM,
    lessons: list[Instruction],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = FileLock(tmp_path / "arms" / "QA.lock")
    Path(lock.lock_file).parent.mkdir()
    lock.acquire()
    begun: list[str] = []
    finish = study.Study._finish

    def noting(self: study.Study, arm: Any, follow: Any) -> None:
        begun.append(arm.name)
        finish(self, arm, follow)

    monkeypatch.setattr(study.Study, "_finish", noting)
    monkeypatch.setattr(study.time, "sleep", lambda seconds: lock.release())
    ablate(model, lessons, tmp_path, by=bench.Design(sizes="natural", arms=("QA", "IE")))
    assert begun == ["IE", "QA"]


def test_a_folder_of_something_else_is_refused(
    model: CausalLM, lessons: list[Instruction], whole: Path, tmp_path: Path
) -> None:
    before = (whole / "ablation.json").read_bytes()
    for change, named in (
        ({"limit": 11}, "tasks"),
        ({"recipe": FAST.model_copy(update={"rank": 3})}, "recipe"),
        ({"by": bench.Design(by="size")}, "by"),
    ):
        with pytest.raises(BioinstructError, match=rf"with another .*{named}"):
            ablate(model, lessons, whole, **change)
    with pytest.raises(BioinstructError, match=r"holds an ablation with another .*data"):
        ablate(model, lessons[1:], whole)
    (tmp_path / "settings.json").write_text('{"model": "tiny"}', encoding="utf-8")
    with pytest.raises(BioinstructError, match="holds a run, not an ablation"):
        ablate(model, lessons, tmp_path)
    assert (whole / "ablation.json").read_bytes() == before


def test_the_mean_of_a_group_is_a_column(
    model: CausalLM, lessons: list[Instruction], tmp_path: Path
) -> None:
    [qa] = bench.load_tasks("demo-qa")
    found = bench.ablate(
        model,
        lessons,
        [qa, replace(qa.task, name="again")],
        by=bench.Design(sizes="natural", arms=("QA",)),
        recipe=FAST,
        limit=ITEMS,
        out=tmp_path,
    )
    assert [column.title for column in found.columns] == ["mean of QA", "demo-qa", "again"]
    mean, one, two = (found.difference("QA", column.title) for column in found.columns)
    assert mean.value == pytest.approx((one.value + two.value) / 2)


def command(*args: object, out: Path) -> subprocess.Popen[str]:
    code = "from bioinstruct.bench.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "ablate", *map(str, args), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture
def options(model_folder: Folder, lessons: list[Instruction], tmp_path: Path) -> list[object]:
    from bioinstruct import write

    write(tmp_path / "lessons.jsonl", lessons)
    tuning = ["--set", "rank=2", "alpha=4", "epochs=1", "batch_size=4"]
    scoring = ["--tasks", "demo-qa", "--limit", ITEMS, "--sizes", "natural", "--arms", *ARMS]
    data = ["--data", tmp_path / "lessons.jsonl"]
    return ["--model", model_folder("llama"), "--by", "categories", *data, *tuning, *scoring]


@pytest.mark.peer
def test_the_command_says_first_what_it_takes_and_prints_the_table(
    options: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["ablate", *map(str, options), "--arms", "QA", "IE", "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as done:
        main([*args, "--plan"])
    assert done.value.code == 0
    plan = capsys.readouterr().out
    assert [line.split()[:4] for line in plan.splitlines()[1:3]] == [
        ["QA", "natural", "=", "matched"],
        ["IE", "natural", "=", "matched"],
    ]
    assert "3 times 20 questions" in plan
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit) as done:
        main(args)
    assert done.value.code == 0
    shown = capsys.readouterr()
    assert shown.err.index("3 times 20 questions") < shown.err.index("arm QA")
    assert [line.split()[0] for line in shown.out.splitlines()[:5]] == [
        *("arm", "base", "QA", "IE", "detectable"),
    ]


@pytest.mark.peer
def test_killed_again_and_again_and_shared_by_two_processes_the_bytes_are_the_same(
    options: list[object], tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    for wanted in (1, 2):
        process = command(*options, out=out)
        while process.poll() is None and len(list(out.glob("arms/*/ids.txt"))) < wanted:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    both = [command(*options, out=out), command(*options, out=tmp_path / "shared")]
    both.append(command(*options, out=tmp_path / "shared"))
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0, 0], said
    begun = [
        [line for line in each.splitlines() if line.startswith("arm ") and line.endswith(")")]
        for each in said[1:]
    ]
    assert len(begun[0]) + len(begun[1]) == len(ARMS)
    assert not set(begun[0]) & set(begun[1])
    results = {
        folder: (folder / "ablation.json").read_bytes() for folder in (out, tmp_path / "shared")
    }
    assert len(set(results.values())) == 1
