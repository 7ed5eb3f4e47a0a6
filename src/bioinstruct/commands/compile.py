"""`bioinstruct compile`: turn annotated corpora into instructions."""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct import corpora, jsonl
from bioinstruct.commands.common import SPLIT, counted, sentence, watched
from bioinstruct.compile import Failure, compile_corpora
from bioinstruct.errors import BioinstructError
from bioinstruct.terminal import positive, say

if TYPE_CHECKING:
    from bioinstruct.commands.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "turn annotated corpora into instructions"
    compiling = commands.add_parser(
        "compile",
        help=text,
        description=sentence(text),
        usage="%(prog)s NAME [NAME ...] --out FILE [options]",
        epilog=f"corpora: {', '.join(map(_with_layouts, corpora.names()))}",
    )
    compiling.add_argument("names", nargs="+", metavar="NAME", help="a corpus, listed below")
    compiling.add_argument("--split", default="train", help=SPLIT)
    compiling.add_argument("--layout", help="form of the answers, where a corpus has several")
    compiling.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder of the corpora (default: $BIOINSTRUCT_DATA)",
    )
    compiling.add_argument("--limit", type=positive, metavar="N", help="the first N of each corpus")
    compiling.add_argument("--out", required=True, metavar="FILE", help="JSON Lines, or `-`")
    compiling.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    failures: list[Failure] = []
    counts: Counter[str] = Counter()
    stream = compile_corpora(
        args.names, split=args.split, data=args.data, layout=args.layout, failures=failures
    )
    limited = (e for e in stream if args.limit is None or counts[e.provenance.origin] < args.limit)
    examples = watched(limited, counts)
    first = next(examples, None)
    written = jsonl.write(args.out, chain([first], examples)) if first else 0
    for failure in failures:
        say(f"{failure.corpus} left out: {failure.error}")
        if failure.error.hint:
            say(f"hint: {failure.error.hint}")
    if not written:
        raise BioinstructError(f"no instructions: {args.out} is not written")
    where = "standard output" if args.out == "-" else args.out
    say(f"{written:,} instructions to {where}: {counted(counts)}")
    return 1 if failures else 0


def _with_layouts(name: str) -> str:
    layouts = corpora.get_corpus(name).layouts
    return f"{name} (layouts {', '.join(layouts)})" if layouts else name
