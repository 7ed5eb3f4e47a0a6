"""`make demo`, as a newcomer runs it: publish, load, tune, score, report."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.peer
def test_make_demo_shows_a_gain_in_all_three_groups() -> None:
    done = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "num_rows: 3000" in done.stdout  # datasets' own load_dataset
    assert "This is the demonstration" in done.stdout
    out = ROOT / "demo" / "run"
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    # The first row of a task is its main one: by likelihood, entity F1, ROUGE-L.
    gains = {row["group"]: row["difference"] for row in reversed(report["rows"])}
    assert set(gains) == {"QA", "IE", "GEN"}
    assert all(gain["value"] > 0 for gain in gains.values()), gains
    assert sum(gain["low"] > 0 for gain in gains.values()) >= 2, gains
    assert (out / "adapter" / "adapter_model.safetensors").stat().st_size > 10_000
    card = (out / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "demonstration" in card
    assert "demo-gen" in card
