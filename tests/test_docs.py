"""What the docs show is executed, and prints what they say it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.preloaded import Preloaded

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{page}.md" for page in ("quickstart", "filter"))]
PAGES.append(ROOT / "docs" / "compile.md")
PAGES.append(ROOT / "docs" / "generate.md")
PAGES.append(ROOT / "docs" / "synthesize.md")
PAGES.append(ROOT / "docs" / "own-data.md")
PAGES.append(ROOT / "docs" / "label.md")
PAGES.append(ROOT / "docs" / "scoring.md")
PAGES.append(ROOT / "docs" / "statistics.md")
PAGES.append(ROOT / "docs" / "tasks.md")
PAGES.append(ROOT / "docs" / "tuning.md")
PAGES += [ROOT / "docs" / f"{page}.md" for page in ("stats", "export", "ablation")]
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)


def run(command: list[str], folder: Path, commands: Preloaded) -> str:
    """Run in a folder, with the project's commands first on the path and no corpora."""
    path = (
        f"{commands.path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    environment = {k: v for k, v in os.environ.items() if k != "BIOINSTRUCT_DATA"} | {"PATH": path}
    environment["PYTHONPATH"] = str(ROOT)  # pages that show `benchmarks` are read in a checkout
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs_and_prints_what_it_says(
    page: Path, tmp_path: Path, preloaded: Preloaded
) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    assert {kind for kind, _ in blocks} <= {"python", "sh"}
    for kind, code in blocks:
        if kind == "python":
            printed = run([str(preloaded.path / "python"), "-c", code], tmp_path, preloaded)
            said = [
                line.removeprefix("#> ") for line in code.splitlines() if line.startswith("#> ")
            ]
            for line in said:
                assert line in printed.splitlines(), f"{page.name}: {line!r} not in\n{printed}"
        elif not code.startswith("make "):  # tested by running make itself
            run(["bash", "-euo", "pipefail", "-c", code], tmp_path, preloaded)


def test_links_to_files_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_changelog_knows_this_version() -> None:
    import bioinstruct

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert next(name for name in sections if name != "Unreleased") == bioinstruct.__version__
    assert f'version = "{bioinstruct.__version__}"' in (ROOT / "pyproject.toml").read_text(
        encoding="utf-8"
    )
