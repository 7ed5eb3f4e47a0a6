"""What docs/python.md shows runs: the script with a fake teacher and `tiny`, the rest as it is."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bioinstruct
from bioinstruct import bench
from bioinstruct.bench import models
from tests.generation.teacher import answer
from tests.openai_server import Server, Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SCRIPT, *BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
PRICED = """\
import os
from bioinstruct.llm import pricing
pricing._table()["openai"]["endpoint"] = os.environ["OPENAI_BASE_URL"]
"""
FEWER = {"count=500": "count=30", "limit=100": "limit=2", 'split="train"': 'split="train", limit=8'}


def run(code: str, folder: Path, **more: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | more
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert "it/s" not in done.stderr  # the progress bars of other libraries
    return done.stdout


def run_script(code: str, folder: Path, data: Path) -> str:
    tiny = Path(bioinstruct.__file__).parent / "data" / "tiny"
    shutil.copytree(tiny, folder / "path" / "to" / "model")
    with Server(Settings(answer=answer)).running() as server:
        return run(
            PRICED + code,
            folder,
            OPENAI_BASE_URL=server.url,
            OPENAI_API_KEY="none",
            BIOINSTRUCT_DATA=str(data),
        )


def check(printed: str, folder: Path) -> None:
    assert printed.splitlines()[0].split()[:3] == ["task", "metric", "n"]
    firsts = {line.split()[0] for line in printed.splitlines() if line}
    assert {"ncbi-disease", "pubmedqa"} <= firsts
    assert (folder / "out" / "bioinstruct" / "README.md").is_file()
    assert (folder / "run" / "teacher.jsonl").is_file()


@pytest.mark.peer
def test_the_script_runs_on_less(tmp_path: Path, data: Path) -> None:
    code = SCRIPT
    for text, fewer in FEWER.items():
        assert text in code
        code = code.replace(text, fewer)
    check(run_script(code, tmp_path, data), tmp_path)


def test_every_other_block_prints_what_it_says(tmp_path: Path) -> None:
    printed = run("\n".join(BLOCKS), tmp_path, BIOINSTRUCT_DATA="").splitlines()
    for block in BLOCKS:
        for line in re.findall(r"^#> (.*)$", block, re.MULTILINE):
            assert line in printed, f"{line!r} not in {printed}"


@pytest.mark.parametrize("package", ["bioinstruct", "bioinstruct.bench"])
def test_the_reference_has_every_public_name(package: str) -> None:
    page = ROOT / "docs" / "reference" / f"{package.rpartition('.')[2]}.md"
    found = re.findall(r"^::: (\S+)\.(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    module = importlib.import_module(package)
    homes = {(home, name) for home, names in module._HOMES.items() for name in names}
    assert set(found) - {(home, name) for home, name in found if ".models." in home} == homes
    assert len(found) == len(set(found))
    if package.endswith("bench"):
        assert {name for _, name in found} >= set(models.__all__)
    undocumented = [
        name
        for name in module.__all__
        if callable(value := getattr(module, name))
        and not isinstance(value, bench.Metric)
        and not value.__doc__
    ]
    assert undocumented == []
