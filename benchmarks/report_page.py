"""Measure the page of many items: its size, its first view, and how fast a search is.

    python -m benchmarks.report_page [--items 20000] [--systems 5] [--keep page.html]

Texts come from the corpora in BIOINSTRUCT_DATA; verdicts, likelihoods and which part of a text an
answer repeats are drawn at random, which compresses worse than real ones. Needs Chromium and
playwright.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bioinstruct import BioinstructError, Instruction, corpora
from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.items import INPUT, INSTRUCTION
from bioinstruct.bench.report.page import write_page
from bioinstruct.prompts import render
from bioinstruct.schema import Category, Provenance

__all__ = ["main"]

SOURCES = {
    **{"pubmedqa": "train", "hoc": "train", "chemprot": "train", "ncbi-disease": "train"},
    **{"mts-dialog": "train", "medquad": "train"},
}
LONGEST = 12_000
WORDS = ["p", "pa", "patients", "patients with", "sensitiveness", "treatment of heart", "zzq", "e"]


def texts(count: int, average: int, drawn: random.Random) -> list[tuple[str, Instruction]]:
    """Return records whose prompts have about this length on average, in the order of corpora."""
    found = []
    for name, split in SOURCES.items():
        try:
            found += [(name, _asked(name, e)) for e in corpora.read(name, split)]
        except BioinstructError as error:
            print(f"without {name}: {error}")
    order = {id(pair): place for place, pair in enumerate(found)}
    drawn.shuffle(found)
    long, short = (
        iter([p for p in found if (_size(p[1]) > average) is want]) for want in (True, False)
    )
    chosen: list[tuple[str, Instruction]] = []
    size = 0
    while len(chosen) < count:
        first, second = (long, short) if size < average * len(chosen) else (short, long)
        pair = next(first, None) or next(second, None)
        if pair is None:
            break
        chosen.append(pair)
        size += _size(pair[1])
    print(f"{len(chosen):,} prompts of {size / len(chosen):,.0f} characters on average")
    return sorted(chosen, key=lambda pair: order[id(pair)])


def _size(example: Instruction) -> int:
    return len(render(example))


def _asked(name: str, example: Instruction) -> Instruction:
    """Return a record with a long input: MedQuAD's long texts are its answers."""
    if name != "medquad":
        return example
    text = example.output
    return example.model_copy(update={"input": text[:LONGEST], "output": text[-250:]})


def lines(pairs: list[tuple[str, Instruction]], drawn: random.Random) -> Iterator[dict[str, Any]]:
    """Yield the lines of items.jsonl of one system."""
    frame = render(
        Instruction(
            instruction=INSTRUCTION,
            input=INPUT,
            output="-",
            category=Category.QA,
            task="frame",
            provenance=Provenance(kind="own", origin="frame", license="CC0-1.0"),
        )
    )
    known = set()
    for name, example in pairs:
        place = {"task": name, "split": "test", "how": "likelihood"}
        if name not in known:
            known.add(name)
            yield place | {"group": "QA", "metric": "accuracy", "frame": [frame, frame]}
        answer: dict[str, Any] = {"score": float(drawn.random() < 0.5)}
        answer["key"] = f"{drawn.getrandbits(128):032x}"
        options = ["yes", "no", "maybe", "none"] if len(example.output) < 40 else []
        if options:
            answer["log_likelihoods"] = [-drawn.expovariate(0.2) for _ in options]
            answer["answer"] = drawn.choice(options)
        else:
            words = example.output.split()
            start = drawn.randrange(max(1, len(words) - 12))
            answer["answer"] = " ".join(words[start : start + 12])
        yield place | {
            **{"id": example.id, "document": example.provenance.document or ""},
            **{"instruction": example.instruction, "input": example.input, "options": options},
            **{"gold": example.output[:300], "seen": drawn.random() < 0.3},
            "answers": {"base": answer},
        }


def measured(path: Path, rounds: int = 3) -> None:
    """Open the page in headless Chromium and print what it takes."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(rounds):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            started = time.perf_counter()
            page.goto(path.as_uri(), wait_until="commit")
            page.wait_for_selector("html[data-filtered]", state="attached", timeout=120_000)
            ready = time.perf_counter() - started
            entries = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            paint = page.evaluate(entries)
            keys = []
            for word in WORDS:
                page.fill("#find", "")
                page.fill("#find", word)
                keys.append(float(page.evaluate("document.documentElement.dataset.filtered")))
            print(
                f"first view {paint / 1000:.2f} s, all items {ready:.1f} s, search of {len(keys)} "
                f"texts: median {statistics.median(keys):.0f} ms, longest {max(keys):.0f} ms"
            )
            page.close()
        browser.close()


def main() -> None:
    """Make the page, print its size, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--systems", type=int, default=5)
    parser.add_argument("--length", type=int, default=1_500, help="of a prompt, on average")
    parser.add_argument("--keep", type=Path, help="where to write the page")
    args = parser.parse_args()
    drawn = random.Random(0)
    pairs = texts(args.items, args.length, drawn)
    interval = {"value": 0.5, "low": 0.4, "high": 0.6}
    row = {
        **{"task": "pubmedqa", "group": "QA", "split": "test", "metric": "accuracy"},
        **{"how": "likelihood", "spec": "share", "n": args.items, "majority": 0.4},
        **{"base": interval, "tuned": None, "difference": None, "base_flags": {}},
        "tuned_flags": {},
    }
    report = {
        **{"model": "m", "fingerprint": "f", "style": "alpaca", "seed": 0, "rows": [row]},
        **{"groups": [], "versions": {}},
    }
    runs = [Run(f"run{n}", report, list(lines(pairs, drawn)), {}) for n in range(args.systems)]
    with tempfile.TemporaryDirectory() as folder:
        path = (args.keep or Path(folder) / "page.html").resolve()
        started = time.perf_counter()
        write_page(path, runs)
        took = time.perf_counter() - started
        print(f"{path.stat().st_size / 1e6:.2f} MB, written in {took:.1f} s")
        measured(path)


if __name__ == "__main__":
    main()
