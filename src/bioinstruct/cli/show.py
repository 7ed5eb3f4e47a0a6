"""`bioinstruct show`: print instructions in readable form."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import TYPE_CHECKING

from bioinstruct.cli.common import SOURCE, SPLIT, add_import_options, import_options, sentence
from bioinstruct.console import positive, show
from bioinstruct.dataset.load import read_examples
from bioinstruct.text import escaped_json

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "print instructions in readable form"
    showing = commands.add_parser("show", help=text, description=sentence(text))
    showing.add_argument("source", metavar="SOURCE", help=SOURCE)
    showing.add_argument("--split", default="train", help=SPLIT)
    showing.add_argument(
        "--limit", type=positive, default=5, metavar="N", help="how many (default: 5)"
    )
    showing.add_argument("--json", action="store_true", help="print them as JSON Lines")
    add_import_options(showing)
    showing.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    found = read_examples(args.source, split=args.split, options=import_options(args))
    examples = islice(found, args.limit)
    if args.json:
        for example in examples:
            print(escaped_json(json.dumps(example.row(), ensure_ascii=False)))
        return 0
    for example in examples:
        made = example.provenance
        show(f"── {example.id}  {example.category}  {example.task}  {made.origin}, {made.license}")
        for name in ("instruction", "input", "output"):
            if text := getattr(example, name):
                show(f"{name}: {text}")
        show()
    return 0
