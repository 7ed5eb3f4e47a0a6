"""Every figure of a run is recomputed: an edit of an answer, a gold or a figure is named."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import MissingError
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.report.folder import PAGE, REPORT, read_run
from bioinstruct.bench.report.items import ITEMS
from bioinstruct.bench.report.page import write_page
from bioinstruct.bench.report.verify import ANSWERS, Verifier
from bioinstruct.journal import _checked

PARTS = ("rows", "groups", "data", "tuning", "scoring")
"""What a report has figures in."""
EDITS = int(os.environ.get("BIOINSTRUCT_EDITS", "60"))
"""Random edits; 1,000 were tried for the documentation."""


@pytest.fixture(scope="module")
def verifier(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    """One for all tests: what it recomputes of unchanged answers is kept."""
    folder = tmp_path_factory.mktemp("verified") / "run"
    shutil.copytree(finished_run, folder)
    return Verifier(folder)


@pytest.fixture
def folder(verifier: Verifier) -> Iterator[Path]:
    """The folder, whose files are put back afterwards."""
    kept = {path: path.read_bytes() for path in verifier.folder.iterdir() if path.is_file()}
    yield verifier.folder
    for path, content in kept.items():
        path.write_bytes(content)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rewritten(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write lines; those of answers with their checksums made anew."""
    texts = []
    for row in rows:
        text = json.dumps({name: value for name, value in row.items() if name != "check"})
        line = text.encode()
        texts.append(_checked(line) if path.name == ANSWERS else line + b"\n")
    path.write_bytes(b"".join(texts))


def page_anew(folder: Path) -> None:
    write_page(folder / PAGE, [read_run(folder)])


def flip_answer(folder: Path, drawn: random.Random) -> str:
    """Change an answer so that its verdict flips; return the id of its item."""
    rows = lines(folder / ANSWERS)
    row = drawn.choice(rows)
    item = next(i for i in lines(folder / ITEMS) if i.get("id") == row["example"])
    if "log_likelihoods" in row:
        found = row["log_likelihoods"]
        best = found.index(max(found))
        right = item["options"].index(item["gold"])
        other = drawn.choice([n for n in range(len(found)) if n != best])
        to = right if best != right else other
        found[best], found[to] = found[to], found[best]
    else:
        right = row["text"].strip() == item["gold"]
        row["text"] = "nothing of the kind" if right else item["gold"]
    rewritten(folder / ANSWERS, rows)
    return str(row["example"])


def change_gold(folder: Path, drawn: random.Random) -> str:
    rows = lines(folder / ITEMS)
    row = drawn.choice([row for row in rows if "id" in row])
    row["gold"] = drawn.choice(["no", "yes", "aspirin"]) + ("" if row["gold"] == "?" else " ?")
    rewritten(folder / ITEMS, rows)
    page_anew(folder)
    return f"item {row['id']}: gold"


def leaves(value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield the holder, the key and the path of each number."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        place = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}"
        if isinstance(inner, dict | list):
            yield from leaves(inner, place)
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            yield value, key, place


def change_figure(folder: Path, drawn: random.Random) -> str:
    """Change a number of the report; return its path."""
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    found = [leaf for part in PARTS for leaf in leaves(report[part], part)]
    holder, key, path = drawn.choice(found)
    step = 1 if isinstance(holder[key], int) else drawn.choice([0.5, -0.5, 0.01, 0.001, 1e-4])
    holder[key] += step
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    page_anew(folder)
    return "data.sources: " if path.startswith("data.sources") else f"{path} is"


def test_a_run_agrees_with_itself(verifier: Verifier) -> None:
    done = verifier.check()
    assert done.faults == []
    assert done.answers == 24
    report = json.loads((verifier.folder / REPORT).read_text(encoding="utf-8"))
    assert done.figures == sum(1 for part in PARTS for _ in leaves(report[part], part))


def test_random_edits_are_found_and_named(verifier: Verifier, folder: Path) -> None:
    assert verifier.check().faults == []
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    kinds = (flip_answer, change_gold, change_figure)
    missed = []
    for number in range(EDITS):
        edit = kinds[number % len(kinds)]
        named = edit(folder, random.Random(number))
        faults = verifier.check().faults
        if not any(named in fault for fault in faults):
            missed.append((number, edit.__name__, named, faults[:3]))
        for path, content in kept.items():
            path.write_bytes(content)
    assert missed == []


def test_edits_that_agree_with_each_other_are_found_in_the_report(
    verifier: Verifier, folder: Path
) -> None:
    """An answer, its item and its counts are changed alike: the figures give it away."""
    rows = lines(folder / ANSWERS)
    items, counts = lines(folder / ITEMS), lines(folder / "counts.jsonl")
    row = next(r for r in rows if "log_likelihoods" in r)
    item = next(i for i in items if i.get("id") == row["example"])
    which = next(name for name, a in item["answers"].items() if a["key"] == row["key"])
    found = row["log_likelihoods"]
    best, right = found.index(max(found)), item["options"].index(item["gold"])
    to = right if best != right else (best + 1) % len(found)
    found[best], found[to] = found[to], found[best]
    score = float(to == right)
    answer = {"score": score, "counts": [score, 1.0], "answer": item["options"][to]}
    item["answers"][which] |= answer | {"log_likelihoods": found}
    counted = next(c for c in counts if c["task"] == item["task"] and c["system"] == which)
    counted["counts"][counted["ids"].index(item["id"])] = [score, 1.0]
    rewritten(folder / ANSWERS, rows)
    rewritten(folder / ITEMS, items)
    rewritten(folder / "counts.jsonl", counts)
    page_anew(folder)
    faults = verifier.check().faults
    assert any(f"accuracy: rows[0].{which}.value is" in fault for fault in faults)
    assert all(fault.startswith(REPORT) for fault in faults)


def test_what_is_damaged_or_missing_is_named(verifier: Verifier, folder: Path) -> None:
    text = (folder / ANSWERS).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / ANSWERS).write_text("".join([text[0].replace("demo", "domo"), *text[1:]]))
    faults = verifier.check().faults
    assert faults[0].startswith(f"{ANSWERS}:1: ")
    assert "1 answers are missing, the first to item" in faults[1]
    (folder / ANSWERS).write_text("".join(text))
    (folder / PAGE).write_text("<p>All is well.", encoding="utf-8")
    assert [fault.split()[0] for fault in verifier.check().faults] == [PAGE]
    with pytest.raises(MissingError, match=r"no report.json"):
        Verifier(folder / "adapter").check()


def test_the_command_says_what_does_not_agree(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = change_figure(folder, random.Random(1))
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(folder)])
    assert caught.value.code == 1
    done = capsys.readouterr()
    assert named in done.out
    assert "do not agree" in done.err
