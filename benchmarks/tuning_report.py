"""Tables of what tuning costs: `python -m benchmarks.tuning_report` puts them into README.md."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.compile_report import put, read
from benchmarks.near_duplicates_report import FOLDER, table

BEGIN, END = "<!-- tuning: rendered -->", "<!-- tuning: end -->"


def rendered() -> str:
    """What stands in README.md between the two marks."""
    results = read("tuning.json")
    on = results["machine"]
    peak = {kind: each / 1e9 for kind, each in on["peak"].items()}
    machine = (
        f"{on['cpu']}, one thread, Python {on['python']}, torch {on['torch']}, transformers "
        f"{on['transformers']}, peft {on['peft']}, TRL {on['trl']}. The best matrix product: "
        f"{peak['float32']:,.0f} GFLOP a CPU second in float32, "
        f"{peak['bfloat16']:,.0f} in bfloat16."
    )
    runs = [run for run in results["runs"] if "error" not in run]
    fixtures = list(dict.fromkeys((run["size"], run["vocabulary"]) for run in runs))
    parts = [machine]
    for size, vocabulary in fixtures:
        those = {r["method"]: r for r in runs if (r["size"], r["vocabulary"]) == (size, vocabulary)}
        one = next(iter(those.values()))
        parts.append(
            f"**{size} parameters, vocabulary {vocabulary}**: {one['tokens']:,} tokens, "
            f"{one['targets'] / one['tokens']:.0%} of them of answers."
        )
        parts.append(table(_head(), [_row(run, those, on["peak"]) for run in _sorted(those)]))
    return "\n\n".join(parts)


def _head() -> list[str]:
    return [
        "",
        "tokens a second",
        "of answers",
        "times padded Trainer",
        "times TRL packed, same precision",
        "MiB",
        "share of the peak",
    ]


def _sorted(those: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(those.values(), key=speed)


def speed(run: dict[str, Any]) -> float:
    """Real tokens, without padding, a CPU second."""
    return float(run["tokens"] / run["seconds"])


def bound(run: dict[str, Any]) -> float:
    """Operations that LoRA needs: forward and the gradient of inputs; the head on answers only."""
    return float(
        4 * run["linear"] * run["tokens"]
        + 4 * run["head"] * run["targets"]
        + 6 * run["adapter"] * run["tokens"]
    )


def _row(run: dict[str, Any], those: dict[str, Any], peak: dict[str, float]) -> list[str]:
    low = "bf16" in run["method"]
    trl = those.get("TRL, packed, bf16" if low else "TRL, packed")
    padded = those.get("Trainer, padded")
    share = bound(run) / run["seconds"] / peak["bfloat16" if low else "float32"]
    return [
        run["method"],
        f"{speed(run):,.0f}",
        f"{run['targets'] / run['seconds']:,.0f}",
        f"{speed(run) / speed(padded):.1f}" if padded else "",
        f"{speed(run) / speed(trl):.1f}" if trl else "",
        f"{run['mib']:,.0f}",
        f"{share:.0%}",
    ]


def plot() -> None:
    """The loss of each step of the smallest model: equal data, equal curves."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    marks = iter("osD^vPX*")
    for run in read("tuning.json")["runs"]:
        if (run["size"], run["vocabulary"]) == ("5M", "32k") and "error" not in run:
            steps = range(1, len(run["losses"]) + 1)
            style = {"marker": next(marks), "fillstyle": "none", "markersize": 9, "linewidth": 1}
            axes.plot(steps, run["losses"], label=run["method"], **style)
    axes.set(xlabel="optimizer step", ylabel="loss, nats per answer token")
    axes.set_xticks(range(1, 5))
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(FOLDER / "tuning_losses.png", dpi=110)


if __name__ == "__main__":
    if "--plot" in sys.argv:
        plot()
    put(FOLDER / "README.md", rendered(), begin=BEGIN, end=END)
