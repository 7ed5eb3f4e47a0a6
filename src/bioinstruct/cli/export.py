"""`bioinstruct export`: write a dataset in the format of a training framework."""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import SOURCE, keep_rejected, sentence, watched
from bioinstruct.console import say
from bioinstruct.dataset.load import read_examples
from bioinstruct.rejection import Rejection

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]

_FORMATS = ("alpaca", "axolotl", "chat", "llama-factory", "prompt-completion", "sharegpt")


def add(commands: Commands) -> None:
    text = "write a dataset in the format of a training framework"
    exporting = commands.add_parser(
        "export",
        help=text,
        description=sentence(text),
        usage="%(prog)s SOURCE [SOURCE ...] --to FORMAT --out PATH [--private-copy]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n"
        "  alpaca             a JSON array of instruction, input and output\n"
        "  chat               JSON Lines of messages, for TRL and others\n"
        "  prompt-completion  the same in two parts, so that TRL trains on the answer only\n"
        "  sharegpt           a JSON array of conversations\n"
        "  llama-factory      a folder with the records and dataset_info.json\n"
        "  axolotl            a folder with the records and part of a configuration\n",
    )
    exporting.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCE)
    exporting.add_argument(
        "--to", required=True, choices=_FORMATS, metavar="FORMAT", help="one of the formats below"
    )
    exporting.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="the file or folder to write"
    )
    exporting.add_argument(
        "--private-copy",
        action="store_true",
        help="also write records that may not be redistributed, for your own use",
    )
    exporting.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    from bioinstruct.dataset.export import export

    rejected: list[Rejection] = []
    examples = chain.from_iterable(
        read_examples(source, rejected=rejected) for source in args.sources
    )
    counts: Counter[str] = Counter()
    count = export(watched(examples, counts), args.to, args.out, private_copy=args.private_copy)
    say(f"{count:,} instructions to {args.out}, from {', '.join(counts)}")
    if rejected:
        keep_rejected(rejected, args.out.with_name(args.out.name + ".rejected.jsonl"))
    return 1 if rejected else 0
