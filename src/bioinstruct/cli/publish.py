"""`bioinstruct publish`: write a dataset as Parquet with its card, and push it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import (
    SOURCE,
    SPLIT,
    TOKENIZER,
    add_force,
    add_import_options,
    check_new,
    import_options,
    keep_rejected,
    sentence,
    watched,
)
from bioinstruct.cli.generation_notes import generation_notes
from bioinstruct.console import say
from bioinstruct.dataset.card import About
from bioinstruct.dataset.load import read_examples
from bioinstruct.dataset.publish import obstacle, publish, push
from bioinstruct.errors import BioinstructError
from bioinstruct.rejection import Rejection, write_rejections
from bioinstruct.tokens import tokens_by

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.dataset.statistics import Statistics
    from bioinstruct.schema import Instruction

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
    publishing.add_argument("--split", default="train", help=f"of the sources: {SPLIT}")
    for name in ("validation", "test"):
        publishing.add_argument(
            f"--{name}",
            nargs="+",
            default=[],
            metavar="SOURCE",
            help=f"sources of the split {name}; its records are left out of train",
        )
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
    publishing.add_argument(
        "--license-is-mine",
        action="store_true",
        help="push records without a known licence, or with one that is not for the public: the "
        "rights are yours, and --license is for them too",
    )
    _add_about(publishing.add_argument_group("on the card; kept when you publish there again"))
    publishing.add_argument(
        "--identifiers",
        choices=["own", "all", "off"],
        default="own",
        help="report what may identify a person, in records of your own or in all (default: own)",
    )
    publishing.add_argument("--tokenizer", metavar="NAME", help=TOKENIZER)
    add_import_options(publishing, license=False)
    publishing.set_defaults(command=run)


def _add_about(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--title", default="", metavar="TEXT")
    group.add_argument("--author", nargs="+", default=[], metavar="NAME")
    group.add_argument("--citation", default="", metavar="TEXT", help="BibTeX or a sentence")
    group.add_argument("--description", default="", metavar="TEXT", help="Markdown")
    group.add_argument(
        "--language", default="", metavar="CODE", help="of the texts, such as de (default: en)"
    )


class _Identifiers:
    """Report records that may identify a person, in a file next to the output."""

    def __init__(self, which: str) -> None:
        self.which = which
        self.found: list[Rejection] = []
        self.looked_at = 0

    def watched(self, examples: Iterable[Instruction]) -> Iterator[Instruction]:
        """Pass the records on, and note those that are flagged."""
        from bioinstruct.filters.identifiers import possible_identifiers

        for example in examples:
            if self.which == "all" or (self.which == "own" and _is_own(example)):
                self.looked_at += 1
                if why := possible_identifiers(example):
                    place = {"id": example.id}
                    self.found.append(
                        Rejection(reason="possible-identifiers", detail=why, place=place)
                    )
            yield example

    def tell(self, path: Path) -> None:
        """Say how many were flagged, and write which."""
        if not self.found:
            if self.looked_at:
                say(f"{self.looked_at:,} records: no identifier that rules find; names may remain")
            return
        write_rejections(path, self.found)
        say(
            f"WARNING: {len(self.found):,} of {self.looked_at:,} records may identify a person; "
            f"see {path} (the records are published as they are)"
        )


def _is_own(example: Instruction) -> bool:
    made = example.provenance
    of_document = made.kind == "generated" and made.document is not None
    return made.kind in {"own", "clinical", "imported"} or of_document


def _closed(statistics: Statistics) -> list[str]:
    return [s.origin for s in statistics.sources if obstacle(s.origin, s.license)]


def _read(
    args: argparse.Namespace, split: str, sources: list[str], rejected: list[Rejection]
) -> Iterator[Instruction]:
    """Read the sources of a split; `--split` is the part of a source that becomes `train`."""
    options = import_options(args)
    for source in sources:
        part = args.split if split == "train" else split
        yield from read_examples(source, split=part, rejected=rejected, options=options)


def run(args: argparse.Namespace) -> int:
    if args.push and not args.repo:
        raise BioinstructError("--push needs a repository", hint="name one with --repo owner/name")
    if args.push and not args.license:
        raise BioinstructError(
            "--push needs the licence to publish under",
            hint="name it with --license SPDX; without --push, the card lists the data's licences",
        )
    given = {"train": args.sources, "validation": args.validation, "test": args.test}
    given = {split: sources for split, sources in given.items() if sources}
    everything = list(chain.from_iterable(given.values()))
    check_new(args.out, force=args.force, inputs=everything, folder=True)
    rejected: list[Rejection] = []
    identifiers = _Identifiers(args.identifiers)
    about = About(
        title=args.title,
        description=args.description,
        authors=tuple(args.author),
        citation=args.citation,
        language=args.language,
        generation=generation_notes(everything),
    )
    statistics = publish(
        {
            split: watched(identifiers.watched(_read(args, split, sources, rejected)), Counter())
            for split, sources in given.items()
        },
        args.out,
        name=args.out.resolve().name,
        about=about,
        private_copy=args.private_copy,
        tokens=tokens_by(args.tokenizer) if args.tokenizer else None,
    )
    say(
        f"{statistics.examples:,} instructions in {args.out}, "
        f"{statistics.duplicates:,} exact duplicates left out"
    )
    identifiers.tell(args.out.with_name(args.out.name + ".identifiers.jsonl"))
    if closed := _closed(statistics):
        say(f"WARNING: do not share this folder: {', '.join(closed)} may not be redistributed")
    if rejected:
        keep_rejected(rejected, args.out.with_name(args.out.name + ".rejected.jsonl"))
        if args.push:
            say("not pushed: correct those lines, or publish without them")
        return 1
    if args.push:
        url = push(
            args.out,
            args.repo,
            license=args.license,
            private=args.private,
            license_is_mine=args.license_is_mine,
        )
        say(f"pushed: {url}")
    return 0
