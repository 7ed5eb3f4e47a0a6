"""`bioinstruct publish`: write a dataset as Parquet with its card, and push it."""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import (
    SOURCE,
    TOKENIZER,
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
from bioinstruct.dataset.publish import obstacle, publish, push
from bioinstruct.errors import BioinstructError
from bioinstruct.rejection import Rejection
from bioinstruct.tokens import tokens_by

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.dataset.statistics import Statistics

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "write a dataset as Parquet with its card, and push it to the Hub"
    publishing = commands.add_parser(
        "publish",
        help=text,
        description=sentence(text),
        usage="%(prog)s SOURCE [SOURCE ...] --out DIR\n"
        "                           [--push --repo ID --license SPDX [--private] | --private-copy]",
    )
    publishing.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCE)
    publishing.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    add_force(publishing)
    publishing.add_argument("--push", action="store_true", help="upload the folder to the Hub")
    publishing.add_argument("--repo", metavar="ID", help="dataset repository, owner/name")
    publishing.add_argument(
        "--license", metavar="SPDX", help="the licence to publish under; required for --push"
    )
    publishing.add_argument("--private", action="store_true", help="make a new repository private")
    publishing.add_argument(
        "--private-copy",
        action="store_true",
        help="also write records that may not be redistributed; such a folder is never pushed",
    )
    publishing.add_argument("--tokenizer", metavar="NAME", help=TOKENIZER)
    add_import_options(publishing, license=False)
    publishing.set_defaults(command=run)


def _closed(statistics: Statistics) -> list[str]:
    return [s.origin for s in statistics.sources if obstacle(s.origin, s.license)]


def run(args: argparse.Namespace) -> int:
    if args.push and not args.repo:
        raise BioinstructError("--push needs a repository", hint="name one with --repo owner/name")
    if args.push and not args.license:
        raise BioinstructError(
            "--push needs the licence to publish under",
            hint="name it with --license SPDX; without --push, the card lists the data's licences",
        )
    check_new(args.out, force=args.force, inputs=args.sources, folder=True)
    options = import_options(args)
    rejected: list[Rejection] = []
    examples = chain.from_iterable(
        read_examples(source, rejected=rejected, options=options) for source in args.sources
    )
    statistics = publish(
        watched(examples, Counter()),
        args.out,
        name=args.out.resolve().name,
        private_copy=args.private_copy,
        tokens=tokens_by(args.tokenizer) if args.tokenizer else None,
    )
    say(
        f"{statistics.examples:,} instructions in {args.out}, "
        f"{statistics.duplicates:,} exact duplicates left out"
    )
    if closed := _closed(statistics):
        say(f"WARNING: do not share this folder: {', '.join(closed)} may not be redistributed")
    if rejected:
        keep_rejected(rejected, args.out.with_name(args.out.name + ".rejected.jsonl"))
        if args.push:
            say("not pushed: correct those lines, or publish without them")
        return 1
    if args.push:
        say("pushed: " + push(args.out, args.repo, license=args.license, private=args.private))
    return 0
