"""`bioinstruct filter`: drop near duplicates, test questions and unsuitable records."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct import jsonl
from bioinstruct.cli.common import (
    SOURCE,
    SPLIT,
    add_force,
    add_import_options,
    add_overlap,
    check_new,
    import_options,
    keep_rejected,
    sentence,
    watched,
)
from bioinstruct.console import say
from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.files import companion_path
from bioinstruct.rejection import Rejection, write_rejections

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.filters import Compare, Contaminated, Near

__all__ = ["add", "contaminated_by"]


def add(commands: Commands) -> None:
    text = "drop near duplicates, test questions and unsuitable records"
    filtering = commands.add_parser(
        "filter",
        help=text,
        description=sentence(text) + " Dropped records are written to a second file, with reasons.",
        usage="%(prog)s SOURCE --out FILE [--rules NAME ...] [--against TASK ...] "
        "[--near-duplicates F]",
    )
    filtering.add_argument("source", nargs="?", metavar="SOURCE", help=SOURCE)
    filtering.add_argument("--split", default="train", help=SPLIT)
    filtering.add_argument("--out", required=True, metavar="FILE", help="JSON Lines, or `-`")
    add_force(filtering)
    filtering.add_argument(
        "--dropped",
        type=Path,
        metavar="FILE",
        help="file for dropped records (default: kept.dropped.jsonl for kept.jsonl)",
    )
    filtering.add_argument(
        "--rules",
        nargs="+",
        default=["none"],
        metavar="NAME",
        help="rules by name, or all, published or none",
    )
    filtering.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="TASK",
        help="drop records that overlap the scored split of these tasks, of `all`, or a file",
    )
    add_overlap(filtering)
    near = filtering.add_argument_group("near duplicates, as in Self-Instruct and Alpaca")
    near.add_argument(
        "--near-duplicates",
        type=float,
        metavar="F",
        help="drop an instruction whose ROUGE-L with an earlier kept one exceeds F, such as 0.7",
    )
    near.add_argument("--seeds", metavar="SOURCE", help="also compare with these instructions")
    near.add_argument("--with-input", action="store_true", help="compare instruction and input")
    near.add_argument(
        "--same-subject", action="store_true", help="drop only texts with the same content words"
    )
    near.add_argument(
        "--tokenizer",
        choices=["self-instruct", "unicode"],
        default="self-instruct",
        help="words of a-z and 0-9, or words of any script (default: self-instruct)",
    )
    near.add_argument(
        "--engine", choices=["memory", "spark"], default="memory", help="(default: memory)"
    )
    near.add_argument(
        "--master", default="local[*]", metavar="URL", help="Spark cluster (default: this machine)"
    )
    add_import_options(filtering)
    filtering.set_defaults(command=run, usage_error=filtering.error)


def run(args: argparse.Namespace) -> int:
    from bioinstruct.filters import choose_rules, contamination_step, rules_step, split
    from bioinstruct.filters.similarity import check_threshold

    _find_source(args)
    check_new(args.out, force=args.force, inputs=[args.source])
    rules = choose_rules(args.rules)
    if args.near_duplicates is not None:
        check_threshold(args.near_duplicates)
    elif not (rules or args.against):
        raise BioinstructError(
            "nothing to filter by", hint="use --near-duplicates 0.7, --against all or --rules all"
        )
    steps = [rules_step(rules)]
    if args.against:
        steps.append(contamination_step(contaminated_by(args.against, level=args.overlap)))
    if args.near_duplicates is not None:
        steps.append(_near(args))
    rejected: list[Rejection] = []
    examples = watched(
        read_examples(
            args.source, split=args.split, rejected=rejected, options=import_options(args)
        ),
        Counter(),
    )
    kept, dropped = split(examples, steps)
    path = args.dropped or (companion_path(args.out, "dropped") if args.out != "-" else None)
    if path:
        write_rejections(path, dropped)
    jsonl.write(args.out, kept)
    say(f"{len(kept):,} of {len(kept) + len(dropped):,} instructions kept")
    for reason, count in Counter(rejection.reason for rejection in dropped).most_common():
        say(f"  {reason:28} {count:>9,}")
    if not args.with_input and (hidden := _hidden_by_input(dropped)):
        say(
            f"{hidden:,} dropped records share an instruction with another record but have a "
            "different input: --with-input compares both"
        )
    if dropped and path:
        say(f"dropped records, with reasons: {path}")
    if rejected:
        keep_rejected(rejected, companion_path(args.out, "rejected", stdout="filtered"))
    return 1 if rejected else 0


def _find_source(args: argparse.Namespace) -> None:
    """Take the source from the end of a list of names that it follows, as in `--rules all FILE`."""
    from bioinstruct.filters.rules import BY_NAME, RULES

    if args.source is None and len(args.rules) > 1:
        known = {*RULES, *BY_NAME, "all", "none", "published"}
        if args.rules[-1] not in known:
            args.source = args.rules.pop()
    elif args.source is None and len(args.against) > 1:
        args.source = args.against.pop()
    if args.source is None:
        args.usage_error("the following arguments are required: SOURCE")


def _hidden_by_input(dropped: Sequence[Rejection]) -> int:
    """Count near duplicates that share an instruction with another record but not the input.

    Compiled records share a few instructions, so their inputs must be compared too.
    """
    return sum(
        rejection.score == 1.0
        and rejection.reason == "near-duplicate"
        and rejection.record is not None
        and bool(rejection.record.input)
        for rejection in dropped
    )


def _near(args: argparse.Namespace) -> Near:
    from bioinstruct.filters import Near
    from bioinstruct.filters.pipeline import compared_text

    seeds = list(read_examples(args.seeds)) if args.seeds else []
    text = partial(compared_text, with_input=args.with_input)
    if args.engine == "memory":
        return Near.by_rouge(
            args.near_duplicates,
            tokenizer=args.tokenizer,
            same_subject=args.same_subject,
            seeds=seeds,
            text=text,
        )
    from bioinstruct.filters.spark import near_duplicates_spark

    def make(known: Sequence[str]) -> Compare:
        return partial(
            near_duplicates_spark,
            threshold=args.near_duplicates,
            tokenizer=args.tokenizer,
            same_subject=args.same_subject,
            pool=known,
            master=args.master,
        )

    return Near(make, seeds=seeds, text=text)


def contaminated_by(names: Sequence[str], *, level: str = "default") -> Contaminated:
    """Return a filter for overlap with the scored texts of tasks, of `all`, or of a file."""
    from bioinstruct.bench.tasks import known_tasks, protected_texts
    from bioinstruct.bench.tasks.suites import SUITES

    known = {"all", *known_tasks(), *SUITES}
    files = [name for name in names if name not in known and Path(name).is_file()]
    for name in names:
        if name not in known and name not in files and ("/" in name or Path(name).suffix):
            raise MissingError(f"no file {name}", hint="--against takes tasks, `all`, or a file")
    protected = protected_texts(name for name in names if name not in files)
    for name in files:
        protected.add(name, list(read_examples(name)))
    for corpus, why in protected.missing.items():
        say(f"NOT compared with {corpus}: {why}")
    say(f"comparing with {len(protected):,} test texts")
    return protected.contaminated(level=level)
