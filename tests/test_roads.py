"""The roads of three new users, from a built wheel in an environment of its own, offline.

The environment sees the libraries of this one, but not its bioinstruct: the package is the wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.peer
Type = Callable[..., str]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and the libraries of this one behind it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    place = folder / "env"
    venv.create(place, with_pip=False)
    [site] = place.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True)
    behind = [sysconfig.get_path("purelib"), *(p for p in sys.path if p.endswith("-packages"))]
    (site / "behind.pth").write_text("\n".join(dict.fromkeys(behind)) + "\n", "utf-8")
    for name in ("bioinstruct", "bioinstruct-bench"):
        home = "bioinstruct.cli.main" if name == "bioinstruct" else "bioinstruct.bench.cli.main"
        script = place / "bin" / name
        script.write_text(f"#!{place}/bin/python\nfrom {home} import main\nmain()\n", "utf-8")
        script.chmod(0o755)
    return place


@pytest.fixture
def typed(environment: Path, tmp_path: Path) -> Type:
    """Type a line of shell; returns what it prints, and fails unless it exits with `code`."""

    def run(line: str, code: int = 0) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=tmp_path,
            env={
                "PATH": f"{environment}/bin:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "HF_HUB_OFFLINE": "1",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return run


def test_the_package_is_that_of_the_wheel(typed: Type, environment: Path) -> None:
    assert str(environment) in typed("python -c 'import bioinstruct; print(bioinstruct.__file__)'")


def test_a_student_with_a_laptop(typed: Type, tmp_path: Path) -> None:
    rows = [{"question": f"What is sign {n}?", "answer": f"It is sign {n}."} for n in range(12)]
    (tmp_path / "cards.json").write_text(json.dumps(rows), "utf-8")
    said = typed("bioinstruct import cards.json --out records.jsonl", code=1)
    hint = next(line for line in said.splitlines() if line.startswith("hint: "))
    typed(f"{hint.removeprefix('hint: ')} --license CC0-1.0 --kind own --category QA")
    assert "exists" in typed("bioinstruct import cards.json --out records.jsonl", code=1)
    typed("bioinstruct export records.jsonl --to chat --out chat.jsonl")
    run = "bioinstruct-bench --model tiny --tasks demo-qa --limit 2 --data chat.jsonl"
    typed(f"{run} --set epochs=1 rank=4")
    [folder] = (tmp_path / "runs").iterdir()
    assert (folder / "report.json").is_file()


def test_a_clinical_engineer_without_internet(typed: Type, tmp_path: Path) -> None:
    import re

    page = (ROOT / "docs" / "own-data.md").read_text("utf-8")
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        typed(block)
    report = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert {row["task"] for row in report["rows"]} == {"ward-summaries"}
    card = (tmp_path / "ward-notes" / "README.md").read_text("utf-8")
    assert "Notes of our ward" in card
    assert "taken from the records of patients" in card


def test_the_author_of_a_dataset_with_a_server(typed: Type, tmp_path: Path) -> None:
    typed("bioinstruct compile demo --limit 40 --out compiled.jsonl")
    typed("bioinstruct filter --near-duplicates 0.9 --out kept.jsonl --rules all compiled.jsonl")
    typed("bioinstruct publish seeds kept.jsonl --out set --title 'My set' --author 'A. Author'")
    assert "exists" in typed("bioinstruct publish seeds --out set", code=1)
    typed("bioinstruct publish seeds --out set --force")
    assert "# My set" in (tmp_path / "set" / "README.md").read_text("utf-8")
    typed("bioinstruct-bench --model tiny --tasks demo-qa --limit 2 --no-tune --out run")
    said = typed("bioinstruct-bench --model tiny --tasks demo-ie --no-tune --out run", code=1)
    assert "--tasks demo-qa, now demo-ie" in said
    assert "--force" in said
