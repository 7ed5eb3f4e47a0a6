"""Make records whose answers are computed, and derive each again: `python -m benchmarks.synthesis`.

Seeds take turns with the wordings of training and of the test. The result is written to
results/synthesis.json, and as a table into README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections import Counter
from typing import Any

from benchmarks.near_duplicates_report import FOLDER, table

from bioinstruct.synthesis.make import VERSION, synthesize
from bioinstruct.synthesis.verify import check

BEGIN, END = "<!-- synthesis: rendered -->", "<!-- synthesis: end -->"


def measure(count: int, seeds: int) -> dict[str, Any]:
    """Return records, disagreements, seconds of CPU and MiB of `count` records of each seed."""
    made: Counter[str] = Counter()
    found: list[str] = []
    making, checking = 0.0, 0.0
    for seed in range(1, seeds + 1):
        begun = time.process_time()
        records = list(synthesize(count, seed=seed, split="train" if seed % 2 else "test"))
        between = time.process_time()
        for record in records:
            made[record.category.value] += 1
            if disagreement := check(record):
                found.append(f"seed {seed}: {disagreement.reason}")
        making += between - begun
        checking += time.process_time() - between
    return {
        "version": VERSION,
        "seeds": seeds,
        "records": dict(made),
        "disagreements": found,
        "making": round(making, 1),
        "checking": round(checking, 1),
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "python": platform.python_version(),
    }


def rendered(found: dict[str, Any]) -> str:
    """Return what stands in README.md between the two marks."""
    total = sum(found["records"].values())
    rows = [
        [
            f"{total:,}",
            f"{found['seeds']}",
            f"{len(found['disagreements']):,}",
            f"{found['making']:,.0f} s",
            f"{found['checking']:,.0f} s",
            f"{found['mib']:,} MiB",
        ]
    ]
    head = ["records", "seeds", "disagreements", "CPU to make", "CPU to derive again", "memory"]
    kinds = ", ".join(f"{name} {n:,}" for name, n in sorted(found["records"].items()))
    said = f"Generator {found['version']}, Python {found['python']}; {kinds}."
    return f"{said}\n\n{table(head, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="records of each seed")
    parser.add_argument("--seeds", type=int, default=20)
    args = parser.parse_args()
    found = measure(args.count, args.seeds)
    (FOLDER / "results" / "synthesis.json").write_text(
        json.dumps(found, indent=2) + "\n", encoding="utf-8"
    )
    path = FOLDER / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{rendered(found)}\n\n{END}{after}", encoding="utf-8")
    print(rendered(found))


if __name__ == "__main__":
    main()
