"""`bioinstruct label`: label each record as QA, IE, GEN or OTHER."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from bioinstruct import jsonl
from bioinstruct.cli.common import (
    SOURCE,
    SPLIT,
    add_force,
    add_import_options,
    check_new,
    import_options,
    keep_rejected,
    sentence,
    watched,
)
from bioinstruct.cli.llm_options import add_money, add_other_models, make_client
from bioinstruct.console import positive, say, show
from bioinstruct.dataset.load import read_examples
from bioinstruct.files import atomic_file, companion_path
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Category, Instruction

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.labels import Audit, Labelled

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "label each record as QA, IE, GEN or OTHER"
    labelling = commands.add_parser(
        "label",
        help=text,
        description=sentence(text) + " Ids stay the same; the source of each label is written "
        "to OUT.labels.jsonl.",
        usage="%(prog)s SOURCE --out FILE [--by offline|teacher] [options]\n"
        "       %(prog)s SOURCE --audit N [--seed N]",
        epilog="endpoint and key of a teacher: OPENAI_BASE_URL and OPENAI_API_KEY",
    )
    labelling.add_argument("source", metavar="SOURCE", help=SOURCE)
    labelling.add_argument("--split", default="train", help=SPLIT)
    labelling.add_argument("--out", metavar="FILE", help="JSON Lines, or `-`")
    add_force(labelling)
    labelling.add_argument(
        "--by",
        choices=["offline", "teacher"],
        default="offline",
        help="label with the packaged classifier or with a model (default: offline)",
    )
    labelling.add_argument(
        "--keep-existing", action="store_true", help="label only records in OTHER"
    )
    labelling.add_argument(
        "--audit",
        type=positive,
        metavar="N",
        help="print N records for review, from every category and confidence",
    )
    labelling.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the audit (default: 0)"
    )
    _add_teacher(labelling.add_argument_group("a teacher"))
    add_import_options(labelling)
    labelling.set_defaults(command=run, usage_error=labelling.error)


def _add_teacher(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", metavar="NAME", help="name of the model at the endpoint")
    group.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="file of requests and answers (default: OUT.transcript.jsonl)",
    )
    add_money(group)
    add_other_models(group)
    group.add_argument(
        "--records",
        type=positive,
        default=10,
        metavar="N",
        help="records per request (default: 10)",
    )
    group.add_argument(
        "--no-schema", action="store_true", help="for servers that do not support JSON schemas"
    )
    group.add_argument(
        "--concurrency", type=positive, default=8, metavar="N", help="requests in flight"
    )


def run(args: argparse.Namespace) -> int:
    from bioinstruct.labels import Audit

    if not (args.out or args.audit):
        args.usage_error("one of the following arguments is required: --out, --audit")
    if args.by == "teacher" and not args.model:
        args.usage_error("--by teacher needs --model")
    if args.audit and args.out == "-":
        args.usage_error("--audit and --out - both write to standard output")
    rejected: list[Rejection] = []
    if args.out:
        check_new(args.out, force=args.force, inputs=[args.source])
    examples = read_examples(
        args.source, split=args.split, rejected=rejected, options=import_options(args)
    )
    audit = Audit(args.audit or 0, seed=args.seed) if args.audit else None
    tally = _Tally()
    with ExitStack() as stack:
        made = stack.enter_context(_labelled(args, watched(examples, Counter())))
        stream = tally.counted(made, audit)
        if args.out is None:
            for _ in stream:
                pass
        else:
            labels = None
            if args.out != "-":
                labels = stack.enter_context(atomic_file(companion_path(args.out, "labels")))
            jsonl.write(args.out, _written(stream, labels))
    if audit:
        _print(audit.sample())
    tally.tell()
    if rejected:
        name = "labelled" if args.out in {None, "-"} else args.out
        keep_rejected(rejected, companion_path(name, "rejected"))
    return 1 if rejected or tally.unanswered(args) else 0


@contextmanager
def _labelled(
    args: argparse.Namespace, examples: Iterator[Instruction]
) -> Iterator[Iterable[Labelled]]:
    from bioinstruct.labels import label_records

    if args.by == "offline":
        yield label_records(examples, keep_existing=args.keep_existing)
        return
    from bioinstruct.labels.teacher import Teaching, label_by_teacher

    teaching = Teaching(
        schema=not args.no_schema, records=args.records, keep_existing=args.keep_existing
    )
    path = companion_path(args.out, "transcript") if args.out not in {None, "-"} else None
    with closing(label_by_teacher(examples, make_client(args), teaching, transcript=path)) as made:
        yield made


def _written(stream: Iterator[Labelled], labels: IO[bytes] | None) -> Iterator[Instruction]:
    for made in stream:
        if labels is not None:
            labels.write((json.dumps(made.row(), ensure_ascii=False) + "\n").encode("utf-8"))
        yield made.example


def _print(sample: list[Labelled]) -> None:
    for made in sample:
        example = made.example
        notes = f", was {made.before}" if made.before != example.category else ""
        if made.offline != example.category:
            notes += f", offline says {made.offline}"
        show(f"── {example.category}  {made.confidence:.2f}{notes}  {example.id}  {example.task}")
        for name in ("instruction", "input", "output"):
            if text := getattr(example, name):
                show(f"{name}: {text}")
        show()


class _Tally:
    """Counts of labelled records, for the summary."""

    def __init__(self) -> None:
        self._moves: Counter[tuple[Category, Category]] = Counter()
        self._by: Counter[str] = Counter()
        self._doubtful = 0
        self._apart: Counter[tuple[Category, Category]] = Counter()

    def counted(self, made: Iterable[Labelled], audit: Audit | None) -> Iterator[Labelled]:
        """Yield the records while counting them and passing them to the audit."""
        from bioinstruct.labels.audit import BANDS

        for one in made:
            category = one.example.category
            self._moves[one.before, category] += 1
            self._by[one.by] += 1
            self._doubtful += one.confidence < BANDS[0]
            if one.by and one.offline != category:
                self._apart[category, one.offline] += 1
            if audit:
                audit.add(one)
            yield one

    def tell(self) -> None:
        """Print the counts, and the matrix of changes."""
        everything, kept = self._by.total(), self._by[""]
        names = ", ".join(sorted(filter(None, self._by)))
        by = f" by {names}" if names else ": all kept their category"
        say(f"{everything - kept:,} of {everything:,} records labelled{by}")
        say("from \\ to " + "".join(f"{to:>9}" for to in Category))
        for source in Category:
            counts = "".join(f"{self._moves[source, to]:>9,}" for to in Category)
            say(f"  {source:8}" + counts)
        changed = sum(count for (a, b), count in self._moves.items() if a != b)
        say(
            f"{changed:,} changed; {self._doubtful:,} below a confidence of 0.6: --audit shows some"
        )
        if self._apart:
            pairs = ", ".join(f"{a}/{b} {n:,}" for (a, b), n in self._apart.most_common(6))
            say(f"{self._apart.total():,} differ from the offline label (teacher/offline): {pairs}")

    def unanswered(self, args: argparse.Namespace) -> bool:
        """Report records that a teacher left without a label; return whether there are any."""
        kept = self._by[""]
        if args.by != "teacher" or not kept or args.keep_existing:
            return False
        say(f"{kept:,} records got no usable label and kept their category")
        return True
