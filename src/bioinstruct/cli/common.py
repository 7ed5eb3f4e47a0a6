"""Help texts and helpers that the subcommands share."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bioinstruct.console import Line, say
from bioinstruct.dataset.convert import AUTO, IMPORT_KINDS, ImportOptions
from bioinstruct.errors import BioinstructError
from bioinstruct.rejection import Rejection, write_rejections
from bioinstruct.schema import Category, Instruction

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = [
    "SOURCE",
    "SPLIT",
    "TOKENIZER",
    "add_force",
    "add_import_options",
    "add_overlap",
    "check_new",
    "counted",
    "import_options",
    "keep_rejected",
    "sentence",
    "watched",
]

SPLIT = "train, validation or test (default: train)"
TOKENIZER = "also count tokens: `tiny`, a tiktoken encoding, or a folder with a tokenizer.json"
SOURCE = (
    "a file (JSON Lines, JSON, CSV, TSV or Parquet), `-`, `seeds`, `demo`, a folder or a Hub id"
)


def add_overlap(parser: argparse._ActionsContainer) -> None:
    """Add the option that says how much of a test text a record must share."""
    parser.add_argument(
        "--overlap",
        choices=["strict", "default", "loose"],
        default="default",
        help="with --against, how much of a test text a record must share: loose finds more "
        "paraphrases and drops more that only resembles a test (default: default)",
    )


def add_import_options(parser: argparse.ArgumentParser, *, license: bool = True) -> None:
    """Add the options that `import_options` reads; `license` only where the name is free."""
    group = parser.add_argument_group(
        "records of another form", "See bioinstruct import --help. Columns of the file come first."
    )
    group.add_argument(
        "--map",
        nargs="+",
        type=_pair,
        default=[],
        metavar="FIELD=COLUMN",
        help="take a field from a column: instruction=question output=answer",
    )
    group.add_argument(
        "--instruction", default="", metavar="TEXT", help="one instruction for all records"
    )
    if license:
        group.add_argument(
            "--license",
            dest="record_license",
            default="NOASSERTION",
            metavar="SPDX",
            help="licence of the records (default: NOASSERTION, not known)",
        )
    group.add_argument(
        "--task",
        default="imported-instruction",
        metavar="NAME",
        help="task of the records (default: imported-instruction)",
    )
    group.add_argument(
        "--category",
        choices=[*Category, AUTO],
        default=Category.OTHER.value,
        help="category of the records; `auto` labels them (default: OTHER)",
    )
    group.add_argument(
        "--origin", default="", metavar="NAME", help="name of the collection (default: the file's)"
    )
    group.add_argument(
        "--kind",
        choices=IMPORT_KINDS,
        default=IMPORT_KINDS[0],
        help="`own` if you wrote or collected them, `clinical` if they come from the records of "
        "patients (default: imported)",
    )


def _pair(text: str) -> tuple[str, str]:
    field, equals, column = text.partition("=")
    if not (field and equals and column):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=COLUMN")
    return field, column


def import_options(args: argparse.Namespace) -> ImportOptions:
    """Return what the options of `add_import_options` say.

    Raises:
        BioinstructError: a field, licence, category or kind does not exist.
    """
    return ImportOptions(
        columns=dict(args.map),
        instruction=args.instruction,
        license=getattr(args, "record_license", "NOASSERTION"),
        task=args.task,
        category=args.category,
        origin=args.origin,
        kind=args.kind,
    )


def add_force(parser: argparse._ActionsContainer) -> None:
    """Add `--force`, which `check_new` is called with."""
    parser.add_argument("--force", action="store_true", help="replace an output that exists")


def check_new(
    out: Path | str, *, force: bool, inputs: Iterable[str] = (), folder: bool = False
) -> None:
    """Refuse to write over a file or folder that exists, unless `force` is given.

    Args:
        out: the output; `-` and what is no regular file, such as /dev/null, pass.
        force: whether the user allows it.
        inputs: what the command reads, for the message.
        folder: whether the output is a folder; one that is empty is taken.

    Raises:
        BioinstructError: the output exists, or is a folder where a file is written.
    """
    path = Path(out)
    if path.is_dir() and not folder:
        raise BioinstructError(
            f"{out} is a folder", hint=f"name a file in it, such as {path / 'records.jsonl'}"
        )
    if path.is_file() and folder:
        raise BioinstructError(f"{out} is a file", hint="name a folder with --out")
    if force or str(out) == "-" or not path.exists():
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.is_file() or path.is_dir():
        same = any(Path(name).exists() and path.samefile(name) for name in inputs)
        raise BioinstructError(
            f"{out} exists{', and is what is read' if same else ''}: nothing was written",
            hint="name another file or folder, or replace it with --force",
        )


def watched(examples: Iterable[Instruction], counts: Counter[str]) -> Iterator[Instruction]:
    """Yield the examples while counting them by origin and showing progress on stderr."""
    line = Line()
    for number, example in enumerate(examples, start=1):
        counts[example.provenance.origin] += 1
        if number % 1000 == 0:
            line.show(f"{number:,} instructions")
        yield example
    line.show("")


def keep_rejected(rejected: list[Rejection], path: Path) -> None:
    write_rejections(path, rejected)
    first = rejected[0]
    say(f"left out {len(rejected):,} lines that are not instructions; see {path}")
    reasons = Counter(rejection.reason for rejection in rejected)
    if len(reasons) < len(rejected):
        for reason, count in reasons.most_common(5):
            say(f"  {count:>9,}  {reason[:150]}")
    say(f"first error: {first.place['path']}:{first.place['line']}: {first.reason}")


def counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
