"""The page of a run: every item to the letter, hostile texts harmless, read by a browser."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.evaluation.evaluate import TaskResult, readouts
from bioinstruct.bench.evaluation.runs import read_counts
from bioinstruct.bench.report.exports import exports
from bioinstruct.bench.report.folder import PAGE, REPORT, Run, read_run
from bioinstruct.bench.report.items import ITEMS, item_rows, read_items
from bioinstruct.bench.report.merged import merge, scores
from bioinstruct.bench.report.page import write_page
from bioinstruct.bench.report.results import between
from bioinstruct.bench.tasks import Evaluation, get_task, load_evaluations
from tests.records import record

NASTY = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> @ITEMS@ @TITLE@ & \"' "
    "\u202e\x1b[2J"
)


@pytest.fixture
def folder(finished_run: Path) -> Path:
    return finished_run


def unpacked(page: str) -> list[dict[str, Any]]:
    parts = re.findall(r'<script type="text/plain" class="items">([^<]*)</script>', page)
    return [json.loads(gzip.decompress(base64.b85decode(part.replace(",", "<")))) for part in parts]


def made(path: Path, *runs: Run) -> str:
    write_page(path, runs)
    return path.read_text(encoding="utf-8")


def hostile(items: int = 12) -> Run:
    """A run with the same hostile text in every field that can hold a text."""
    interval = {"value": 0.5, "low": 0.25, "high": 0.75}
    test = {"difference": interval, "p": 0.01, "detectable": 0.2, "documents": items}
    row = {
        **{name: NASTY for name in ("task", "group", "split", "metric", "how", "spec")},
        "n": items,
        "majority": 0.3,
        "floor": 0.4,
        "base": interval,
        "tuned": interval,
        "difference": interval,
        "base_flags": {"truncated": 2},
        "tuned_flags": {},
        "shots": [NASTY],
        "base_said": {NASTY: 3},
        "tuned_said": {NASTY: 4},
        "documents": items,
        "comparison": test,
        "verdict": {"p": 0.01, "words": NASTY},
        "specification": NASTY,
        "seen": {"of": NASTY, "n": items, "share": 0.5, "base": [0.1, None], "tuned": [0.2, 0.3]},
    }
    group = {
        **{name: NASTY for name in ("group", "split", "form")},
        **{"tasks": [NASTY], "base": interval, "tuned": interval, "difference": interval},
    }
    report = {
        **{name: NASTY for name in ("model", "adapter", "fingerprint", "style", "precision")},
        "seed": 0,
        "rows": [row],
        "groups": [group, group | {"tasks": [NASTY, "b"]}],
        "versions": {NASTY: NASTY},
        "found": [NASTY],
        "data": {
            **{"source": NASTY, "digest": NASTY, "contaminated": 3, "overlaps": {NASTY: 3}},
            "sources": [{"origin": NASTY, "license": NASTY, "examples": 3}],
        },
        "recipe": {NASTY: NASTY},
        "scoring": {"overflow": NASTY, "ways": [{"by": NASTY, "answers": 3, "why": NASTY}]},
    }
    place = {"task": NASTY, "split": NASTY, "how": NASTY}
    lines: list[dict[str, Any]] = [
        place | {"group": NASTY, "metric": NASTY, "frame": [NASTY] * 2, "private": [NASTY]}
    ]
    for number in range(items):
        text = f"{NASTY} number {number}"
        answers = {
            which: {
                "score": float(number % (2 + place) == 0),
                **{"answer": text, "log_likelihoods": [-1.0, -2.0], "flags": [NASTY]},
                **{"spans": [[0, 3, NASTY]], "key": f"{which}{number}"},
            }
            for place, which in enumerate(("base", "tuned"))
        }
        lines.append(
            place
            | {"id": f"{number:016x}", "document": NASTY, "instruction": text, "input": text}
            | {"options": [NASTY, "b"], "gold": NASTY, "seen": number % 3 == 0}
            | {"gold_spans": [[2, 6, NASTY]], "answers": answers}
        )
    return Run(NASTY, report, lines, {NASTY: NASTY})


def test_items_say_what_was_asked_answered_and_counted(folder: Path) -> None:
    rows = list(read_items(folder / ITEMS))
    assert sum("frame" in row for row in rows) == 3
    items = [row for row in rows if "frame" not in row]
    kept = [json.loads(t) for t in (folder / "answers.jsonl").read_text("utf-8").splitlines()]
    known = {row["key"]: row for row in kept}
    for which in ("base", "tuned"):
        for counted in read_counts(folder, which):
            found = [row for row in items if row["task"] == counted.task]
            assert [row["id"] for row in found] == list(counted.ids)
            answers = [row["answers"][which] for row in found]
            assert [answer["counts"] for answer in answers] == counted.counts.tolist()
            for row, answer in zip(found, answers, strict=True):
                asked = known[answer["key"]]
                assert asked["example"] == row["id"]
                if row["options"]:
                    best = max(zip(answer["log_likelihoods"], row["options"], strict=True))
                    assert answer["answer"] == best[1]
                    assert answer["score"] == float(best[1] == row["gold"])
                else:
                    assert answer["answer"] == asked["text"]
    named = next(row for row in items if row["task"] == "demo-ie")
    spans = [named["input"][start:end] for start, end, _ in named["gold_spans"]]
    assert sorted(spans) == sorted(re.sub(r" #\d+$", "", t) for t in named["gold"].split("\n"))


def test_the_frame_of_a_task_gives_the_prompt(folder: Path) -> None:
    from bioinstruct.bench.report.items import INPUT, INSTRUCTION
    from bioinstruct.prompts import render

    rows = list(read_items(folder / ITEMS))
    frame = rows[0]["frame"]
    [evaluation], _ = load_evaluations([get_task("demo-qa")], 4)
    for example, row in zip(evaluation.examples, rows[1:], strict=False):
        text = frame[0].replace(INSTRUCTION, row["instruction"]).replace(INPUT, row["input"])
        assert text == render(example)


def test_every_item_is_in_the_page_of_a_run_to_the_letter(folder: Path) -> None:
    index, texts = unpacked((folder / PAGE).read_text(encoding="utf-8"))
    items = [row for row in read_items(folder / ITEMS) if "frame" not in row]
    assert index["systems"] == ["base", "tuned"]
    assert index["id"] == [row["id"] for row in items]
    assert texts["input"] == [row["input"] for row in items]
    assert texts["gold"] == [row["gold"] for row in items]
    assert [texts["instructions"][at] for at in texts["instruction"]] == [
        row["instruction"] for row in items
    ]
    for number, which in enumerate(index["systems"]):
        found = texts["answers"][number]["answer"]
        assert found == [row["answers"][which].get("answer") for row in items]


class Outside(HTMLParser):
    """What a page would fetch, its handlers of events, and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in {"src", "href", "data", "action", "poster", "srcset"} or name[:2] == "on":
                self.found.append((name, value or ""))


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    page = made(tmp_path / "page.html", hostile())
    outside = Outside()
    outside.feed(page)
    assert outside.found == [("href", "#items")]
    assert outside.scripts == 3  # index, texts, and ours
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)
    assert "default-src 'none'" in page
    index, texts = unpacked(page)
    assert index["tasks"][0]["name"] == NASTY
    assert texts["input"][3] == f"{NASTY} number 3"


