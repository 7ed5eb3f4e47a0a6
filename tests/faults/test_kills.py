"""Kills at random moments of labels, a judge and encoders; a disk that is full at a random byte."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import write
from bioinstruct.corpora import read
from tests.bench.test_encoder import random_bert
from tests.bench.test_judge import honest
from tests.kills import KILLS
from tests.openai_server import Json, Server, Settings
from tests.records import records

ROOT = Path(__file__).parents[2]
TIMES = max(2, KILLS // 2)


def label_all(body: Json, sample: int) -> str:
    """Answer with a label for each record of the prompt."""
    shown = json.loads(body["messages"][1]["content"])["records"]
    return json.dumps({"labels": [{"number": r["number"], "category": "GEN"} for r in shown]})


JUDGING = """
import sys
from pathlib import Path
from bioinstruct.bench.judge.judge import Judge
from bioinstruct.bench.judge.results import Written
from bioinstruct.llm.openai import OpenAIClient
from tests.bench.test_judge import BAD, GOOD
from tests.records import records
examples = records(30, output=GOOD)
judge = Judge(OpenAIClient(timeout=10), "judge", Path(sys.argv[1] + ".transcript.jsonl"))
found = judge.judge([Written("notes", examples, [BAD, GOOD] * 15, [GOOD] * 30)])
Path(sys.argv[1]).write_text(repr(found))
"""
LABELLING = """
import sys
from bioinstruct.cli.main import main
main(["label", sys.argv[2], "--by", "teacher", "--model", "m", "--records", "2", "--out",
      sys.argv[1], "--transcript", sys.argv[1] + ".transcript.jsonl", "--concurrency", "4"])
"""


def start(code: str, *args: object, **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        cwd=ROOT,
        env=os.environ | {"OPENAI_API_KEY": "none", "OMP_NUM_THREADS": "1"} | env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def on_disk(transcript: Path) -> set[str]:
    if not transcript.exists():
        return set()
    rows = [json.loads(line) for line in transcript.read_bytes().split(b"\n")[:-1]]
    return {row["key"] for row in rows if row.get("kind") == "answer"}


@pytest.mark.peer
@pytest.mark.parametrize(
    ("answer", "code"), [(label_all, LABELLING), (honest, JUDGING)], ids=["labels", "judge"]
)
def test_kills_lose_no_answer_and_ask_none_twice(
    answer: Callable[[Json, int], str], code: str, tmp_path: Path
) -> None:
    source, chance = tmp_path / "r.jsonl", random.Random(5)
    write(source, records(60))
    kept: dict[str, int] = {}
    with Server(Settings(answer=answer, latency=0.02)).running() as server:
        whole = start(code, tmp_path / "whole", source, OPENAI_BASE_URL=server.url)
        assert whole.wait() == 0
        total = server.asked.total()
        server.asked.clear()
        for _ in range(TIMES):
            process = start(code, tmp_path / "killed", source, OPENAI_BASE_URL=server.url)
            enough = server.asked.total() + chance.randrange(1, max(2, total // TIMES))
            while server.asked.total() < enough and process.poll() is None:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            process.wait()
            for key in on_disk(tmp_path / "killed.transcript.jsonl"):
                kept.setdefault(key, server.asked[key])
        # The rest runs on a copy of the folder, as on another machine.
        shutil.copytree(tmp_path, tmp_path / "copy")
        last = start(code, tmp_path / "copy/killed", source, OPENAI_BASE_URL=server.url)
        assert last.wait() == 0
        assert kept
        assert [key for key, times in kept.items() if server.asked[key] > times] == []
    copied = tmp_path / "copy"
    assert (copied / "killed").read_bytes() == (copied / "whole").read_bytes()


# One process loads the libraries; what it forks is run, or killed.
TUNING = """
import os, random, signal, sys, time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from bioinstruct.bench.encoders.model import EncoderRecipe
from bioinstruct.bench.encoders.run import run_encoder
from bioinstruct.bench.tasks import get_task, load_evaluations
import torch, transformers
recipe = EncoderRecipe(learning_rate=3e-3, epochs=2, batch_size=32, max_length=64)
task = get_task("demo-qa")
task = replace(task, read=lambda split, read=task.read: islice(read(split), 200))
tests, _ = load_evaluations([task], 20)

def begin(name):
    child = os.fork()
    if child:
        return child
    run_encoder(sys.argv[1], tests, Path(sys.argv[2]) / name, recipe=recipe)
    os._exit(0)

begun = time.monotonic()
assert os.waitpid(begin("whole"), 0)[1] == 0
took, chance = time.monotonic() - begun, random.Random(3)
for _ in range(int(sys.argv[3])):
    child = begin("killed")
    time.sleep(took * chance.uniform(0.1, 0.9))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
assert os.waitpid(begin("killed"), 0)[1] == 0
"""


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    texts = [example.input for example in read("demo", "train")]
    return random_bert(tmp_path_factory.mktemp("bert"), texts, pieces=600, width=32)


@pytest.mark.peer
def test_an_encoder_that_is_killed_comes_to_the_same_weights(bert: str, tmp_path: Path) -> None:
    assert start(TUNING, bert, tmp_path, TIMES).wait() == 0
    for name in ("model.safetensors", "predictions.json"):
        [whole] = (tmp_path / "whole").rglob(name)
        assert (tmp_path / "killed" / whole.relative_to(tmp_path / "whole")).read_bytes() == (
            whole.read_bytes()
        )


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from bioinstruct.cli.main import main
main(sys.argv[2:])
"""
FILLING = {
    "import": "import {source} --out {out}",
    "label": "label {source} --out {out}",
    "filter": "filter {source} --rules all --out {out}",
    "export": "export {source} --to chat --out {out}",
    "publish": "publish {source} --out {out}",
}


@pytest.mark.peer
@pytest.mark.parametrize("name", FILLING)
def test_a_disk_that_is_full_at_a_random_byte_leaves_no_half_of_a_file(
    name: str, tmp_path: Path
) -> None:
    source, out = tmp_path / "r.jsonl", tmp_path / "out"
    write(source, records(200))
    room = random.Random(name).randrange(1, 3000)
    args = FILLING[name].format(source=source, out=out).split()
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(room), *args],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    left = {path.name for path in tmp_path.iterdir()}
    assert left - {"out.dropped.jsonl"} == {"r.jsonl"}  # what `filter` drops fits: nothing
    again = subprocess.run(
        [sys.executable, "-c", FULL, str(1 << 30), *args], check=False, capture_output=True
    )
    assert again.returncode == 0
    assert out.exists()
    assert not list(tmp_path.glob(".*"))
