from __future__ import annotations

import json
from pathlib import Path

from bioinstruct.bench.track import track
from bioinstruct.bench.tune import Progress


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
