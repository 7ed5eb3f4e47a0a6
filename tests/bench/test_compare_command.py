"""The command that compares runs: what it prints, what qualifies it, and what forbids it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioinstruct.bench.cli.main import main
from bioinstruct.bench.evaluation.runs import COUNTS, Counted, write_counts


def run(folder: str, right: list[int], **changes: object) -> str:
    """Write a run of one task and return its folder."""
    ids = tuple(f"i{place}" for place in range(len(right)))
    counts = np.array([[float(value), 1.0] for value in right])
    made = Counted("base", "demo-qa", "test", "likelihood", "accuracy", 0, ids, ids, counts)
    write_counts(Path(folder) / COUNTS, [replace(made, **changes)])  # type: ignore[arg-type]
    return folder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)


def bench(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(args)
    assert isinstance(caught.value.code, int)
    return caught.value.code, *capsys.readouterr()


def test_each_run_is_compared_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("a", [0] * 40), run("b", [0] * 10 + [1] * 30), run("c", [0] * 40)]
    code, out, _ = bench(capsys, "compare", *runs)
    first, second = (x for x in out.splitlines() if x.startswith("demo-qa"))
    assert code == 0
    assert first.split()[:5] == ["demo-qa", "accuracy", "40", "40", "0.000"]
    assert "+0.750 (" in first
    assert "better" in first
    assert "not shown" in second


def test_the_same_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("a", [0, 1]), run("b", [1, 1])]
    code, out, _ = bench(capsys, "compare", *runs, "--json")
    [found] = json.loads(out)
    assert code == 0
    assert found["compared"][0]["comparison"]["difference"]["value"] == 0.5
    assert found["not_compared"] == []


def test_what_qualifies_a_comparison_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("a", [0, 1]), run("b", [0, 1, 1], shots=5)]
    code, out, _ = bench(capsys, "compare", *runs)
    assert code == 0
    assert "worked examples 0 and 5" in out
    assert "1 items" in out


def test_a_task_in_several_ways_is_compared_way_by_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for folder in ("a", "b"):
        lines = ""
        for how in ("letters", "cloze"):
            run(folder, [0, 1], how=how)
            lines += (Path(folder) / COUNTS).read_text(encoding="utf-8")
        (Path(folder) / COUNTS).write_text(lines, encoding="utf-8")
    run("c", [0, 1], how="cloze")
    _, out, _ = bench(capsys, "compare", "a", "b")
    assert [x.split()[:3] for x in out.splitlines() if x.startswith("demo-qa")] == [
        ["demo-qa", "accuracy,", "letters"],
        ["demo-qa", "accuracy,", "cloze"],
    ]
    code, out, _ = bench(capsys, "compare", "a", "c")
    assert code == 0
    assert "read by letters: only one of the runs has it" in out


def test_nothing_to_compare_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("a", [0, 1]), run("b", [0, 1], split="validation")]
    code, out, err = bench(capsys, "compare", *runs)
    assert code == 1
    assert "only one of the runs has it" in out
    assert "nothing can be compared" in err


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["compare", "a"], 1, "a alone cannot be compared"),
        (["compare", "a", "missing"], 1, "no folder missing"),
        (["compare", "a", "empty"], 1, "no counts.jsonl in empty"),
        (["compare", "a", "a", "a/counts.jsonl"], 1, "is a file, not the folder of a run"),
        (["compare", "a", "a/counts.jsonl"], 1, "not a results file"),
        (["compare", "a", "a", "--system", "tuned"], 1, "no answers of a model named 'tuned'"),
        (["compar", "a", "b"], 2, "no command named 'compar'"),
        (["--model", "tiny", "compare", "a", "b"], 2, "options of `compare` follow it"),
    ],
)
def test_bad_input_is_one_clear_message(
    capsys: pytest.CaptureFixture[str], args: list[str], code: int, message: str
) -> None:
    run("a", [0, 1])
    Path("empty").mkdir()
    found, out, err = bench(capsys, *args)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
