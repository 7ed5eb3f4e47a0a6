"""The tables of the benchmarks say what was measured."""

from __future__ import annotations

import json

from benchmarks import contamination
from benchmarks.near_duplicates_report import FOLDER, rendered


def test_the_tables_are_rendered_from_the_results() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert rendered() in readme
    assert contamination.rendered() in readme


def test_every_engine_decided_the_same_at_every_size() -> None:
    growth = json.loads((FOLDER / "results/near_duplicates_scale.json").read_text(encoding="utf-8"))
    decisions: dict[int, set[int]] = {}
    for row in growth["rows"]:
        decisions.setdefault(row["texts"], set()).add(row["decisions"])
    assert {len(different) for different in decisions.values()} == {1}
