"""`bioinstruct-bench report`: a page and tables of finished runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import sentence
from bioinstruct.console import say, show
from bioinstruct.errors import BioinstructError

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]

SEVERAL = Path("comparison.html")
"""The page of several runs, unless it is named."""


def add(commands: Commands) -> None:
    """Add the subcommand."""
    text = "write a page with the items of runs side by side, and tables for papers"
    parser = commands.add_parser(
        "report",
        help=text,
        description=sentence(text),
        usage="%(prog)s RUN [RUN ...] [--out FILE] [--tables DIR] [--force] [--seed N]",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="--out folders of runs")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the page (default: report.html in the folder of one run, {SEVERAL} for several)",
    )
    parser.add_argument(
        "--tables",
        type=Path,
        metavar="DIR",
        help="also write the tables as Markdown, LaTeX (booktabs) and CSV, and the plot as SVG",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the resampling (default: 0)"
    )
    parser.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    from bioinstruct.bench.report.exports import exports
    from bioinstruct.bench.report.folder import PAGE, read_run
    from bioinstruct.bench.report.side_by_side import write_runs
    from bioinstruct.files import write_text

    alone = len(args.runs) == 1
    page = args.out or (args.runs[0] / PAGE if alone else SEVERAL)
    own = args.out is None and alone  # the page of a run follows from its other files
    found = exports([read_run(folder) for folder in args.runs]) if args.tables else {}
    files = [args.tables / name for name in found]
    there = [path for path in (*([] if own else [page]), *files) if path.exists()]
    if there and not args.force:
        raise BioinstructError(
            f"{there[0]} is there already", hint="name another place, or replace it with --force"
        )
    for why in write_runs(page, args.runs, seed=args.seed):
        say(f"not compared: {why}")
    for path, text in zip(files, found.values(), strict=True):
        write_text(path, text)
    show("\n".join(map(str, (page, *files))))
    return 0
