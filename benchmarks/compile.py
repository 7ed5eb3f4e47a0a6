"""Records a second and memory of compiling each corpus, and against `datasets` on the same rows.

    python -m benchmarks.compile --data "$BIOINSTRUCT_DATA"

Each corpus is read and written as JSON Lines in a process of its own, the best of three times; its
memory is the peak of that process. The peers turn the same official file into the same inputs and
outputs, which is checked: `Dataset.from_generator` over a plain parser and `Dataset.map`, row by
row and in batches, as dataset scripts do, and `to_json`; and a loop in plain Python that checks
nothing. The results go to results/compile.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
REPEATS = 3
IOB = {  # train file and layout of our own
    "bc5cdr-chemical": "bc5cdr/BC5CDR-chem-IOB/train.tsv",
    "bc5cdr-disease": "bc5cdr/BC5CDR-disease-IOB/train.tsv",
    "anatem": "anatem/AnatEM-IOB/train.tsv.gz",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--one", nargs=2, metavar=("CORPUS", "LAYOUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.data, *args.one)))
        return
    results = {
        "machine": machine(),
        "corpora": [row for row in map(apart(args.data), variants()) if row["records"]],
        "peers": [against(args.data, name) for name in IOB],
    }
    path = FOLDER / "results" / "compile.json"
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = next(line for line in cpu.splitlines() if line.startswith("model name"))
    return {
        "cpu": name.partition(": ")[2],
        "python": platform.python_version(),
        "datasets": version("datasets"),
        "pydantic": version("pydantic"),
    }


def variants() -> Iterator[tuple[str, str]]:
    from bioinstruct import corpora

    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        if "train" in corpus.splits:
            yield from ((name, layout) for layout in corpus.layouts or ("",))


def apart(data: Path) -> Callable[[tuple[str, str]], dict[str, Any]]:
    def run(variant: tuple[str, str]) -> dict[str, Any]:
        command = [sys.executable, "-m", "benchmarks.compile", "--data", str(data), "--one"]
        done = subprocess.run([*command, *variant], capture_output=True, text=True, check=True)
        row: dict[str, Any] = json.loads(done.stdout)
        print(row, file=sys.stderr)
        return row

    return run


def measure(data: Path, name: str, layout: str) -> dict[str, Any]:
    """Train split to a file: the least seconds of CPU, and the peak of memory above the imports."""
    from bioinstruct import jsonl
    from bioinstruct.mixtures.compile import CorpusReport, read_into

    before = peak()
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        for _ in range(REPEATS):
            outcome = CorpusReport(name, layout)
            times = timed(lambda o=outcome: jsonl.write(path, read_into(o, "train", data=data)))
            best = min(best or times, times, key=lambda found: found["cpu"])
            if not outcome.records:
                break
        size = path.stat().st_size
    row = {"corpus": name, "layout": layout, "records": outcome.records, "bytes": size}
    return row | best | {"mib": peak() - before, "rejected": len(outcome.rejected)}


def timed(work: Callable[[], Any]) -> dict[str, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}


def peak() -> float:
    """MiB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ---- the same rows by other means


def against(data: Path, name: str) -> dict[str, Any]:
    """One IOB file in the published layout, by each contender; all must write the same texts."""
    from bioinstruct import corpora, jsonl

    wordings = {e.input: e.instruction for e in corpora.read(name, "train", data=data, layout=TAGS)}
    source = data / IOB[name]
    ways: dict[str, Callable[[Path], object]] = {
        "bioinstruct": lambda out: jsonl.write(
            out, corpora.read(name, "train", data=data, layout=TAGS)
        ),
        "datasets, map row by row": lambda out: by_map(source, out, wordings, batched=False),
        "datasets, map in batches": lambda out: by_map(source, out, wordings, batched=True),
        "a plain loop, nothing checked": lambda out: by_loop(source, out, wordings),
    }
    best: dict[str, dict[str, float]] = {}
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(REPEATS):
            for way, work in ways.items():
                out = Path(folder) / f"{turn}.jsonl"
                found = timed(lambda work=work, out=out: work(out))
                best[way] = min(best.get(way, found), found, key=lambda times: times["cpu"])
                rows = [json.loads(line) for line in out.open(encoding="utf-8")]
                texts[way] = [(row["instruction"], row["input"], row["output"]) for row in rows]
    assert len({json.dumps(found) for found in texts.values()}) == 1, name
    return {"corpus": name, "records": len(texts["bioinstruct"]), "ways": best}


TAGS = "medtuned"


def sentences(path: Path) -> Iterator[dict[str, list[str]]]:
    """As a dataset script reads such a file."""
    tokens: list[str] = []
    tags: list[str] = []
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                token, tag = line.rstrip("\n").split("\t")
                tokens.append(token)
                tags.append(tag)
            elif tokens:
                yield {"tokens": tokens, "tags": tags}
                tokens, tags = [], []
    if tokens:
        yield {"tokens": tokens, "tags": tags}


def texts_of(tokens: list[str], tags: list[str]) -> tuple[str, str]:
    lines = (f"{token} : {tag[0]}" for token, tag in zip(tokens, tags, strict=True))
    return " ".join(tokens), "\n".join(lines)


def by_loop(source: Path, out: Path, wordings: dict[str, str]) -> None:
    with out.open("w", encoding="utf-8") as file:
        for row in sentences(source):
            input, output = texts_of(**row)
            record = {"instruction": wordings[input], "input": input, "output": output}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def by_map(source: Path, out: Path, wordings: dict[str, str], *, batched: bool) -> None:
    import datasets

    datasets.disable_progress_bars()

    def one(row: dict[str, list[str]]) -> dict[str, str]:
        input, output = texts_of(row["tokens"], row["tags"])
        return {"instruction": wordings[input], "input": input, "output": output}

    def many(rows: dict[str, list[list[str]]]) -> dict[str, list[str]]:
        made = [
            one({"tokens": t, "tags": g}) for t, g in zip(rows["tokens"], rows["tags"], strict=True)
        ]
        return {key: [row[key] for row in made] for key in ("instruction", "input", "output")}

    with tempfile.TemporaryDirectory() as cache:  # nothing comes from an earlier turn
        rows = datasets.Dataset.from_generator(
            sentences, gen_kwargs={"path": source}, cache_dir=cache
        )
        made = rows.map(
            many if batched else one, batched=batched, remove_columns=["tokens", "tags"]
        )
        made.to_json(out, lines=True, force_ascii=False)


if __name__ == "__main__":
    main()
