from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.experiment import run
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import load_evaluations
from bioinstruct.bench.tasks.base import get_task

TWO = ("torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m")
ARGUMENTS = ("--tasks", "demo-qa", "demo-ie", "--limit", "7", "--no-tune", "--json", "--out")


def bench(*command: str) -> tuple[str, str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, done.stderr


def lines(path: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(rows, key=lambda row: str(row["key"]))


@pytest.mark.peer
def test_two_processes_give_the_report_of_one(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = ("--model", str(model_folder("llama")), *ARGUMENTS)
    one, _ = bench("bioinstruct.bench", *model, str(tmp_path / "one"))
    two, said = bench(*TWO, "bioinstruct.bench", *model, str(tmp_path / "two"))
    assert json.loads(one)["rows"] == json.loads(two)["rows"]
    assert (tmp_path / "two" / "report.json").read_text(encoding="utf-8") == two
    asked = [row["key"] for row in lines(tmp_path / "two" / "answers.jsonl")]
    assert asked == [row["key"] for row in lines(tmp_path / "one" / "answers.jsonl")]
    assert said.count("loading") == 1
    assert list((tmp_path / "two").glob("answers-*")) == []
    again, _ = bench(*TWO, "bioinstruct.bench", *model, str(tmp_path / "two"))
    assert again == two
    assert [row["key"] for row in lines(tmp_path / "two" / "answers.jsonl")] == asked


def test_answers_of_another_process_are_known_and_taken_over(tmp_path: Path) -> None:
    other = tmp_path / "answers-1.jsonl"
    with Answers(other) as theirs:
        theirs.add("a", {"text": "theirs"})
        theirs.add("b", {"text": "theirs"})
        with other.open("ab") as file:
            file.write(b'{"key": "c", "te')  # is being written
        with Answers(tmp_path / "answers.jsonl") as ours:
            ours.add("a", {"text": "ours"})
            ours.load(other)
            assert ours["b"] == {"text": "theirs"}
            assert "c" not in ours
            ours.load(tmp_path / "absent.jsonl")
        assert [row["key"] for row in lines(tmp_path / "answers.jsonl")] == ["a"]
        with Answers(tmp_path / "answers.jsonl") as ours:
            ours.load(other, merge=True)
    found = lines(tmp_path / "answers.jsonl")
    assert [(row["key"], row["text"]) for row in found] == [("a", "ours"), ("b", "theirs")]


def test_what_other_processes_left_is_not_asked_again(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")), device="cpu")
    tests, _ = load_evaluations([get_task("demo-qa")], 4)
    first = run(model, tests, tmp_path)
    kept = lines(tmp_path / "answers.jsonl")
    (tmp_path / "answers.jsonl").rename(tmp_path / "answers-3.jsonl")
    model.scorer = None  # type: ignore[assignment]  # it must not be asked
    assert run(model, tests, tmp_path).as_json() == first.as_json()
    assert lines(tmp_path / "answers.jsonl") == kept
    assert not (tmp_path / "answers-3.jsonl").exists()
