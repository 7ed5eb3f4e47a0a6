"""Wheel and sdist are built, hold what they should, and work outside of the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import bioinstruct

SOURCE = Path(__file__).parents[1]

pytestmark = pytest.mark.peer


def run(*command: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | settings,
        cwd=settings.get("PWD"),
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    if run(*pip, "install", "-q", "--target", folder / "tools", "hatchling").returncode:
        pytest.skip("hatchling cannot be installed: NOT BUILT")
    tools = {"PYTHONPATH": str(folder / "tools")}
    done = run(sys.executable, "-m", "hatchling", "build", "-d", folder, **tools, PWD=str(SOURCE))
    assert done.returncode == 0, done.stderr
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [root] = (folder / "unpacked").iterdir()
    again = folder / "again"
    done = run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-t",
        "wheel",
        "-d",
        again,
        **tools,
        PWD=str(root),
    )
    assert done.returncode == 0, done.stderr
    return folder


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as wheel:
        return set(wheel.namelist())


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    assert wheel.name.startswith(f"bioinstruct-{bioinstruct.__version__}-")
    tracked = subprocess.run(
        ["git", "ls-files", "src"], cwd=SOURCE, capture_output=True, text=True, check=True
    ).stdout.split()
    found = {name for name in names(wheel) if ".dist-info/" not in name}
    assert found == {name.removeprefix("src/") for name in tracked}
    assert any(name.endswith("licenses/LICENSE") for name in names(wheel))


def test_the_wheel_of_the_sdist_is_that_of_the_source(built: Path) -> None:
    [wheel], [again] = built.glob("*.whl"), (built / "again").glob("*.whl")
    assert names(wheel) == names(again)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert all(one.read(name) == other.read(name) for name in names(wheel))


def test_the_wheel_works_outside_of_the_source_tree(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    work = tmp_path / "work"
    work.mkdir()
    place = {"PYTHONPATH": str(site), "PWD": str(work), "BIOINSTRUCT_DATA": ""}
    start = "from bioinstruct.cli.main import main; main(); "
    where = run(sys.executable, "-c", "import bioinstruct; print(bioinstruct.__file__)", **place)
    assert Path(where.stdout.strip()).is_relative_to(site)
    for command in (
        ("--version",),
        ("show", "seeds", "--limit", "2"),
        ("compile", "demo", "--split", "train", "--out", "demo.jsonl"),
        ("stats", "demo.jsonl"),
        ("publish", "demo.jsonl", "--out", "dataset"),
    ):
        done = run(sys.executable, "-c", start, *command, **place)
        assert done.returncode == 0, done.stderr
    assert (work / "dataset" / "README.md").is_file()
    bench = "from bioinstruct.bench.cli.main import main; main()"
    asked = ("--model", "tiny", "--tasks", "demo-qa", "--limit", 4, "--no-tune", "--out", "run")
    done = run(sys.executable, "-c", bench, *asked, **place)
    assert done.returncode == 0, done.stderr
    assert (work / "run" / "report.json").is_file()
