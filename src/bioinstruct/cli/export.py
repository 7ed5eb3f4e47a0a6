"""`bioinstruct export`: write a dataset in the format of a training framework."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import (
    SOURCE,
    SPLIT,
    add_force,
    add_import_options,
    check_new,
    import_options,
    keep_rejected,
    sentence,
    watched,
)
from bioinstruct.console import say
from bioinstruct.dataset.load import read_examples
from bioinstruct.rejection import Rejection

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.schema import Instruction

__all__ = ["add"]

_FORMATS = (
    "alpaca",
    "axolotl",
    "chat",
    "llama-factory",
    "prompt-completion",
    "prompt-completion-text",
    "sharegpt",
)
_TRL = {"chat", "prompt-completion", "prompt-completion-text"}
_TRL_LENGTH = 1024  # `max_length` of SFTConfig, by default


def add(commands: Commands) -> None:
    text = "write a dataset in the format of a training framework"
    exporting = commands.add_parser(
        "export",
        help=text,
        description=sentence(text),
        usage="%(prog)s SOURCE [SOURCE ...] --to FORMAT --out PATH [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="formats:\n"
        "  alpaca                  a JSON array of instruction, input and output, for Stanford\n"
        "                          Alpaca; TRL does not read it\n"
        "  chat                    JSON Lines of messages, for TRL with a model that has a chat\n"
        "                          template; it trains on the whole conversation\n"
        "  prompt-completion       the same in two parts: TRL trains on the answer only\n"
        "  prompt-completion-text  two texts in Alpaca's layout, for TRL with a base model, which\n"
        "                          has no chat template\n"
        "  sharegpt                a JSON array of conversations, for FastChat; TRL does not know\n"
        "                          its roles\n"
        "  llama-factory           a folder with the records and dataset_info.json\n"
        "  axolotl                 a folder with the records and part of a configuration\n",
    )
    exporting.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCE)
    exporting.add_argument("--split", default="train", help=SPLIT)
    add_force(exporting)
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
    exporting.add_argument(
        "--tokenizer",
        metavar="NAME|PATH",
        help=f"for TRL: count the records of more than {_TRL_LENGTH:,} tokens of this tokenizer, "
        "which TRL cuts or drops by default",
    )
    add_import_options(exporting)
    exporting.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    from bioinstruct.dataset.export import FOLDERS, export

    folder = args.to in FOLDERS
    check_new(args.out, force=args.force, inputs=args.sources, folder=folder)
    options = import_options(args)
    rejected: list[Rejection] = []
    examples: Iterator[Instruction] = chain.from_iterable(
        read_examples(source, split=args.split, rejected=rejected, options=options)
        for source in args.sources
    )
    counts: Counter[str] = Counter()
    lengths = _Lengths(args.tokenizer, args.to) if args.tokenizer and args.to in _TRL else None
    if lengths:
        examples = map(lengths.measured, examples)
    count = export(watched(examples, counts), args.to, args.out, private_copy=args.private_copy)
    say(f"{count:,} instructions to {args.out}, from {', '.join(counts)}")
    if lengths:
        say(lengths.sentence(count))
    if rejected:
        keep_rejected(rejected, args.out.with_name(args.out.name + ".rejected.jsonl"))
    return 1 if rejected else 0


class _Lengths:
    """Count the records that TRL shortens by default.

    Of the text format the count is that of TRL; of a conversation it is less by the tokens of the
    chat template, which is not known here.
    """

    def __init__(self, tokenizer: str, to: str) -> None:
        from bioinstruct.prompts import render, user_turn
        from bioinstruct.tokens import tokens_by

        self.tokens = tokens_by(tokenizer)
        self.text = to == "prompt-completion-text"
        self.prompt = render if self.text else user_turn
        self.too_long = self.longest = 0

    def measured(self, example: Instruction) -> Instruction:
        """Return the record, and count it if it is too long."""
        parts = (self.prompt(example), example.output)
        length = sum(map(self.tokens.count, parts)) + 1  # the end of the text
        self.too_long += length > _TRL_LENGTH
        self.longest = max(self.longest, length)
        return example

    def sentence(self, count: int) -> str:
        """Say how many are too long, and which setting keeps them."""
        said = f"{self.too_long:,} of {count:,} records exceed {_TRL_LENGTH:,} tokens of "
        said += self.tokens.name + ("" if self.text else " before the chat template")
        if not self.too_long:
            return said
        keep = math.ceil(self.longest * 1.1 / 256) * 256  # the template has tokens too
        return f"{said}, TRL's default: SFTConfig(max_length={keep}) keeps them whole"
