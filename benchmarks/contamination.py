"""What filters find of planted test items and of clean text: `python -m benchmarks.contamination`.

Writes `results/contamination.json` and the table of README.md: all filters in one run, against the
tasks of `open` whose corpora are in `$BIOINSTRUCT_DATA`. With `--render`, only the table.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contamination_peers import Decon, Former, Ngrams
from benchmarks.contamination_plants import (
    CLOSINGS,
    COUNT,
    HEADINGS,
    Plant,
    aliases_of,
    clean,
    leaks,
)
from benchmarks.near_duplicates_report import table

from bioinstruct import Instruction, corpora
from bioinstruct.bench.tasks.suites import expand
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text
from bioinstruct.filters import Contaminated, ScoredText, scored_texts
from bioinstruct.text import unicode_words

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "contamination.json"
BEGIN, END = "<!-- contamination: rendered -->", "<!-- end of contamination -->"
UNRELATED = ("wikidoc-patient", "openstax-nursing", "pmc-trials", "healthfc")
"""Corpora of other authors than those of any test, of which nothing should be found."""
HAND = "paraphrases by hand (of 20)"


def read_tests() -> dict[str, tuple[list[Instruction], bool]]:
    found = {}
    for evaluation in expand(["open"]):
        task = evaluation.task
        try:
            examples = list(task.read(evaluation.split))
        except BioinstructError:
            continue  # the corpus is not here
        found[task.name] = examples, corpora.get_corpus(task.corpus).framed
    return found


def fields(example: Instruction) -> list[str]:
    long = [example.output] if len(unicode_words(example.output)) >= 6 else []
    return [text for text in (example.input, example.instruction, *long) if text]


Filter = Callable[[Sequence[str]], Sequence[object]]


def filters(texts: list[ScoredText]) -> dict[str, Filter]:
    return {
        "bioinstruct": Contaminated(texts).find_texts,
        "bioinstruct, loose": Contaminated(texts, level="loose").find_texts,
        "bioinstruct, strict": Contaminated(texts, level="strict").find_texts,
        "bioinstruct 0.1.0": Former(texts).find_texts,
        "13 words": Ngrams(texts, 13).find_texts,
        "8 words": Ngrams(texts, 8).find_texts,
        "decon's rule": Decon(texts).find_texts,
    }


def share(found: Sequence[object]) -> dict[str, int]:
    return {"texts": len(found), "found": sum(map(bool, found))}


def notes(seed: int) -> tuple[list[ScoredText], list[Plant]]:
    """Return test notes with a closing sentence each, and other notes with the same sentences.

    Notes that a filter finds without their closing sentence are no evidence: they are left out.
    """
    chance = random.Random(seed)
    tests = list(corpora.read("mts-dialog", "test"))
    closed = [
        ScoredText(f"{e.output} {CLOSINGS[n % len(CLOSINGS)]}", "notes", e.id, "answer")
        for n, e in enumerate(tests)
    ]
    own = Contaminated(scored_texts(tests))
    others = [e.output for e in corpora.read("mts-dialog", "train")]
    found = own.find_texts(others)
    others = [text for text, overlap in zip(others, found, strict=True) if not overlap]
    plants = [Plant("notes", f"{text} {each}") for text in others for each in CLOSINGS]
    return closed, chance.sample(plants, min(COUNT, len(plants)))


def measure(seed: int, sample: int) -> dict[str, Any]:
    tests = read_tests()
    texts = [
        scored
        for name, (examples, framed) in tests.items()
        for scored in scored_texts(examples, task=name, framed=framed)
    ]
    texts += [ScoredText(heading, "headings", heading) for heading in HEADINGS]
    examples = {name: found for name, (found, _) in tests.items()}
    names = (*UNRELATED, "medquad")
    training = {name: list(corpora.read(name, "train", rejected=[])) for name in names}
    aliases = aliases_of(list(corpora.read("bc5cdr-relations", "train")))
    planted = leaks(examples, aliases, seed)
    with (FOLDER / "contamination_paraphrases.toml").open("rb") as file:
        by_hand = tomllib.load(file)["paraphrase"]
    planted[HAND] = [Plant(HAND, each["text"], each["id"]) for each in by_hand]
    unplanted = clean(examples, training, seed)
    chance = random.Random(seed)
    unrelated = [e for name in UNRELATED for e in training[name]]
    unrelated = chance.sample(unrelated, min(sample, len(unrelated)))
    flat = [text for example in unrelated for text in fields(example)]
    closed, closing = notes(seed)
    rows: dict[str, Any] = {}
    for name, find in filters(texts).items():
        row: dict[str, Any] = {}
        row["leaks"] = {
            kind: share(find([p.text for p in plants])) for kind, plants in planted.items()
        }
        row["clean"] = {
            kind: share(find([p.text for p in plants])) for kind, plants in unplanted.items()
        }
        began = time.process_time()
        overlaps = find(flat)
        row["seconds"] = time.process_time() - began
        hits = iter(overlaps)
        flagged = [any([bool(next(hits)) for _ in fields(e)]) for e in unrelated]
        row["clean"]["unrelated records"] = share(flagged)
        row["records_a_second"] = len(unrelated) / row["seconds"]
        rows[name] = row
        print(name, json.dumps(row), flush=True)
    for name, find in filters(closed).items():
        rows[name]["clean"]["notes with one closing sentence"] = share(
            find([p.text for p in closing])
        )
    return {
        "python": platform.python_version(),
        "seed": seed,
        "tasks": sorted(tests),
        "test_texts": len(texts),
        "unrelated": {name: len(training[name]) for name in UNRELATED},
        "filters": rows,
    }


def rendered() -> str:
    """Return what stands in README.md between the two marks."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = results["filters"]
    lines = []
    for group in ("leaks", "clean"):
        for kind, first in rows["bioinstruct"][group].items():
            cells = [rows[name][group][kind] for name in rows]
            shown = [
                f"{cell['found']:,}"
                if kind == HAND or (group == "clean" and kind == "unrelated records")
                else f"{100 * cell['found'] / cell['texts']:.1f} %"
                for cell in cells
            ]
            lines.append([f"{group}: {kind} ({first['texts']:,})", *shown])
    speeds = [f"{rows[name]['records_a_second']:,.0f}" for name in rows]
    lines.append(["records a second of CPU (one process)", *speeds])
    head = ["found", *rows]
    about = (
        f"{results['test_texts']:,} test texts of {len(results['tasks'])} tasks, Python "
        f"{results['python']}."
    )
    return f"{BEGIN}\n\n{about}\n\n{table(head, lines)}\n\n{END}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", type=int, default=10_000, help="unrelated records (10,000)")
    parser.add_argument("--render", action="store_true", help="only write the table")
    args = parser.parse_args()
    if not args.render:
        RESULTS.write_text(json.dumps(measure(args.seed, args.sample), indent=1) + "\n", "utf-8")
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    start, end = text.index(BEGIN), text.index(END) + len(END)
    write_text(readme, text[:start] + rendered() + text[end:])


if __name__ == "__main__":
    main()
