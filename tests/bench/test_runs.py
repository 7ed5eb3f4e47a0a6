"""Two runs side by side: the same items, paired, and what forbids it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.evaluation.runs import (
    COUNTS,
    Counted,
    compare_runs,
    read_counts,
    write_counts,
)
from bioinstruct.errors import BioinstructError, DataError, MissingError


def run(*right: int, ids: str = "", **changes: object) -> Counted:
    names = tuple(ids or (f"i{place}" for place in range(len(right))))
    counts = np.array([[float(value), 1.0] for value in right])
    made = Counted("base", "demo-qa", "test", "likelihood", "accuracy", 0, names, names, counts)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    base, tuned = run(1, 0), run(1, 1, system="tuned")
    write_counts(tmp_path / COUNTS, [base, tuned])
    [found] = read_counts(tmp_path)
    assert found.counts.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert replace(found, counts=tuned.counts) == tuned
    assert [c.system for c in read_counts(tmp_path, "base")] == ["base"]
    with pytest.raises(BioinstructError, match="no answers of a model named 'other'"):
        read_counts(tmp_path, "other")


def test_items_are_paired_by_their_ids_and_those_of_one_run_are_left_out() -> None:
    one = run(1, 0, 0, ids="abc")
    other = run(0, 1, 1, ids="dcb")  # d is new, a is missing; c and b are right now
    [pair], refused = compare_runs([one], [other])
    assert (pair.n, pair.left_out, refused) == (2, 2, [])
    assert (pair.one.value, pair.other.value, pair.comparison.difference.value) == (0.0, 1.0, 1.0)
    assert pair.verdict.words == "too few documents (2 of 10)"


def test_an_item_that_stands_in_two_documents_counts_in_each() -> None:
    places = ("one", "other", "one")
    one, other = (run(*right, ids="xxy", documents=places) for right in ((0, 0, 1), (1, 1, 1)))
    [pair], _ = compare_runs([one], [other])
    assert (pair.n, pair.left_out, pair.comparison.documents) == (3, 0, 2)
    assert pair.comparison.difference.value == pytest.approx(2 / 3)


def test_a_clear_difference_is_found_and_its_sign_follows_the_order() -> None:
    one, other = run(*[0] * 30), run(*[0] * 10, *[1] * 20)
    assert compare_runs([one], [other])[0][0].verdict.words == "better"
    assert compare_runs([other], [one])[0][0].verdict.words == "worse"


def test_runs_that_asked_differently_say_in_what() -> None:
    [pair], _ = compare_runs([run(1, 0)], [run(1, 0, how="generated", shots=5)])
    assert pair.differs == "read by likelihood and generated; worked examples 0 and 5"


def test_what_cannot_be_compared_says_why() -> None:
    pairs, refused = compare_runs([run(1, ids="a")], [run(1, ids="b")])
    assert (pairs, refused) == ([], ["demo-qa, test, accuracy: no item that both answered"])
    pairs, refused = compare_runs([run(1, ids="a")], [run(1, ids="a", split="validation")])
    assert pairs == []
    assert len(refused) == 2
    assert all("only one of the runs has it" in why for why in refused)


def test_a_metric_of_another_version_is_named() -> None:
    old = run(1, 0, metric="precision")
    with pytest.raises(BioinstructError, match="demo-qa has no metric 'precision'"):
        compare_runs([old], [old])


def test_a_folder_without_counts_and_a_damaged_line_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no counts\.jsonl in"):
        read_counts(tmp_path)
    write_counts(tmp_path / COUNTS, [run(1, 0)])
    text = (tmp_path / COUNTS).read_text(encoding="utf-8")
    for damaged in ("{}", text[:40], text.replace('"i0", "i1"', '"i0"', 1)):
        (tmp_path / COUNTS).write_text(text + damaged, encoding="utf-8")
        with pytest.raises(DataError, match=r"counts\.jsonl:2"):
            read_counts(tmp_path)
