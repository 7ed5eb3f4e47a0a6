"""A run is killed at random moments, by a server that fails at random, and nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.generation.teacher import answer
from tests.kills import KILLS
from tests.openai_server import Server, Settings

COMMAND = Path(sys.executable).with_name("bioinstruct")
CONCURRENCY = 8


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Settings(answer=answer, seed=3)).running() as server:
        yield server


def start(server: Server, out: Path, *, count: int, recipe: str) -> subprocess.Popen[str]:
    arguments = ["--model", "gpt-4", "--count", count, "--license", "CC-BY-4.0", "--out", out]
    arguments += ["--recipe", recipe, "--concurrency", CONCURRENCY, "--timeout", 1]
    return subprocess.Popen(
        [COMMAND, "generate", *map(str, arguments)],
        env=os.environ | {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"},
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err


def on_disk(transcript: Path) -> set[str]:
    """Requests whose answer is whole in the file, however the file ends."""
    if not transcript.exists():
        return set()
    lines = transcript.read_bytes().split(b"\n")[:-1]  # what follows the last is torn
    rows = [json.loads(line) for line in lines]
    return {row["key"] for row in rows if row.get("kind") == "answer"}


def kill_at_random(server: Server, out: Path, *, kills: int, count: int, recipe: str) -> int:
    """Kill a run again and again, let it finish, and return how many answers were on disk.

    What was on disk at a kill is not asked for again: the server counts.
    """
    rng = random.Random(7)
    expected = count // (5 if recipe == "bioinstruct" else 8)
    kept: dict[str, int] = {}
    transcript = out.with_name("killed.transcript.jsonl")
    for _ in range(kills):
        process = start(server, out, count=count, recipe=recipe)
        seen = server.asked.total()
        enough = seen + rng.randrange(1, max(2, 2 * expected // kills))
        while server.asked.total() < enough and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, err
        for key in on_disk(transcript):
            kept.setdefault(key, server.asked[key])
    finish(start(server, out, count=count, recipe=recipe))
    asked_again = [key for key, times in kept.items() if server.asked[key] > times]
    assert asked_again == []
    return len(kept)


def check(server: Server, folder: Path, *, kills: int, count: int, recipe: str) -> None:
    finish(start(server, folder / "quiet.jsonl", count=count, recipe=recipe))
    assert server.faults["ok"] == server.asked.total(), "the first run is undisturbed"
    server.asked.clear()
    server.answered.clear()
    server.settings.faults = 0.3
    kept = kill_at_random(server, folder / "killed.jsonl", kills=kills, count=count, recipe=recipe)
    assert kept > 0
    for what in ("", ".rejected"):
        quiet, killed = (folder / f"{name}{what}.jsonl" for name in ("quiet", "killed"))
        assert killed.read_bytes() == quiet.read_bytes()
    lines = (folder / "killed.jsonl").read_bytes().splitlines()
    assert len({json.loads(line)["id"] for line in lines}) == count
    # Answers that had not reached the disk when a process was killed may be asked for again.
    twice = sum(times - 1 for times in server.answered.values())
    assert twice <= kills * CONCURRENCY
    left = {path.name for path in folder.iterdir()}
    files = {f"{n}{w}.jsonl" for n in ("quiet", "killed") for w in ("", ".rejected", ".transcript")}
    assert {name for name in left if not name.endswith(".lock")} == files


@pytest.mark.peer
def test_a_run_that_is_killed_and_failed_comes_to_the_same_bytes(
    server: Server, tmp_path: Path
) -> None:
    check(server, tmp_path, kills=2, count=80, recipe="bioinstruct")


@pytest.mark.peer
@pytest.mark.parametrize("recipe", ["bioinstruct", "self-instruct"])
def test_kills_and_thirty_per_cent_of_failures_cost_nothing(
    recipe: str, server: Server, tmp_path: Path
) -> None:
    check(server, tmp_path, kills=KILLS, count=100 * KILLS, recipe=recipe)
