"""`bioinstruct stats`: describe a dataset as a table, JSON, figures and an HTML page."""

from __future__ import annotations

import argparse
import json
from collections import Counter
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
from bioinstruct.console import positive, say, show
from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text
from bioinstruct.rejection import Rejection

if TYPE_CHECKING:
    from bioinstruct.analysis import Options
    from bioinstruct.analysis.overlap import Contamination
    from bioinstruct.analysis.records import PageRecords
    from bioinstruct.cli.common import Commands
    from bioinstruct.schema import Instruction

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "describe a dataset: counts, lengths, labels, diversity, repetition"
    counting = commands.add_parser(
        "stats",
        help=text,
        description=sentence(text),
        usage="%(prog)s SOURCE [--json FILE] [--png DIR] [--html FILE] [options]",
    )
    counting.add_argument("source", metavar="SOURCE", help=SOURCE)
    counting.add_argument("--split", default="train", help=SPLIT)
    _add_measures(counting.add_argument_group("additional measures"))
    output = counting.add_argument_group("output, in addition to the table on standard output")
    output.add_argument(
        "--json", metavar="FILE", help="all figures as JSON; `-` prints them instead of the table"
    )
    output.add_argument("--png", type=Path, metavar="DIR", help="charts, drawn with matplotlib")
    output.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="a page with the figures, in which you can filter and search the records",
    )
    output.add_argument(
        "--records",
        type=_records,
        default=20_000,
        metavar="N",
        help="number of random records in the page, or `all` (default: 20000)",
    )
    output.add_argument(
        "--private",
        action="store_true",
        help="write the page even if it shows records that may not be redistributed",
    )
    add_force(output)
    add_import_options(counting)
    counting.set_defaults(command=run)


def _add_measures(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--tokenizer", metavar="NAME", help=TOKENIZER)
    group.add_argument(
        "--near-duplicates",
        type=float,
        metavar="F",
        help="count records whose ROUGE-L with an earlier one exceeds F, such as 0.7, by source",
    )
    group.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="TASK",
        help="count records that overlap the test split of these tasks, or of `all`",
    )
    group.add_argument(
        "--parser",
        metavar="NAME",
        help="spaCy pipeline that finds verbs and objects, such as en_core_web_sm "
        "(default: word rules)",
    )
    group.add_argument(
        "--sample",
        type=positive,
        default=1_000,
        metavar="N",
        help="number of records on which to measure diversity (default: 1000)",
    )
    group.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the samples (default: 0)"
    )


def _records(text: str) -> int | None:
    return None if text == "all" else positive(text)


def run(args: argparse.Namespace) -> int:
    from bioinstruct.analysis import analyse
    from bioinstruct.analysis.figures import draw, load_matplotlib
    from bioinstruct.analysis.page import write_page
    from bioinstruct.analysis.records import PageRecords
    from bioinstruct.analysis.table import lines

    if args.png:
        load_matplotlib()  # fail before the work if it is missing
    _check_outputs(args)
    options = _options(args)
    rejected: list[Rejection] = []
    closed: Counter[str] = Counter()
    found = read_examples(
        args.source, split=args.split, rejected=rejected, options=import_options(args)
    )
    examples = watched(found, Counter())
    with PageRecords(args.records, seed=args.seed) as records:

        def keep(example: Instruction) -> None:
            _keep(example, records, closed, private=args.private)

        analysis = analyse(examples, options, keep=keep if args.html else None)
        if args.html:
            write_page(args.html, analysis, records, name=_name(args.source), private=closed)
            say(f"{records.kept:,} of {records.seen:,} records in {args.html}")
    text = json.dumps(analysis.as_dict(), ensure_ascii=False, indent=2)
    if args.json == "-":
        print(text)  # data
    else:
        for line in lines(analysis):
            show(line)
    if args.json and args.json != "-":
        write_text(Path(args.json), text + "\n")
    if args.png:
        for path in draw(analysis, args.png):
            say(f"wrote {path}")
    if rejected:
        keep_rejected(rejected, Path(f"{_name(args.source)}.rejected.jsonl"))
    return 1 if rejected else 0


def _check_outputs(args: argparse.Namespace) -> None:
    from bioinstruct.analysis.figures import FIGURES

    pictures = [args.png / name for name in FIGURES] if args.png else []
    for out in (*filter(None, (args.html, args.json)), *pictures):
        check_new(out, force=args.force, inputs=[args.source])


def _name(source: str) -> str:
    """Return a name for the dataset: the last part of its path, without suffixes."""
    if source == "-":
        return "standard input"
    name = Path(source).resolve().name if Path(source).exists() else source.rsplit("/", 1)[-1]
    return name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".parquet")


def _keep(
    example: Instruction, records: PageRecords, closed: Counter[str], *, private: bool
) -> None:
    """Add a record to the page, or refuse it if it may not be redistributed."""
    from bioinstruct.dataset.publish import obstacle

    origin, license = example.provenance.origin, example.provenance.license
    if why := obstacle(origin, license):
        if not private:
            raise BioinstructError(
                f"record {example.id} from {origin!r} may not be shown to others: {why}",
                hint="leave --html out, or pass --private and do not share the page",
            )
        closed[why] += 1
    records.add(example)


def _options(args: argparse.Namespace) -> Options:
    from bioinstruct.analysis import Options
    from bioinstruct.analysis.verbs import opening_words, parsed_by
    from bioinstruct.filters.similarity import check_threshold
    from bioinstruct.tokens import tokens_by

    if args.near_duplicates is not None:
        check_threshold(args.near_duplicates)
    method = f"a parse by {args.parser}" if args.parser else "the opening words, by word rules"
    return Options(
        near_duplicates=args.near_duplicates,
        contamination=_contamination(args.against) if args.against else None,
        tokens=tokens_by(args.tokenizer) if args.tokenizer else None,
        sample=args.sample,
        seed=args.seed,
        verb_object=parsed_by(args.parser) if args.parser else opening_words,
        verb_method=method,
    )


def _contamination(names: list[str]) -> Contamination:
    """Prepare the counts of overlap with each task, or with each corpus for `all`."""
    from bioinstruct.analysis.overlap import Contamination
    from bioinstruct.bench.tasks import protected_texts

    protected = protected_texts(names)
    for corpus, why in protected.missing.items():
        say(f"NOT compared with {corpus}: {why}")
    return Contamination(protected.texts)
