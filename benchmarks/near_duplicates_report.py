"""Tables and plot of the measured results: `python -m benchmarks.near_duplicates_report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- near duplicates: rendered -->", "<!-- end -->"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def contenders(stream: dict[str, Any]) -> str:
    """One stream of texts: each contender against the way of Self-Instruct."""
    old = stream["self_instruct_extrapolated"]
    lists = stream["rapidfuzz_word_lists_extrapolated"]
    rows = [
        line("rouge-score as Self-Instruct calls it (EXTRAPOLATED)", old, old),
        line("rapidfuzz extractOne, every pair, lists of words (EXTRAPOLATED)", lists, old),
    ]
    for row in sorted(stream["rows"], key=lambda row: -row["cpu"]):
        wrong = [f"{row[name]:,}" for name in ("wrongly_dropped", "wrongly_kept")]
        rows.append([*line(row["contender"], row, old)[:4], *wrong])
    head = ["", "CPU", "wall", "times faster (CPU)", "wrongly dropped", "wrongly kept"]
    return table(head, rows)


def line(name: str, row: dict[str, Any], old: dict[str, Any]) -> list[str]:
    """A contender that decides exactly."""
    times = f"{rounded(old['cpu'] / row['cpu']):,}"
    return [name, duration(row["cpu"]), duration(row["wall"]), times, "0", "0"]


def scale(results: dict[str, Any]) -> str:
    """Seconds and memory, engine by engine."""
    engines = sorted({row["engine"] for row in results["rows"]})
    found = {(row["engine"], row["texts"]): row for row in results["rows"]}
    rows = []
    for size in sorted({row["texts"] for row in results["rows"]}):
        cells = [f"{size:,}"]
        for engine in engines:
            row = found.get((engine, size))
            cells += [duration(row["cpu"]), duration(row["seconds"]), gib(row)] if row else [""] * 3
        rows.append(cells)
    head = [f"{engine}, {what}" for engine in engines for what in ("CPU", "wall", "memory")]
    return table(["texts", *head], rows)


def gib(row: dict[str, Any]) -> str:
    return f"{row['peak_mib'] / 1024:.1f} GiB"


def rendered() -> str:
    """What stands in README.md between the two marks."""
    results = json.loads((FOLDER / "results/near_duplicates.json").read_text(encoding="utf-8"))
    growth = json.loads((FOLDER / "results/near_duplicates_scale.json").read_text(encoding="utf-8"))
    really, on = results["really_run"], results["machine"]
    parts = [
        f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, numpy {on['numpy']}, "
        f"rapidfuzz {on['rapidfuzz']}, numba {on['numba']}, rouge-score {on['rouge-score']}, "
        f"datasketch {on['datasketch']}."
    ]
    for name, stream in results["streams"].items():
        cost = stream["self_instruct_extrapolated"]
        parts += [
            f"**{name}**: {stream['texts']:,} texts of {stream['mean_words']:.1f} words, "
            f"{stream['kept']:,} kept, {cost['pairs']:,.0f} pairs for Self-Instruct at "
            f"{cost['cpu_us_per_pair']:.0f} us of CPU each.",
            contenders(stream),
        ]
    parts += [
        f"Nothing extrapolated: the first {really['texts']:,} texts of the first stream take "
        f"rouge-score {really['cpu']:.1f} CPU seconds in one process without the pool, and "
        f"bioinstruct with numpy {really['ours_cpu']:.3f}: "
        f"{rounded(really['cpu'] / really['ours_cpu']):,} times less, with the same decisions.",
        "## Growth",
        scale(growth),
    ]
    parts += [
        f"{engine} at {size:,} texts took longer than {limit:.0f} seconds and was stopped."
        for engine, size, limit in growth["too_long"]
    ]
    return "\n\n".join(parts)


def duration(seconds: float) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def rounded(value: float) -> int:
    """Two significant digits: the measurements repeat no better."""
    return int(float(f"{value:.2g}"))


def plot(path: Path) -> None:
    """Time and memory against the number of texts, both scales logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    growth = json.loads((FOLDER / "results/near_duplicates_scale.json").read_text(encoding="utf-8"))
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    looks = {"numpy": ("#0072b2", "o"), "numba": ("#009e73", "s"), "spark": ("#d55e00", "^")}
    labels = {
        "numpy": "memory (numpy)",
        "numba": "memory (numba)",
        "spark": "Spark, local, 2 cores",
    }
    for engine, (colour, marker) in looks.items():
        rows = sorted(
            (r for r in growth["rows"] if r["engine"] == engine), key=lambda r: r["texts"]
        )
        sizes = [row["texts"] for row in rows]
        for axis, values in zip(
            axes,
            ([row["cpu"] for row in rows], [row["peak_mib"] / 1024 for row in rows]),
            strict=True,
        ):
            axis.plot(sizes, values, color=colour, marker=marker, label=labels[engine])
    for axis, title in zip(axes, ("CPU seconds", "memory, GiB (with the texts)"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="texts", title=title)
        sizes = sorted({row["texts"] for row in growth["rows"]})
        axis.set_xticks(sizes, [f"{size // 1000:,}k" if size < 1e6 else "1M" for size in sizes])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.3)
        axis.axvline(82_548, color="grey", linestyle=":", linewidth=1)
    axes[1].set_yticks([0.25, 0.5, 1, 2, 4])
    axes[0].annotate(
        "synthetic beyond",
        (82_548, 0.02),
        xycoords=("data", "axes fraction"),
        fontsize=8,
        xytext=(4, 0),
        textcoords="offset points",
        color="grey",
    )
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=130)


def main() -> None:
    page = FOLDER / "README.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    text = f"{before}{BEGIN}\n\n{rendered()}\n\n{END}{after}"
    page.write_text(text, encoding="utf-8")
    plot(FOLDER / "near_duplicates.png")


if __name__ == "__main__":
    main()
