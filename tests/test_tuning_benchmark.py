"""The tables of the tuning benchmark say what was measured, and equal data gave equal curves."""

from __future__ import annotations

import json

import pytest
from benchmarks.tuning_report import FOLDER, rendered, speed

RUNS = json.loads((FOLDER / "results/tuning.json").read_text(encoding="utf-8"))["runs"]


def test_the_tables_are_rendered_from_the_results() -> None:
    assert rendered() in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_equal_batches_gave_equal_losses() -> None:
    smallest = [r for r in RUNS if (r["size"], r["vocabulary"]) == ("5M", "32k")]
    curves = {run["method"]: run["losses"] for run in smallest}
    assert len(curves) == 8
    expected = curves["Trainer, padded"]
    for method in ("ours, padded", "ours, packed", "TRL, padded"):
        assert curves[method] == pytest.approx(expected, abs=1e-5)
    assert curves["ours, packed, bf16"] == pytest.approx(expected, abs=1e-3)


def test_what_the_readme_of_the_project_may_claim() -> None:
    by = {(r["size"], r["vocabulary"], r["method"]): r for r in RUNS}
    for (size, vocabulary, method), run in by.items():
        trl = method.replace("ours", "TRL")
        if method.startswith("ours, packed") and (size, vocabulary, trl) in by:
            peer = by[size, vocabulary, trl]
            assert speed(run) > 1.4 * speed(peer)
            assert run["mib"] < peer["mib"]
