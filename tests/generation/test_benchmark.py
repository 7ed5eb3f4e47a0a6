from __future__ import annotations

import json

from benchmarks.generation import RESULTS, table


def test_the_tables_are_rendered_from_the_results() -> None:
    report = json.loads(RESULTS.read_text(encoding="utf-8"))
    page = RESULTS.parent.with_name("README.md").read_text(encoding="utf-8")
    assert "\n".join(table(report)) in page


def test_at_full_size_ours_is_within_a_tenth_of_the_plain_loop_and_ahead_of_the_peer() -> None:
    full = json.loads(RESULTS.read_text(encoding="utf-8"))["rounds"][-1]
    assert full["records"] == 25_005
    assert full["bioinstruct"]["requests"] == full["plain"]["requests"]
    assert full["bioinstruct"]["wall"] < 1.1 * full["plain"]["wall"]
    assert full["bioinstruct"]["wall"] < full["peer"]["wall"]
