"""`bioinstruct synthesize`: make records whose answers are computed, and verify them."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from bioinstruct import jsonl
from bioinstruct.cli.common import add_force, check_new, counted, sentence
from bioinstruct.console import Line, positive, say, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bioinstruct.cli.common import Commands
    from bioinstruct.schema import Instruction

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "make records whose answers are computed, and verify them"
    making = commands.add_parser(
        "synthesize",
        help=text,
        description=sentence(text) + " The same count, seed, kinds and version give the same "
        "bytes. No clinician reviewed the records; they are not for care.",
        usage="%(prog)s --count N --out FILE [--seed S] [--kinds KIND ...] [--split SPLIT]\n"
        "       %(prog)s --verify FILE\n"
        "       %(prog)s --list",
    )
    what = making.add_mutually_exclusive_group(required=True)
    what.add_argument("--count", type=positive, metavar="N", help="how many records to make")
    what.add_argument(
        "--verify",
        metavar="FILE",
        help="derive the answers of a file again from its texts, and name each that differs",
    )
    what.add_argument(
        "--list", action="store_true", help="list the kinds with their sources, tab-separated"
    )
    making.add_argument("--seed", type=int, default=0, metavar="S", help="default: 0")
    making.add_argument(
        "--kinds", nargs="+", metavar="KIND", help="kinds or families (default: all)"
    )
    making.add_argument(
        "--without", nargs="+", default=[], metavar="KIND", help="kinds or families to leave out"
    )
    making.add_argument(
        "--split",
        choices=["train", "test"],
        default="train",
        help="the wordings to use; train and test share none (default: train)",
    )
    making.add_argument("--out", metavar="FILE", help="JSON Lines, or `-`")
    add_force(making)
    making.set_defaults(command=run, usage_error=making.error)


def run(args: argparse.Namespace) -> int:
    if args.list:
        return _list()
    if args.verify:
        return _verify(args.verify)
    if not args.out:
        args.usage_error("--count needs --out")
    from bioinstruct.synthesis.catalogue import chosen
    from bioinstruct.synthesis.make import synthesize

    check_new(args.out, force=args.force)
    kinds = args.kinds
    if args.without:
        left_out = chosen(args.without)
        kinds = [kind.name for kind in chosen(kinds) if kind not in left_out]
    records = synthesize(args.count, seed=args.seed, kinds=kinds, split=args.split)
    categories: Counter[str] = Counter()
    count = jsonl.write(args.out, _watched(records, categories))
    say(f"{count:,} records to {args.out}; {counted(categories)}; licence: CC0-1.0")
    say("no clinician reviewed these records: they are not for care")
    return 0


def _watched(records: Iterator[Instruction], categories: Counter[str]) -> Iterator[Instruction]:
    line = Line()
    for number, record in enumerate(records, start=1):
        categories[record.category.value] += 1
        if number % 1000 == 0:
            line.show(f"{number:,} records")
        yield record
    line.show("")


def _list() -> int:
    from bioinstruct.synthesis.catalogue import KINDS

    for kind in KINDS.values():
        show(f"{kind.name}\t{kind.family}\t{kind.category.value}\t{kind.source}")
    return 0


def _verify(path: str) -> int:
    from bioinstruct.synthesis.verify import verify

    right, wrong = 0, 0
    line = Line()
    for found in verify(jsonl.read(path), path):
        if found is None:
            right += 1
        else:
            wrong += 1
            show(f"{path}: record {found.place} ({found.id}): {found.reason}")
        if (right + wrong) % 1000 == 0:
            line.show(f"{right + wrong:,} records")
    line.show("")
    say(f"{right + wrong:,} records: {right:,} confirmed, {wrong:,} disagreements")
    return 1 if wrong else 0
