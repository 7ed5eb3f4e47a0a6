"""The tables of what compiling costs say what was measured."""

from __future__ import annotations

import json

from benchmarks.compile_report import FOLDER, layouts, rendered


def test_the_tables_are_rendered_from_the_results() -> None:
    assert rendered() in (FOLDER / "README.md").read_text(encoding="utf-8")
    guide = FOLDER.parent / "docs" / "compile.md"
    assert layouts() in guide.read_text(encoding="utf-8")


def test_no_row_was_at_fault_when_it_was_measured() -> None:
    results = json.loads((FOLDER / "results/compile.json").read_text(encoding="utf-8"))
    assert {row["rejected"] for row in results["corpora"]} == {0}
