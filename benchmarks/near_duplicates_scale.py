"""How time and memory grow with the number of texts, in memory and on Spark.

    python -m benchmarks.near_duplicates_scale --data DIR

Up to 82,548 texts are real (MedQuAD and other corpora); beyond, they are SYNTHETIC variants of
these. Each point is a process of its own; memory is the highest sum of the resident sets of it and
of all that it started. The seconds are those of the filter, for Spark with its start; CPU seconds
are of all processes, so that they can be compared when the machine has other work.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import psutil
from benchmarks.near_duplicates import RESULTS, machine
from benchmarks.texts import grown, medquad, others

SIZES = [50_000, 100_000, 200_000, 500_000, 1_000_000]
ENGINES = ["numpy", "numba", "spark"]


def texts_of(data: Path, count: int) -> list[str]:
    real = medquad(data) + others(data)
    random.Random(1).shuffle(real)
    return grown(real, count)


def point(engine: str, data: Path, count: int) -> dict[str, Any]:
    """Filter once, in this process."""
    from bioinstruct.filters import NearDuplicates
    from bioinstruct.filters.spark import near_duplicates_spark

    texts = texts_of(data, count)
    if engine == "numba":
        NearDuplicates(compiled=True).offer_all(texts[:100])  # compiles, once for a machine
    before = time.process_time()
    start = time.perf_counter()
    if engine == "spark":
        found = near_duplicates_spark(texts)
    else:
        found = NearDuplicates(compiled=engine == "numba").offer_all(texts)
    seconds = time.perf_counter() - start
    digest = zlib.crc32(repr([(m.place, m.score) if m else None for m in found]).encode())
    kept = sum(m is None for m in found)
    return {"seconds": seconds, "before": before, "kept": kept, "decisions": digest}


def measured(engine: str, data: Path, count: int, limit: float) -> dict[str, Any] | None:
    """One point in a process of its own; None when it takes longer than the limit."""
    command = [sys.executable, "-m", "benchmarks.near_duplicates_scale", "--data", str(data)]
    command += ["--point", engine, str(count)]
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        watched, peak, cpu = psutil.Process(child.pid), 0, 0.0
        while child.poll() is None:
            now = used(watched)
            peak, cpu = max(peak, now[0]), max(cpu, now[1])
            if time.monotonic() - started > limit:
                for process in [*watched.children(recursive=True), watched]:
                    process.kill()
                return None
            time.sleep(0.2)
        assert child.stdout is not None
        lines = child.stdout.read().splitlines()
    if child.returncode:
        raise RuntimeError(f"{engine} at {count} ended with {child.returncode}")
    row = json.loads(lines[-1])
    cpu -= row.pop("before")
    return row | {"engine": engine, "texts": count, "cpu": cpu, "peak_mib": peak / 2**20}


def used(root: psutil.Process) -> tuple[int, float]:
    """Bytes and CPU seconds of a process and all below it."""
    memory, cpu = 0, 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in [root, *root.children(recursive=True)]:
            memory += process.memory_info().rss
            times = process.cpu_times()
            cpu += times.user + times.system
    return memory, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("BIOINSTRUCT_DATA"))
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--limit", type=float, default=900, help="seconds for a point")
    parser.add_argument("--out", type=Path, default=RESULTS / "near_duplicates_scale.json")
    parser.add_argument("--point", nargs=2, metavar=("ENGINE", "COUNT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        print(json.dumps(point(args.point[0], args.data, int(args.point[1]))))
        return
    result: dict[str, Any] = {"machine": machine(), "rows": [], "too_long": []}
    if args.out.exists():
        result = json.loads(args.out.read_text(encoding="utf-8"))
    for engine in args.engines:
        for size in args.sizes:
            row = measured(engine, args.data, size, args.limit)
            print(row or f"{engine} at {size:,}: longer than {args.limit} s", flush=True)
            same = [r for r in result["rows"] if (r["engine"], r["texts"]) != (engine, size)]
            result["rows"] = [*same, row] if row else same
            late = [r for r in result["too_long"] if r[:2] != [engine, size]]
            result["too_long"] = late
            if row is None:
                result["too_long"].append([engine, size, args.limit])
            args.out.parent.mkdir(exist_ok=True)
            args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            if row is None:
                break


if __name__ == "__main__":
    main()
