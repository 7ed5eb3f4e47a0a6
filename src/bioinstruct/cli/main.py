"""The `bioinstruct` command: the list of its subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import bioinstruct
from bioinstruct.cli import (
    compile,
    cost,
    doctor,
    export,
    filter,
    generate,
    import_records,
    label,
    publish,
    seeds,
    show,
    stats,
    synthesize,
)
from bioinstruct.console import Parser, run_command

EXAMPLES = """\
a whole run:
  bioinstruct compile ncbi-disease pubmedqa --data DIR --out compiled.jsonl
  bioinstruct filter compiled.jsonl --against all --out kept.jsonl
  bioinstruct publish seeds kept.jsonl --out bioinstruct
  python -c 'from datasets import load_dataset; print(load_dataset("bioinstruct"))'
"""

__all__ = ["main"]

COMMANDS = (
    *(seeds, generate, synthesize, compile, import_records, filter, label),
    *(publish, export, show, stats, cost, doctor),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `bioinstruct`."""
    args = _parser().parse_args(argv)
    run_command("bioinstruct", lambda: args.command(args))


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="bioinstruct",
        description="Make a biomedical instruction dataset and publish it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {bioinstruct.__version__}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
