from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Instruction, MissingError, write
from bioinstruct.bench.training.tracking import TRACKERS, check_tracker, track, tracker
from bioinstruct.bench.training.trainer import Progress

from .test_devices import COMMAND, LAUNCH, RECIPE
from .test_tune import lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]


def at(step: int) -> Progress:
    return Progress(step, 5, 2.0 / step, 100.0, 30.0, 1.5)


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_step_is_a_line_and_is_shown(tmp_path: Path) -> None:
    shown: list[Progress] = []
    log = track(tmp_path / "tuning.jsonl", shown.append)
    for step in (1, 2, 3):
        log(at(step))
    assert steps(tmp_path / "tuning.jsonl") == [1, 2, 3]
    assert shown == [at(1), at(2), at(3)]


def test_a_run_that_goes_on_writes_steps_that_are_done_again_once(tmp_path: Path) -> None:
    path = tmp_path / "tuning.jsonl"
    first = track(path, lambda now: None)
    for step in (1, 2, 3, 4):
        first(at(step))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "lo')  # killed here
    again = track(path, lambda now: None)
    again(at(3))
    again(at(4))
    assert steps(path) == [1, 2, 3, 4]
    track(path, lambda now: None)(at(1))
    assert steps(path) == [1]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_that_is_not_installed_is_told_at_once(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match=f"needs the package {name}") as error:
        check_tracker(name)
    assert error.value.hint.startswith("pip install ")
    with pytest.raises(MissingError):
        tracker(name, tmp_path, run="a run", settings={})


def drawn(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads there."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def written(path: Path, field: str) -> list[tuple[int, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(row["step"], pytest.approx(row[field], rel=1e-6)) for row in rows]


def test_tensorboard_reads_the_steps_that_are_in_the_file(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    path = tmp_path / "tuning.jsonl"
    first = track(path, tracker("tensorboard", tmp_path, run="a run", settings={}))
    for step in (1, 2, 3, 4):  # and stopped here; the checkpoint was of step 2
        first(at(step))
    again = track(path, tracker("tensorboard", tmp_path, run="a run", settings={}))
    for step in (3, 4, 5):
        again(at(step))
    found = drawn(tmp_path)
    assert found.keys() == {
        f"tuning/{name}"
        for name in (
            *("steps", "loss", "tokens_per_second"),
            *("target_tokens_per_second", "seconds_left"),
        )
    }
    assert [step for step, _ in found["tuning/loss"]] == [1, 2, 3, 4, 5]
    assert found["tuning/loss"] == written(path, "loss")


def arguments(model: Path, example: Make, folder: Path, where: str) -> tuple[str, ...]:
    data, recipe = folder / "data.jsonl", folder / "recipe.toml"
    write(data, lessons(example))
    recipe.write_text(RECIPE, encoding="utf-8")
    given = ("--model", str(model), "--data", str(data), "--recipe", str(recipe), "--tasks")
    return (*given, "demo-qa", "--limit", "2", "--track", where, "--out", str(folder / "out"))


@pytest.mark.peer
def test_the_command_draws_its_steps_in_one_process_and_in_two(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    for number, launch in enumerate(((), (*LAUNCH, "--num_machines", "1"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = arguments(model_folder("llama"), example, folder, "tensorboard")
        done = subprocess.run((*launch, str(COMMAND), *given), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        out = folder / "out"
        assert drawn(out)["tuning/loss"] == written(out / "tuning.jsonl", "loss")
        assert len(list((out / "tensorboard").iterdir())) == 1


@pytest.mark.peer
def test_wandb_is_offline_where_it_is_told_so(
    model_folder: Folder, example: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    given = (str(COMMAND), *arguments(model_folder("llama"), example, tmp_path, "wandb"))
    monkeypatch.setenv("HOME", str(tmp_path))  # without the user's key
    done = subprocess.run(given, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "wandb cannot be opened: No API key" in done.stderr
    assert "WANDB_MODE=offline" in done.stderr
    monkeypatch.setenv("WANDB_MODE", "offline")
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    [kept] = (tmp_path / "out" / "wandb").glob("offline-run-*/*.wandb")
    assert b"tuning/loss" in kept.read_bytes()
    assert len(steps(tmp_path / "out" / "tuning.jsonl")) == 6


def test_a_tracker_is_for_tuning() -> None:
    given = [str(COMMAND), "--model", "tiny", "--no-tune", "--track", "tensorboard"]
    done = subprocess.run(given, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--track needs --model" in done.stderr