def test_two_runs_of_one_base_show_it_once(folder: Path, tmp_path: Path) -> None:
    one = read_run(folder)
    changed = json.loads(json.dumps(one.items))
    for row in changed:
        if "frame" not in row:
            row["answers"]["tuned"]["key"] += "x"
    other = Run("other", one.report, changed, {})
    merged = merge([one, other])
    assert [system.name for system in merged.systems] == ["run base", "run tuned", "other tuned"]
    assert len(merged.items) == 12
    assert all(sorted(item.answers) == [0, 1, 2] for item in merged.items)
    table = scores(merged)
    assert table.head[-3:] == ("run base", "run tuned", "other tuned")
    assert len(table.rows) == len(one.report["rows"])
    assert table.rows[0][-1] == table.rows[0][-2] == between(one.report["rows"][0]["tuned"])
    assert {"scores.csv", "2-loss.svg"} <= exports([one, other]).keys()
    page = made(tmp_path / "page.html", one, other)
    assert unpacked(page)[0]["systems"] == ["run base", "run tuned", "other tuned"]
    assert page == made(tmp_path / "again.html", one, other)


def test_a_page_with_texts_that_may_not_be_shared_says_so(folder: Path, tmp_path: Path) -> None:
    assert "Do not share" not in (folder / PAGE).read_text(encoding="utf-8")
    closed = record(1, output="yes", provenance={"origin": "i2b2-2010"})
    asked = Evaluation(get_task("demo-qa"), examples=(closed,))
    outcome = TaskResult(readouts(asked, ["yes"], "likelihood"))
    lines = list(item_rows(asked, {"base": outcome}))
    assert len(lines[0]["private"]) == 1
    page = made(tmp_path / "page.html", Run("run", read_run(folder).report, lines, {}))
    assert "Do not share this page" in page
    assert "demo-qa: i2b2-2010 needs" in page


