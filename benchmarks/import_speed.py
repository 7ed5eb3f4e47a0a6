"""Import Alpaca records, against `datasets.load_dataset("json")` followed by `to_json`.

    python -m benchmarks.import_speed [--rows N]

Each program runs in a process of its own on the same file, with an empty cache for `datasets`.
Prints wall time, CPU time and peak memory of both, and the ratios of the times.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = ("patient", "fever", "cough", "aspirin", "dose", "with", "renal", "failure", "daily")

OURS = """
from bioinstruct import jsonl
from bioinstruct.dataset.load import read_examples
print(jsonl.write(OUT, read_examples(SOURCE, rejected=[])))
"""
THEIRS = """
import datasets
data = datasets.load_dataset("json", data_files=SOURCE, split="train", cache_dir=CACHE)
data.to_json(OUT, force_ascii=False)
print(len(data))
"""


def make(path: Path, rows: int) -> None:
    """Write rows of Alpaca's median lengths, about 60 words each."""
    draw = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            texts = [" ".join(draw.choices(WORDS, k=k)) for k in (12, 8 * (number % 3 == 0), 45)]
            row = dict(zip(("instruction", "input", "output"), texts, strict=True))
            row["instruction"] += f" {number}"
            file.write(json.dumps(row) + "\n")


def measure(code: str, folder: Path) -> dict[str, float]:
    """Run a program and return its seconds, seconds of CPU and peak memory in MiB."""
    names = {"SOURCE": "in.jsonl", "OUT": "out.jsonl", "CACHE": "cache"}
    lines = [f"{name} = {str(folder / value)!r}" for name, value in names.items()]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    tail = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines) + code + tail],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "seconds": seconds,
        "cpu": cpu,
        "mib": int(done.stdout.split()[-1]) / 1024,
        "rows": int(done.stdout.split()[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "in.jsonl", rows)
        size = (folder / "in.jsonl").stat().st_size / 2**20
        print(f"{rows:,} rows, {size:,.0f} MiB")
        found = {}
        for which, code in (("datasets", THEIRS), ("bioinstruct", OURS)):
            found[which] = one = measure(code, folder)
            print(
                f"{which:12} {one['seconds']:7.1f} s  {one['cpu']:7.1f} s of CPU  "
                f"{one['mib']:7,.0f} MiB  {one['rows']:,.0f} rows",
                flush=True,
            )
        for unit in ("seconds", "cpu"):
            ratio = found["datasets"][unit] / found["bioinstruct"][unit]
            print(f"speed of bioinstruct / datasets by {unit}: {ratio:.2f}")


if __name__ == "__main__":
    main()
