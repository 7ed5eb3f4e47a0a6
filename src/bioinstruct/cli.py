"""The `bioinstruct` command: parse, call, print."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import bioinstruct
from bioinstruct import corpora, jsonl
from bioinstruct.compile import Failure, compile_corpora
from bioinstruct.errors import BioinstructError
from bioinstruct.jsonl import Rejected
from bioinstruct.load import read_examples
from bioinstruct.publish import publish, push
from bioinstruct.schema import Instruction
from bioinstruct.seeds import check_seeds, load_seeds
from bioinstruct.terminal import Line, positive, run_command, say

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

EXAMPLES = """\
a whole run:
  bioinstruct compile ncbi-disease pubmedqa --data DIR --out compiled.jsonl
  bioinstruct publish seeds compiled.jsonl --out bioinstruct
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
    for add in (_add_seeds, _add_compile, _add_publish, _add_show):
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