def test_two_ways_of_asking_in_one_run_are_two_tasks(folder: Path) -> None:
    one = read_run(folder)
    other = [row | {"how": "generated"} for row in one.items if row["task"] == "demo-qa"]
    merged = merge([Run("run", one.report, [*one.items, *other], {})])
    ways = [(task.name, task.how) for task in merged.tasks]
    assert ways.count(("demo-qa", "likelihood")) == ways.count(("demo-qa", "generated")) == 1
    assert len(merged.items) == 16


def test_tables_are_written_for_papers(folder: Path) -> None:
    report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    files = exports([read_run(folder)])
    assert set(files) == {
        f"{n}.{e}" for n in ("results", "gains") for e in ("md", "tex", "csv")
    } | {"forest.svg", "loss.svg"}
    rows = list(csv.DictReader(io.StringIO(files["results.csv"])))
    assert [row["task"] for row in rows] == [row["task"] for row in report["rows"]]
    for row, known in zip(rows, report["rows"], strict=True):
        assert row["tuned"].startswith(f"{known['tuned']['value']:.3f} [")
    assert files["results.tex"].count(r"\\") == len(rows) + 1
    assert files["results.md"].count("\n") == len(rows) + 2
    assert re.search(r"<svg .*</svg>\n$", files["forest.svg"])
    odd = exports([hostile()])
    assert "\\_" not in odd["results.csv"]
    assert "<script" not in odd["forest.svg"]
    assert r"\textless{}/script\textgreater{}" in odd["results.tex"]


def command(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(arg) for arg in args])
    return int(caught.value.code or 0)


def test_the_command_makes_pages_of_folders_and_writes_over_nothing(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        shutil.copytree(folder, name)
    known = Path("a", PAGE).read_bytes()
    Path("a", PAGE).unlink()
    assert command("report", "a") == 0
    assert Path("a", PAGE).read_bytes() == known
    assert command("report", "a", "b", "--tables", "tables") == 0
    assert Path("comparison.html").is_file()
    assert Path("tables/2-results.tex").is_file()
    assert command("report", "a", "b") == 1
    assert "is there already" in capsys.readouterr().err
    assert command("compare", "a", "b", "--html", "side.html") == 0
    assert b"Systems compared" in Path("side.html").read_bytes()
    Path("b", REPORT).unlink()
    assert command("report", "a", "b", "--force") == 1
    assert "no report.json in b" in capsys.readouterr().err


def test_a_run_of_an_earlier_version_has_a_page_without_items(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "old")
    (tmp_path / "old" / ITEMS).unlink()
    page = made(tmp_path / "page.html", read_run(tmp_path / "old"))
    assert "No items are kept" in page
    assert unpacked(page) == []
    (tmp_path / "old" / ITEMS).write_text('{"task": 1}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"items.jsonl:1: not an item"):
        read_run(tmp_path / "old")
    (tmp_path / "old" / REPORT).write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match="not a report"):
        read_run(tmp_path / "old")


CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


@pytest.mark.peer
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: THE PAGE WAS NOT OPENED")
@pytest.mark.parametrize("width", [1400, 390])
def test_a_browser_explores_hostile_items(width: int, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    made(tmp_path / "page.html", hostile())
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 844})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        address = (tmp_path / "page.html").as_uri()
        page.goto(address)

        def status(text: str) -> None:
            playwright.expect(page.locator("#status")).to_have_text(text, timeout=30_000)

        status("12 of 12 items")
        assert page.locator("html").evaluate("page => page.scrollWidth") <= width
        page.select_option("#verdict-0", "right")
        page.select_option("#verdict-1", "wrong")
        status("4 of 12 items")  # right where even, wrong unless a multiple of three
        page.select_option("#seen", "1")
        status("0 of 12 items")
        page.select_option("#seen", "")
        page.fill("#find", '"NUMBER 8" alert')
        status("1 of 12 items")
        page.locator(".row").click()
        text = page.inner_text("#item")
        assert NASTY[:40] in text
        assert "\\u202e" in text
        assert "\u202e" not in text
        assert page.locator("#item img, #item script").count() == 0
        assert page.locator("#item .in-gold.in-said").count() > 0
        page.fill("#note", "check </script> this")
        page.wait_for_url("**notes=**")
        link = page.url
        again = browser.new_page(viewport={"width": width, "height": 844})
        again.goto(link)
        playwright.expect(again.locator("#note")).to_have_value("check </script> this")
        assert "number 8" in again.inner_text("#item")
        again.close()
        if width < 800:
            page.keyboard.press("Escape")
        page.fill("#find", "")
        status("4 of 12 items")
        page.focus("#list")
        page.keyboard.press("j")
        if width > 800:
            assert "number 10" in page.inner_text("#item")
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
