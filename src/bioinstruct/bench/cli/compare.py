"""`bioinstruct-bench compare`: runs on the same items, or a run and results of another harness."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.cli.common import sentence
from bioinstruct.console import say, show
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.tables import aligned

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.runs import Pair
    from bioinstruct.bench.metrics.intervals import Interval
    from bioinstruct.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the subcommand."""
    text = "compare runs on the same items, or a run with results of lm-evaluation-harness"
    parser = commands.add_parser(
        "compare",
        help=text,
        description=sentence(text),
        usage="%(prog)s RUN (RUN ... | RESULTS) [--system NAME] [--seed N] [--json]\n"
        "       [--html FILE]",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="--out folders of runs; each is compared with the first. Instead of the second, a "
        "results file of lm-evaluation-harness",
    )
    parser.add_argument(
        "--system",
        choices=("base", "tuned"),
        default="",
        help="which model of each run (default: tuned where there is one, else base)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the resampling (default: 0)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write a page with the items side by side"
    )
    parser.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    if len(args.runs) < 2:
        raise BioinstructError(
            f"{args.runs[0]} alone cannot be compared",
            hint="name a second run, or a results file of lm-evaluation-harness",
        )
    first, *others = args.runs
    if len(others) == 1 and others[0].is_file():
        _check_folder(first)
        return _with_results(first, others[0], args)
    for folder in args.runs:
        _check_folder(folder)
    if args.html and args.html.exists():
        raise BioinstructError(f"{args.html} is there already", hint="name another file")
    return _with_runs(first, others, args)


def _check_folder(path: Path) -> None:
    if path.is_file():
        raise BioinstructError(
            f"{path} is a file, not the folder of a run",
            hint="only the second of two may be a results file",
        )
    if not path.is_dir():
        raise MissingError(f"no folder {path}", hint="name the --out folder of a run")


def _with_runs(first: Path, others: Sequence[Path], args: argparse.Namespace) -> int:
    from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
    from bioinstruct.bench.evaluation.runs import compare_runs, read_counts

    one, *rest = [read_counts(folder, args.system) for folder in (first, *others)]
    compared = 0
    found: list[dict[str, Any]] = []
    for folder, other in zip(others, rest, strict=True):
        pairs, refused = compare_runs(one, other, seed=args.seed)
        compared += len(pairs)
        names = f"{first} ({one[0].system})", f"{folder} ({other[0].system})"
        if args.json:
            shown = [asdict(pair) for pair in pairs]
            found.append({"runs": names, "compared": shown, "not_compared": refused})
            continue
        if folder != others[0]:
            show()
        show("\n".join(_lines(names, pairs, refused)))
    if args.json:
        print(json.dumps(found, indent=2))
    if args.html:
        from bioinstruct.bench.report.side_by_side import write_runs

        write_runs(args.html, args.runs, seed=args.seed)
        say(f"wrote {args.html}")
    if not compared:
        say("nothing can be compared: the runs answered no common items of one task and metric")
    return 0 if compared else 1


def _lines(names: tuple[str, str], pairs: Sequence[Pair], refused: Sequence[str]) -> list[str]:
    """Return the table of two runs, and below it what qualifies or forbids a comparison."""
    lines = [f"1: {names[0]}", f"2: {names[1]}"]
    notes = []
    table = [["task", "metric", "n", "documents", "1 (95 % interval)", "2 (95 % interval)"]]
    table[0] += ["difference (95 % interval)", "verdict on 2", "detectable"]
    several = len({(p.task, p.split, p.metric) for p in pairs}) < len(pairs)
    for pair in pairs:
        name = pair.task if pair.split == "test" else f"{pair.task}, {pair.split}"
        p = "" if pair.verdict.p is None else f", p = {pair.verdict.p:.3f}"
        found = pair.comparison
        metric = f"{pair.metric}, {pair.how}" if several else pair.metric
        cells = [name, metric, f"{pair.n:,}", f"{found.documents:,}"]
        cells += [_between(pair.one), _between(pair.other), _between(found.difference, "+")]
        table.append([*cells, f"{pair.verdict.words}{p}", f"{found.detectable:.3f}"])
        if pair.differs:
            notes.append(f"asked differently: {name}: {pair.differs}")
        if pair.left_out:
            notes.append(f"left out: {name}: {pair.left_out:,} items that only one run answered")
    notes += [f"not compared: {why}" for why in refused]
    lines += ["", *aligned(table)] if pairs else []
    return lines + (["", *notes] if notes else [])


def _between(found: Interval, sign: str = "") -> str:
    value, low, high = (f"{x:{sign}.3f}" for x in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def _with_results(run: Path, results: Path, args: argparse.Namespace) -> int:
    """Print a line for each score of the results file, with ours where the task is the same."""
    from bioinstruct.bench.evaluation.lm_eval import compared, read_results, read_scores
    from bioinstruct.bench.report.folder import REPORT

    found = compared(read_results(results), read_scores(run / REPORT, args.system))
    if args.json:
        print(json.dumps(found, indent=2))
    elif found:
        cells = [[_cell(value) for value in each.values()] for each in found]
        show("\n".join(aligned([list(found[0]), *cells])))
    if any(each["ours"] is not None for each in found):
        return 0
    say(
        "nothing can be compared: no task in the results was written by "
        f"`bioinstruct-bench export` and scored in {run}"
    )
    return 1


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
