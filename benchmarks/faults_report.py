"""The table of the fuzzer: `python -m benchmarks.faults_report` puts it into README.md."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.near_duplicates_report import FOLDER, table

BEGIN, END = "<!-- faults: rendered -->", "<!-- faults: end -->"


def rendered(found: dict[str, Any]) -> str:
    """Return what stands in README.md between the two marks."""
    said = (
        f"{found['inputs']:,} inputs with seed {found['seed']}, {len(found['findings']):,} "
        f"findings, {found['cpu']:,.0f} s of CPU, Python {found['python']}."
    )
    kinds = ("taken", "refused", "findings")
    rows = [
        [name, *(f"{counts.get(kind, 0):,}" for kind in kinds)]
        for name, counts in sorted(found["parsers"].items())
    ]
    return f"{said}\n\n{table(['parser', *kinds], rows)}"


def main() -> None:
    found = json.loads((FOLDER / "results" / "fuzz.json").read_text(encoding="utf-8"))
    path = FOLDER / "README.md"
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{rendered(found)}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
