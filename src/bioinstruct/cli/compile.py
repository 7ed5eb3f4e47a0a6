"""`bioinstruct compile`: turn annotated corpora, or a mixture of them, into instructions."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct import corpora, jsonl
from bioinstruct.cli.common import SPLIT, add_force, check_new, sentence, watched
from bioinstruct.console import Line, positive, say
from bioinstruct.corpora.user_file import load_corpus_file
from bioinstruct.errors import BioinstructError, Refused
from bioinstruct.files import atomic_file, companion_path
from bioinstruct.mixtures.compile import CorpusReport, compile_corpora, rejections
from bioinstruct.mixtures.spec import Mixture, load_mixture, mixtures
from bioinstruct.rejection import Rejection, write_rejections
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.mixtures.build import Report, SourceReport

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "turn annotated corpora, or a mixture of them, into instructions"
    compiling = commands.add_parser(
        "compile",
        help=text,
        description=sentence(text) + " Bad rows are written to "
        "OUT.rejected.jsonl, and records that a mixture drops to OUT.dropped.jsonl.",
        usage="%(prog)s NAME [NAME ...] --out FILE [options]\n"
        "       %(prog)s --mixture NAME|FILE --out FILE [options]",
        epilog=f"Mixtures: {', '.join(mixtures())}. For the list of corpora, their layouts and "
        "their state, run bioinstruct doctor.",
    )
    compiling.add_argument("names", nargs="*", metavar="NAME", help="a corpus")
    compiling.add_argument(
        "--mixture", metavar="NAME", help="one of the mixtures below, or a TOML file"
    )
    compiling.add_argument("--split", help=SPLIT)
    compiling.add_argument("--layout", help="layout of the answers, for corpora that have it")
    compiling.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of the corpora (default: $BIOINSTRUCT_DATA, or else the download cache)",
    )
    compiling.add_argument(
        "--corpus-file",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="first run this Python file, which registers your own corpora",
    )
    compiling.add_argument(
        "--fetch", action="store_true", help="first download open corpora that are missing"
    )
    compiling.add_argument(
        "--allow-nc", action="store_true", help="include the non-commercial sources of a mixture"
    )
    compiling.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed for wordings and records (default: 0)",
    )
    compiling.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N records of each corpus"
    )
    compiling.add_argument("--out", required=True, metavar="FILE", help="JSON Lines, or `-`")
    add_force(compiling)
    compiling.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    check_new(args.out, force=args.force)
    for path in args.corpus_file:
        load_corpus_file(path)
    if bool(args.names) == bool(args.mixture):
        raise BioinstructError(
            "nothing to compile" if not args.names else "names and a mixture: which of them?",
            hint="name corpora, or use --mixture open",
        )
    return _mixture(args) if args.mixture else _corpora(args)


def _corpora(args: argparse.Namespace) -> int:
    for name in args.names:
        corpora.get_corpus(name)  # reports a wrong name before anything is downloaded
    failed = _fetch(args.names, args.data) if args.fetch else 0
    outcomes: list[CorpusReport] = []
    stream = compile_corpora(
        args.names,
        split=args.split or "train",
        data=args.data,
        layout=args.layout,
        seed=args.seed,
        limit=args.limit,
        outcomes=outcomes,
    )
    written = _write(args.out, stream)
    for outcome in outcomes:
        _tell(outcome)
    faults = _keep_rejected(args.out, outcomes)
    _finish(args.out, written)
    return 1 if faults or failed or any(outcome.error for outcome in outcomes) else 0


def _mixture(args: argparse.Namespace) -> int:
    from bioinstruct.mixtures.build import Report, compile_mixture

    if args.layout or args.split:
        raise BioinstructError(
            "a mixture sets the split and layout of each corpus",
            hint="leave --split and --layout out, or write a mixture of your own",
        )
    mixture = load_mixture(args.mixture)
    failed = _fetch([source.corpus for source in mixture.source], args.data) if args.fetch else 0
    report = Report(show=Line().show)
    with ExitStack() as stack:
        path = companion_path(args.out, "dropped", stdout="compiled")
        file = stack.enter_context(atomic_file(path))

        def on_drop(rejection: Rejection) -> None:
            file.write(rejection.line())

        written = _write(
            args.out,
            compile_mixture(
                mixture,
                data=args.data,
                seed=args.seed,
                allow_nc=args.allow_nc,
                limit=args.limit,
                report=report,
                on_drop=on_drop,
            ),
        )
    _tell_mixture(mixture, report)
    if any(source.dropped for source in report.sources):
        say(f"dropped records, with reasons: {path}")
    else:
        path.unlink()
    faults = _keep_rejected(args.out, report.sources)
    _finish(args.out, written)
    return 1 if faults or failed or any(source.is_fault for source in report.sources) else 0


def _fetch(names: Sequence[str], data: Path | None) -> int:
    """Download the corpora that can be downloaded; return the number of failed ones."""
    from bioinstruct.corpora.download import fetch

    failed = 0
    line = Line()
    for name in dict.fromkeys(names):
        try:
            count = fetch(corpora.get_corpus(name), data=data, show=line.show)
        except BioinstructError as error:
            failed += not isinstance(error, Refused)
            line.show("")
            say(f"not downloaded: {error}")
            if error.hint:
                say(f"hint: {error.hint}")
        else:
            line.show("")
            if count:
                say(f"downloaded {name}: {count} files in {corpora.cache_directory()}")
    return failed


def _write(out: str, stream: Iterator[Instruction]) -> int:
    """Write the records, unless there are none: an empty file would hide that."""
    examples = watched(stream, Counter())
    first = next(examples, None)
    return jsonl.write(out, chain([first], examples)) if first else 0


def _tell(outcome: CorpusReport) -> None:
    rate = outcome.records / outcome.seconds if outcome.seconds else 0.0
    say(
        f"{outcome.corpus:24} {outcome.records:>8,} records in {outcome.seconds:6.2f} s "
        f"({rate:>8,.0f} a second)"
    )
    for reason, count in outcome.skipped.most_common():
        say(f"    skipped {count:,}: {reason}")
    if outcome.rejected:
        say(f"    REJECTED {len(outcome.rejected):,}; first error: {outcome.rejected[0]}")
    if outcome.error:
        say(f"    STOPPED: {outcome.error}" if outcome.records else f"    NONE: {outcome.error}")
        if outcome.error.hint:
            say(f"    hint: {outcome.error.hint}")


def _tell_mixture(mixture: Mixture, report: Report) -> None:
    for source in report.sources:
        if source.left_out:
            say(f"{source.corpus:24} LEFT OUT: {source.left_out}; --allow-nc includes it")
            continue
        _tell(source)
        _tell_steps(source)
    if absent := [_absent(source) for source in report.sources if not source.records]:
        say(f"NOT in the mixture: {', '.join(absent)}")
    how = "" if mixture.decontaminate else ", word for word"
    say(f"compared with {report.tests:,} scored texts{how}")
    if report.not_compared:
        say(f"NOT compared with those of {', '.join(sorted(report.not_compared))}: missing")


def _absent(source: SourceReport) -> str:
    access = corpora.get_corpus(source.corpus).access
    return source.corpus if access is corpora.Access.OPEN else f"{source.corpus} ({access.value})"


def _tell_steps(source: SourceReport) -> None:
    for reason, count in source.dropped.most_common():
        say(f"    dropped {count:,}: {reason}")
    left = source.records - sum(source.dropped.values())
    if source.taken < left:
        say(f"    took {source.taken:,} of {left:,}")


def _keep_rejected(out: str, outcomes: Sequence[CorpusReport]) -> int:
    if not any(outcome.rejected for outcome in outcomes):
        return 0
    path = companion_path(out, "rejected", stdout="compiled")
    count = write_rejections(path, rejections(outcomes))
    say(f"left out {count:,} bad rows; see {path}")
    return count


def _finish(out: str, written: int) -> None:
    if not written:
        raise BioinstructError(f"no instructions: {out} was not written")
    say(f"{written:,} instructions to {'standard output' if out == '-' else out}")
