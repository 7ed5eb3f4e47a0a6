"""`bioinstruct-bench verify`: recompute every figure of a finished run without its model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import sentence
from bioinstruct.console import say, show

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the subcommand."""
    text = "recompute every figure of a run from its answers and data, without the model"
    parser = commands.add_parser(
        "verify",
        help=text,
        description=sentence(text),
        usage="%(prog)s RUN [--task-file FILE]",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="--out folder of a run")
    parser.add_argument(
        "--task-file",
        type=Path,
        metavar="FILE",
        help="the Python file of tasks that the run was given; it is run",
    )
    parser.set_defaults(command=_run)


def _run(args: argparse.Namespace) -> int:
    from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
    from bioinstruct.bench.report.verify import Verifier
    from bioinstruct.bench.tasks.user_file import load_task_file
    from bioinstruct.text import visible

    if args.task_file:
        load_task_file(args.task_file)
    done = Verifier(args.run).check()
    for note in done.notes:
        say(f"note: {visible(note)}")
    for fault in done.faults:
        show(visible(fault))
    counted = f"{done.answers:,} answers counted again, {done.figures:,} figures recomputed"
    say(f"{counted}: {f'{len(done.faults):,} do not agree' if done.faults else 'all agree'}")
    return 1 if done.faults else 0
