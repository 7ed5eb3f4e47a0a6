"""A run that is killed again and again, two at once, another model: nothing is lost or mixed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kills import KILLS

COMMAND = Path(sys.executable).with_name("bioinstruct-bench")
TASKS = ("--tasks", "demo", "--limit", "120", "--no-tune")
Folder = Callable[[str], Path]


def start(model: Path, out: str, *more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [COMMAND, "--model", model, *TASKS, "--out", out, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def keys(out: str) -> list[str]:
    lines = (Path(out) / "answers.jsonl").read_bytes().splitlines()
    return [json.loads(line)["key"] for line in lines]


@pytest.mark.peer
def test_a_run_that_is_killed_again_and_again_comes_to_the_same_report_and_asks_nothing_twice(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model, chance = model_folder("llama"), random.Random(0)
    answers = Path("killed/answers.jsonl")
    kills, size = 0, 0
    while kills < KILLS:
        process = start(model, "killed")
        step = chance.randint(1, 6)
        while process.poll() is None:
            if answers.exists() and answers.read_bytes().count(b"\n") >= size + step:
                break
            time.sleep(0.002)
        assert process.poll() is None, "the run was over before it was killed often enough"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before, size = size, answers.read_bytes().count(b"\n")
        assert size > before
        kills += 1
    last = start(model, "killed")
    last.communicate()
    whole = start(model, "whole")
    whole.communicate()
    assert (last.returncode, whole.returncode) == (0, 0)
    assert Path("killed/report.json").read_bytes() == Path("whole/report.json").read_bytes()
    assert len(keys("killed")) == len(set(keys("killed"))) == 360
    assert set(keys("killed")) == set(keys("whole"))


@pytest.mark.peer
def test_of_two_processes_in_one_folder_one_is_refused_and_the_answers_are_whole(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = model_folder("llama")
    both = [start(model, "out"), start(model, "out")]
    said = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes
    if codes != [0, 0]:  # the second may have come when the first was done
        assert sorted(codes) == [0, 1]
        assert "out/answers.jsonl: in use by another process" in said[codes.index(1)]
    assert len(keys("out")) == len(set(keys("out"))) == 360


@pytest.mark.peer
def test_another_model_in_the_same_folder_is_asked_everything_itself(
    model_folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = (("llama", "shared"), ("qwen2", "shared", "--force"), ("qwen2", "alone"))
    for shape, out, *more in runs:
        process = start(model_folder(shape), out, *more)
        process.communicate()
        assert process.returncode == 0
    assert Path("shared/report.json").read_bytes() == Path("alone/report.json").read_bytes()
    assert len(set(keys("shared"))) == 720
    assert set(keys("alone")) < set(keys("shared"))
