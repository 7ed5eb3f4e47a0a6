from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Instruction, read_examples
from bioinstruct.analysis import Options, analyse
from bioinstruct.analysis.figures import draw
from bioinstruct.analysis.page import write_page
from bioinstruct.analysis.records import PageRecords
from bioinstruct.analysis.table import lines
from tests.records import record, records

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>@RECORDS@ @TITLE@ & \"'"


def made(path: Path, examples: list[Instruction], limit: int | None = None, **options: Any) -> str:
    """The text of the page of these records."""
    name = options.pop("name", "data")
    private = options.pop("private", None)
    with PageRecords(limit) as kept:
        analysis = analyse(examples, Options(**options), keep=kept.add)
        write_page(path, analysis, kept, name=name, private=private)
    return path.read_text(encoding="utf-8")


def unpacked(page: str) -> list[list[str]]:
    parts = re.findall(r'<script type="text/plain" class="records">([^<]*)</script>', page)
    return [row for part in parts for row in json.loads(gzip.decompress(base64.b64decode(part)))]


def texts(rows: list[list[str]]) -> list[tuple[str, str, str, str]]:
    return [(row[0], row[6], row[7], row[8]) for row in rows]


def expected(examples: list[Instruction]) -> list[tuple[str, str, str, str]]:
    return [(e.id, e.instruction, e.input, e.output) for e in examples]


def test_every_record_is_in_the_page_to_the_letter(tmp_path: Path) -> None:
    examples = [*records(2345), record(9999, input="\u2028 \u0000 é 中", output=NASTY)]
    page = made(tmp_path / "page.html", examples)
    assert texts(unpacked(page)) == expected(examples)
    assert "all 2,346 records" in page
    row = unpacked(page)[0]
    assert row[1:6] == ["IE", "ner-disease", "corpus", "CC-BY-4.0", ""]


def test_a_sample_is_in_the_page_when_there_are_more_and_it_says_so(tmp_path: Path) -> None:
    examples = records(300)
    page = made(tmp_path / "page.html", examples, limit=40)
    rows = unpacked(page)
    assert len(rows) == 40
    order = [example.id for example in examples]
    places = [order.index(row[0]) for row in rows]
    assert places == sorted(places)
    assert "random sample of 40 of the 300 records" in page
    assert page == made(tmp_path / "again.html", examples, limit=40)


class Outside(HTMLParser):
    """What a page would fetch, and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            if name in {"src", "href", "data", "action", "poster", "srcset"} or name[:2] == "on":
                self.found.append((name, value or ""))


def test_the_page_needs_nothing_from_outside_and_runs_nothing_from_the_data(tmp_path: Path) -> None:
    examples = [
        record(
            n,
            instruction=f"List <b>{NASTY} {n}",
            output=f"{NASTY[:40]} {n % 2}",
            task=NASTY,
            provenance={"origin": NASTY},
        )
        for n in range(30)
    ]
    page = made(
        tmp_path / "page.html", examples, name=NASTY, near_duplicates=0.5, private={NASTY: 3}
    )
    outside = Outside()
    outside.feed(page)
    assert outside.found == [("href", "#records")]
    assert outside.scripts == 2  # the records and ours
    assert "default-src 'none'" in page
    assert "<img" not in page
    assert len(unpacked(page)) == 30
    assert "Not for redistribution" in page


def test_the_figures_of_the_page_and_of_the_table_are_those_of_the_analysis(tmp_path: Path) -> None:
    examples = [
        *[record(n, provenance={"origin": f"source-{n % 3}"}) for n in range(60)],
        *[record(n, task="yes-no", output="yes" if n % 4 else "no") for n in range(60, 100)],
    ]
    page = made(tmp_path / "page.html", examples, near_duplicates=0.7)
    text = "\n".join(lines(analyse(examples, Options(near_duplicates=0.7))))
    for shown in (page, text):
        assert "yes 30, no 10" in shown
        assert "75.0 %" in shown
        assert "source-2" in shown
    assert re.search(r"^corpus +40 +40\.0 %$", text, re.MULTILINE)
    assert re.search(r'corpus</td><td class="n">40</td><td class="n">40\.0 %', page)
    # "Case N had measles." is 0.75 like any other of its kind.
    assert "99 records are near duplicates" in text
    assert "<b>" not in page


@pytest.mark.peer
def test_pictures_are_drawn_and_the_same_data_give_the_same_bytes(tmp_path: Path) -> None:
    examples = [*read_examples("demo")][::10]
    analysis = analyse(examples, Options(near_duplicates=0.7, sample=50))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        first = draw(analysis, tmp_path / "a")
        second = draw(analysis, tmp_path / "b")
    names = ["counts.png", "lengths.png", "answers.png", "verbs.png", "near-duplicates.png"]
    assert [path.name for path in first] == names
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(b"\x89PNG")
        assert one.stat().st_size > 5_000


@pytest.mark.peer
def test_pictures_of_odd_names_and_of_little_data_are_drawn_too(tmp_path: Path) -> None:
    odd = [record(n, task=f"$x_{{{n}", provenance={"origin": "$\\frac"}) for n in range(60)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert draw(analyse(odd), tmp_path / "odd")
        drawn = draw(analyse([record(0, instruction="What is measles?")]), tmp_path / "one")
    assert [path.name for path in drawn] == ["counts.png", "lengths.png"]


CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


@pytest.mark.peer
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: THE PAGE WAS NOT OPENED")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_filters_and_searches_the_records(width: int, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    seeds, demo = list(read_examples("seeds")), list(read_examples("demo"))
    made(tmp_path / "page.html", [*seeds, *demo])
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 844})
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())

        def status(text: str) -> None:
            playwright.expect(page.locator("#status")).to_have_text(text, timeout=30_000)

        status("3,080 of 3,080 records")
        wide = page.locator("html").evaluate("page => page.scrollWidth")
        assert wide <= width
        assert page.locator(".row").count() < 40  # the others are not in the page
        page.select_option("#source", "bioinstruct-seeds")
        status("80 of 3,080 records")
        page.fill("#find", "SNAKE")
        found = [
            e for e in seeds if "snake" in f"{e.instruction}\n{e.input}\n{e.output}".casefold()
        ]
        status(f"{len(found)} of 3,080 records")
        page.fill("#find", "")
        page.select_option("#source", "")
        page.select_option("#task", "demo-ie")
        status("1,000 of 3,080 records")
        page.focus("#list")
        page.keyboard.press("End")
        last = [e for e in demo if e.task == "demo-ie"][-1]
        if width < 800:
            page.keyboard.press("Enter")
            assert page.locator("dialog").is_visible()
        assert last.id in page.inner_text("#record")
        assert last.output in page.inner_text("#record .output")
        if width < 800:
            page.keyboard.press("Escape")
            assert not page.locator("dialog").is_visible()
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file:")] == []
