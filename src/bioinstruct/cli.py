"""The `bioinstruct` command: parse, call, print."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import bioinstruct
from bioinstruct import corpora, jsonl
from bioinstruct.compile import Failure, compile_corpora
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.jsonl import Rejected
from bioinstruct.load import read_examples
from bioinstruct.publish import publish, push
from bioinstruct.schema import Instruction
from bioinstruct.seeds import check_seeds, load_seeds
from bioinstruct.terminal import Line, positive, run_command, say

if TYPE_CHECKING:
    from bioinstruct.filters import Compare, Contaminated, Near

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

EXAMPLES = """\
a whole run:
  bioinstruct compile ncbi-disease pubmedqa --data DIR --out compiled.jsonl
  bioinstruct filter compiled.jsonl --against all --out kept.jsonl
  bioinstruct publish seeds kept.jsonl --out bioinstruct
  python -c 'from datasets import load_dataset; print(load_dataset("bioinstruct"))'
"""
SPLIT = "train, validation or test (default: train)"
SOURCE = "a JSON Lines file, `-`, `seeds`, `demo`, a published folder or a Hub id"


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `bioinstruct`."""
    args = _parser().parse_args(argv)
    run_command("bioinstruct", lambda: args.command(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bioinstruct",
        description="Make a biomedical instruction dataset and publish it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {bioinstruct.__version__}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (_add_seeds, _add_compile, _add_filter, _add_publish, _add_show):
        add(commands)
    return parser


def _add_seeds(commands: Commands) -> None:
    text = "print the 80 hand-written seed tasks and check them"
    seeds = commands.add_parser("seeds", help=text, description=_sentence(text))
    seeds.set_defaults(command=_seeds)


def _add_compile(commands: Commands) -> None:
    text = "turn annotated corpora into instructions"
    compiling = commands.add_parser(
        "compile",
        help=text,
        description=_sentence(text),
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
    compiling.set_defaults(command=_compile)


def _add_filter(commands: Commands) -> None:
    text = "leave out near duplicates, test questions and unfit records"
    filtering = commands.add_parser(
        "filter",
        help=text,
        description=_sentence(text) + " What is left out is written beside, with its reason.",
        usage="%(prog)s SOURCE --out FILE [--rules NAME ...] [--against TASK ...] "
        "[--near-duplicates F]",
    )
    filtering.add_argument("source", metavar="SOURCE", help=SOURCE)
    filtering.add_argument("--out", required=True, metavar="FILE", help="JSON Lines, or `-`")
    filtering.add_argument(
        "--dropped", type=Path, metavar="FILE", help="(default: kept.dropped.jsonl for kept.jsonl)"
    )
    filtering.add_argument(
        "--rules",
        nargs="+",
        default=["none"],
        metavar="NAME",
        help="all, published, none, or names",
    )
    filtering.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="TASK",
        help="drop what overlaps the test split of these tasks, of `all`, or a file",
    )
    near = filtering.add_argument_group("near duplicates, as in Self-Instruct and Alpaca")
    near.add_argument(
        "--near-duplicates",
        type=float,
        metavar="F",
        help="drop an instruction whose ROUGE-L with one kept before is above F, such as 0.7",
    )
    near.add_argument("--seeds", metavar="SOURCE", help="compare with these too")
    near.add_argument("--with-input", action="store_true", help="compare instruction and input")
    near.add_argument(
        "--same-subject", action="store_true", help="only where the content words are the same"
    )
    near.add_argument(
        "--tokenizer",
        choices=["self-instruct", "unicode"],
        default="self-instruct",
        help="words of a-z and 0-9, or of any script (default: self-instruct)",
    )
    near.add_argument(
        "--engine", choices=["memory", "spark"], default="memory", help="(default: memory)"
    )
    near.add_argument(
        "--master", default="local[*]", metavar="URL", help="of the Spark cluster (default: here)"
    )
    filtering.set_defaults(command=_filter)


def _add_publish(commands: Commands) -> None:
    text = "write a dataset as Parquet with its card, and push it to the Hub"
    publishing = commands.add_parser(
        "publish",
        help=text,
        description=_sentence(text),
        usage="%(prog)s SOURCE [SOURCE ...] --out DIR\n"
        "                           [--push --repo ID --license SPDX [--private]]",
    )
    publishing.add_argument("sources", nargs="+", metavar="SOURCE", help=SOURCE)
    publishing.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the folder to write"
    )
    publishing.add_argument("--push", action="store_true", help="upload the folder to the Hub")
    publishing.add_argument("--repo", metavar="ID", help="dataset repository, owner/name")
    publishing.add_argument(
        "--license", metavar="SPDX", help="the licence to publish under: pushing needs it"
    )
    publishing.add_argument("--private", action="store_true", help="make a new repository private")
    publishing.set_defaults(command=_publish)


def _add_show(commands: Commands) -> None:
    text = "print instructions to read"
    showing = commands.add_parser("show", help=text, description=_sentence(text))
    showing.add_argument("source", metavar="SOURCE", help=SOURCE)
    showing.add_argument("--split", default="train", help=SPLIT)
    showing.add_argument(
        "--limit", type=positive, default=5, metavar="N", help="how many (default: 5)"
    )
    showing.add_argument("--json", action="store_true", help="print them as JSON Lines")
    showing.set_defaults(command=_show)


def _seeds(args: argparse.Namespace) -> int:
    seeds = load_seeds()
    jsonl.write("-", seeds)
    counts = Counter(seed.category.value for seed in seeds)
    tasks = len({seed.task for seed in seeds})
    say(f"{len(seeds)} seed tasks, {tasks} kinds of work; {_counted(counts)}")
    problems = check_seeds(seeds)
    for problem in problems:
        say(problem)
    say("checked: unique, valid, no two alike" if not problems else f"{len(problems)} problems")
    return 1 if problems else 0


def _compile(args: argparse.Namespace) -> int:
    failures: list[Failure] = []
    counts: Counter[str] = Counter()
    stream = compile_corpora(
        args.names, split=args.split, data=args.data, layout=args.layout, failures=failures
    )
    limited = (e for e in stream if args.limit is None or counts[e.provenance.origin] < args.limit)
    examples = _watched(limited, counts)
    first = next(examples, None)
    written = jsonl.write(args.out, chain([first], examples)) if first else 0
    for failure in failures:
        say(f"{failure.corpus} left out: {failure.error}")
        if failure.error.hint:
            say(f"hint: {failure.error.hint}")
    if not written:
        raise BioinstructError(f"no instructions: {args.out} is not written")
    where = "standard output" if args.out == "-" else args.out
    say(f"{written:,} instructions to {where}: {_counted(counts)}")
    return 1 if failures else 0


def _filter(args: argparse.Namespace) -> int:
    from bioinstruct.filters import choose_rules, screen
    from bioinstruct.filters.similarity import check_threshold

    rules = choose_rules(args.rules)
    if args.near_duplicates is not None:
        check_threshold(args.near_duplicates)
    elif not (rules or args.against):
        raise BioinstructError(
            "nothing to filter by", hint="give --near-duplicates 0.7, --against all or --rules all"
        )
    contaminated = _contaminated(args.against) if args.against else None
    near = _near(args) if args.near_duplicates is not None else None
    rejected: list[Rejected] = []
    examples = _watched(read_examples(args.source, rejected=rejected), Counter())
    screened = screen(examples, rules=rules, contaminated=contaminated, near=near)
    dropped = args.dropped or (_beside(args.out, "dropped") if args.out != "-" else None)
    if dropped:
        screened.write_dropped(dropped)
    jsonl.write(args.out, screened.kept)
    every = len(screened.kept) + len(screened.dropped)
    say(f"{len(screened.kept):,} of {every:,} instructions kept")
    for reason, count in screened.reasons().items():
        say(f"  {reason:28} {count:>9,}")
    if near and not args.with_input and screened.hidden_by_input:
        say(
            f"{screened.hidden_by_input:,} of them have the instruction of another record and an "
            "input of their own: --with-input compares both"
        )
    if screened.dropped and dropped:
        say(f"what was dropped, and why: {dropped}")
    if rejected:
        _keep_rejected(rejected, _beside(args.out, "rejected"))
    return 1 if rejected else 0


def _near(args: argparse.Namespace) -> Near:
    from bioinstruct.filters import Near, NearDuplicates
    from bioinstruct.filters.screen import compared_text

    seeds = list(read_examples(args.seeds)) if args.seeds else []
    known = [compared_text(seed, with_input=args.with_input) for seed in seeds]
    if args.engine == "spark":
        from bioinstruct.filters.spark import near_duplicates_spark

        compare: Compare = partial(
            near_duplicates_spark,
            threshold=args.near_duplicates,
            tokenizer=args.tokenizer,
            same_subject=args.same_subject,
            pool=known,
            master=args.master,
        )
    else:
        near = NearDuplicates(
            args.near_duplicates, tokenizer=args.tokenizer, same_subject=args.same_subject
        )
        near.add(known)
        compare = near.offer_all
    return Near(compare, seeds, with_input=args.with_input)


def _contaminated(names: Sequence[str]) -> Contaminated:
    """The test texts of tasks, or of a file; a task of `all` without its corpus is left out."""
    from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
    from bioinstruct.bench.task import get_task, known_tasks
    from bioinstruct.filters import Contaminated, protected_texts

    examples: list[Instruction] = []
    for name in dict.fromkeys(names):
        if name != "all":
            known = name in known_tasks() or not Path(name).is_file()
            examples += get_task(name).read("test") if known else read_examples(name)
            continue
        for task in known_tasks().values():
            try:
                examples += task.read("test")
            except MissingError as error:
                say(f"NOT compared with {task.name}: {error}")
    texts = dict.fromkeys(text for example in examples for text in protected_texts(example))
    say(f"comparing with {len(texts):,} test texts")
    return Contaminated(texts)


def _beside(out: str, what: str) -> Path:
    """`kept.dropped.jsonl` for `kept.jsonl`; for standard output, a file of that name here."""
    name = "filtered" if out == "-" else out.removesuffix(".gz").removesuffix(".jsonl")
    return Path(f"{name}.{what}.jsonl")


def _publish(args: argparse.Namespace) -> int:
    if args.push and not args.repo:
        raise BioinstructError("--push needs a repository", hint="name one with --repo owner/name")
    if args.push and not args.license:
        raise BioinstructError(
            "--push needs the licence to publish under",
            hint="name it with --license SPDX; without --push, the card lists those of the data",
        )
    rejected: list[Rejected] = []
    examples = chain.from_iterable(
        read_examples(source, rejected=rejected) for source in args.sources
    )
    statistics = publish(_watched(examples, Counter()), args.out, name=args.out.resolve().name)
    say(
        f"{statistics.examples:,} instructions in {args.out}, "
        f"{statistics.duplicates:,} exact duplicates left out"
    )
    if rejected:
        _keep_rejected(rejected, args.out.with_name(args.out.name + ".rejected.jsonl"))
        if args.push:
            say("not pushed: mend those lines, or publish without them")
        return 1
    if args.push:
        say("pushed: " + push(args.out, args.repo, license=args.license, private=args.private))
    return 0


def _keep_rejected(rejected: list[Rejected], path: Path) -> None:
    jsonl.write_rejected(path, rejected)
    first = rejected[0]
    say(f"{len(rejected):,} lines are not instructions and were left out, see {path}")
    say(f"the first: {first.path}:{first.line}: {first.reason}")


def _show(args: argparse.Namespace) -> int:
    examples = islice(read_examples(args.source, split=args.split), args.limit)
    if args.json:
        jsonl.write("-", examples)
        return 0
    for example in examples:
        made = example.provenance
        print(f"── {example.id}  {example.category}  {example.task}  {made.origin}, {made.license}")
        for name in ("instruction", "input", "output"):
            if text := getattr(example, name):
                print(f"{name}: {text}")
        print()
    return 0


def _watched(examples: Iterable[Instruction], counts: Counter[str]) -> Iterator[Instruction]:
    """The same examples, counted by origin, with a line on stderr that goes along."""
    line = Line()
    for number, example in enumerate(examples, start=1):
        counts[example.provenance.origin] += 1
        if number % 1000 == 0:
            line.show(f"{number:,} instructions")
        yield example
    line.show("")


def _with_layouts(name: str) -> str:
    layouts = corpora.get_corpus(name).layouts
    return f"{name} (layouts {', '.join(layouts)})" if layouts else name


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
