"""`bioinstruct import`: turn records of another form into this package's records."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bioinstruct import jsonl
from bioinstruct.cli.common import (
    SPLIT,
    add_force,
    add_import_options,
    check_new,
    counted,
    import_options,
    keep_rejected,
    sentence,
    watched,
)
from bioinstruct.console import say
from bioinstruct.dataset.load import read_examples
from bioinstruct.files import companion_path
from bioinstruct.rejection import Rejection

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.schema import Instruction

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "turn your own data into records"
    importing = commands.add_parser(
        "import",
        help=text,
        description=sentence(text) + " Rows that hold no record are written to OUT.rejected.jsonl, "
        "with reasons.",
        usage="%(prog)s FILE --out records.jsonl [--map FIELD=COLUMN ...] [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="read without --map:\n"
        "  alpaca              JSON array or lines, CSV, TSV or Parquet with instruction, input,\n"
        "                      output\n"
        "  messages, sharegpt  conversations of one question and one answer, with or without a\n"
        "                      system message; longer ones are rejected and counted\n"
        "  prompt-completion   two texts, or two lists of messages\n"
        "  folders             of Dataset.save_to_disk, `bioinstruct publish` or `export`\n"
        "  owner/name          a dataset on the Hub\n"
        "examples:\n"
        "  bioinstruct import questions.csv --map instruction=question output=answer \\\n"
        "      --license CC-BY-4.0 --out records.jsonl\n"
        "  bioinstruct import notes.csv --instruction 'Summarise the note.' \\\n"
        "      --map input=note output=summary --kind clinical \\\n"
        "      --license LicenseRef-internal --out records.jsonl\n",
    )
    importing.add_argument(
        "source", metavar="FILE", help="a file, a folder, a Hub id, or `-` for standard input"
    )
    importing.add_argument("--split", default="train", help=SPLIT)
    importing.add_argument("--out", required=True, metavar="FILE", help="JSON Lines, or `-`")
    add_force(importing)
    add_import_options(importing)
    importing.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    check_new(args.out, force=args.force, inputs=[args.source])
    rejected: list[Rejection] = []
    options = import_options(args)
    categories: Counter[str] = Counter()
    licenses: Counter[str] = Counter()

    examples = watched(
        read_examples(args.source, split=args.split, rejected=rejected, options=options), Counter()
    )

    def tallied() -> Iterator[Instruction]:
        for example in examples:
            categories[example.category.value] += 1
            licenses[example.provenance.license] += 1
            yield example

    count = jsonl.write(args.out, tallied())
    say(f"{count:,} records to {args.out}; {counted(categories)}; licence: {counted(licenses)}")
    if licenses["NOASSERTION"]:
        say("nothing says under which licence they are: name it with --license")
    if rejected:
        keep_rejected(rejected, companion_path(args.out, "rejected", stdout="imported"))
    return 1 if rejected else 0
