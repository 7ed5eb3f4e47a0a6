"""Tables of what compiling costs: `python -m benchmarks.compile_report` puts them into the docs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.near_duplicates_report import FOLDER, table

BEGIN, END = "<!-- compile: rendered -->", "<!-- compile: end -->"
FEW = 30  # records: less is not worth a line


def rendered() -> str:
    """What stands in README.md between the two marks."""
    results = read("compile.json")
    on = results["machine"]
    machine = (
        f"{on['cpu']}, Python {on['python']}, pydantic {on['pydantic']}, "
        f"datasets {on['datasets']}; seconds of CPU, the best of three."
    )
    return "\n\n".join([machine, peers(results["peers"]), corpora(results["corpora"])])


def peers(results: list[dict[str, Any]]) -> str:
    ways = list(results[0]["ways"])
    rows = [
        [way, *(f"{row['records'] / row['ways'][way]['cpu']:,.0f}" for row in results)]
        for way in ways
    ]
    head = ["records a second", *(f"{row['corpus']} ({row['records']:,})" for row in results)]
    return table(head, rows)


def corpora(results: list[dict[str, Any]]) -> str:
    rows = [
        [
            " ".join(filter(None, (f"`{row['corpus']}`", row["layout"]))),
            f"{row['records']:,}",
            f"{row['bytes'] / 1e6:,.1f}",
            f"{row['records'] / row['cpu']:,.0f}",
            f"{row['bytes'] / 1e6 / row['cpu']:,.0f}",
            f"{row['mib']:,.0f}",
        ]
        for row in results
        if row["records"] >= FEW
    ]
    return table(["corpus", "records", "MB", "records a second", "MB a second", "MiB"], rows)


def layouts() -> str:
    """The cost of each layout in tokens of each tokenizer, for the guide."""
    results = read("layout_tokens.json")
    names = list(results["rows"][0]["tokens"])
    rows = []
    for row in results["rows"]:
        if row["records"] >= FEW:
            cells = [f"`{row['corpus']}`", row["layout"], f"{row['output_words']:,.1f}"]
            for name in names:
                parts = row["tokens"][name]
                cells += [f"{parts['output']:,.1f}", f"{sum(parts.values()):,.1f}"]
            rows.append(cells)
    tokens = [f"{name}: {part}" for name in names for part in ("answer", "whole record")]
    return table(["corpus", "layout", "words of the answer", *tokens], rows)


def read(name: str) -> Any:
    return json.loads((FOLDER / "results" / name).read_text(encoding="utf-8"))


def put(path: Path, text: str, *, begin: str, end: str) -> None:
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    put(FOLDER / "README.md", rendered(), begin=BEGIN, end=END)
    guide = FOLDER.parent / "docs" / "compile.md"
    put(guide, layouts(), begin="<!-- layouts: rendered -->", end="<!-- layouts: end -->")
