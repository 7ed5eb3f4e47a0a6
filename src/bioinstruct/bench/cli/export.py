"""`bioinstruct-bench export`: tasks as files that another harness runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.bench.cli.tasks import add_arguments, chosen_evaluations
from bioinstruct.cli.common import sentence
from bioinstruct.console import say, show
from bioinstruct.prompts import Style

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the subcommand."""
    text = "write tasks as a folder that lm-evaluation-harness runs"
    parser = commands.add_parser(
        "export",
        help=text,
        description=sentence(text),
        usage="%(prog)s lm-eval DIR [options]",
    )
    parser.add_argument("layout", choices=("lm-eval",), metavar="lm-eval", help="for which harness")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write to")
    add_arguments(parser.add_argument_group("what to export"))
    parser.add_argument(
        "--style",
        type=Style,
        choices=list(Style),
        default=Style.ALPACA,
        help="prompt layout (default: alpaca)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of --shots (default: 0)"
    )
    parser.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    from bioinstruct.bench.evaluation.lm_eval import export

    names = export(chosen_evaluations(args)[0], args.folder, style=args.style)
    say(
        f"{len(names)} tasks in {args.folder}: "
        f"lm_eval --include_path {args.folder} --tasks bioinstruct"
    )
    show("\n".join(names))
    return 0
