"""The `bioinstruct-bench` command: parse, call, print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bioinstruct
from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.task import Task, get_task, known_tasks
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.load import read_examples
from bioinstruct.prompts import Style
from bioinstruct.terminal import Line, positive, run_command, say

if TYPE_CHECKING:
    from bioinstruct.bench.report import Report
    from bioinstruct.bench.run import Tests, Watch
    from bioinstruct.bench.tune import Progress
    from bioinstruct.filters import Screened

EXAMPLES = """\
examples:
  bioinstruct-bench --model tiny
  bioinstruct-bench --model path/to/model --tasks pubmedqa ncbi-disease --limit 100
  bioinstruct-bench --model path/to/model --data instructions.jsonl --out run1
  bioinstruct-bench --model path/to/model --adapter run1/adapter
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `bioinstruct-bench`."""
    args = _parser().parse_args(argv)
    run_command("bioinstruct-bench", lambda: _list() if args.list else _bench(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bioinstruct-bench",
        description="Score a causal language model, LoRA-tune it on instructions, score it again.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=bioinstruct.__version__)
    what = parser.add_argument_group("what to score")
    what.add_argument("--model", metavar="PATH", help="a model folder, a Hub id, or `tiny`")
    what.add_argument("--adapter", type=Path, metavar="DIR", help="score this adapter, do not tune")
    what.add_argument(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="default: all whose corpora are in $BIOINSTRUCT_DATA, else the demonstration",
    )
    what.add_argument("--limit", type=positive, metavar="N", help="only N examples of each task")
    what.add_argument(
        "--style",
        type=Style,
        choices=list(Style),
        default=Style.ALPACA,
        help="prompt layout, the same for tuning and scoring (default: alpaca)",
    )
    what.add_argument(
        "--trust-remote-code", action="store_true", help="run code that the model brings"
    )
    how = parser.add_argument_group("how to tune")
    how.add_argument(
        "--data",
        metavar="NAME|FILE",
        help="instructions to tune on (default: the training splits of the tasks)",
    )
    how.add_argument(
        "--recipe", metavar="NAME|FILE", help="a shipped recipe or a TOML file (default: default)"
    )
    how.add_argument("--no-tune", action="store_true", help="score only")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", type=Path, default=Path("out"), metavar="DIR", help="(default: out)"
    )
    output.add_argument("--json", action="store_true", help="print the report as JSON")
    output.add_argument("--list", action="store_true", help="list the tasks and stop")
    return parser


def _list() -> int:
    tasks = known_tasks().values()
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        print(f"{task.name:{width}}  {task.group:3}  {task.description}")
    return 0


def _bench(args: argparse.Namespace) -> int:
    if not args.model:
        raise BioinstructError("no model", hint="give one with --model PATH, or `--model tiny`")
    tasks = [get_task(name) for name in dict.fromkeys(args.tasks)] if args.tasks else _present()
    from bioinstruct.bench.loading import quiet
    from bioinstruct.bench.model import CausalLM
    from bioinstruct.bench.report import DEMONSTRATION, notes, table
    from bioinstruct.bench.run import load_tests, run
    from bioinstruct.bench.tune import load_recipe

    quiet()
    tuning = not (args.no_tune or args.adapter)
    recipe = load_recipe(args.recipe or ("tiny" if args.model == "tiny" else "default"))
    tests = load_tests(tasks, args.limit)
    training = _training(args.data, tests, args.out) if tuning else None
    say(f"loading {args.model}")
    model = CausalLM.load(args.model, style=args.style, trust_remote_code=args.trust_remote_code)
    if args.adapter:
        model.load_adapter(args.adapter)
    report = run(
        model,
        tests,
        args.out,
        training=training,
        recipe=recipe if tuning else None,
        seed=args.seed,
        watch=_watch(),
    )
    for note in notes(report):
        say(note)
    say(_kept(args.out, report))
    print(json.dumps(report.as_dict(), indent=2) if args.json else table(report))
    if report.demonstration and not args.json:
        print(f"\n{DEMONSTRATION}")
    return 0


def _present() -> list[Task]:
    """The real tasks whose corpora are here, else those of the demonstration."""
    present = []
    for task in known_tasks().values():
        if not task.demonstration:
            try:
                next(iter(task.read("test")))
            except MissingError:
                continue
            present.append(task)
    if present:
        return present
    say("no corpora found (BIOINSTRUCT_DATA): running the demonstration tasks")
    return [task for task in known_tasks().values() if task.demonstration]


def _training(data: str | None, tests: Tests, out: Path) -> Screened:
    """What to tune on, without what is tested; that is kept beside the report."""
    from bioinstruct.bench.run import training_examples, without_tests

    found = list(read_examples(data)) if data else training_examples(tests)
    training = without_tests(found, tests)
    source = data or "the training splits of the tasks"
    say(f"tuning on {len(training.kept):,} instructions from {source}")
    if training.dropped:
        path = out / "contaminated.jsonl"
        training.write_dropped(path)
        say(f"left out {len(training.dropped):,} that overlap a test, see {path}")
    return training


def _watch() -> Watch:
    from bioinstruct.bench.run import Watch

    line = Line()

    def scored(which: str, task: str, done: int, of: int) -> None:
        line.show(f"scoring {which:5}  {task}  {done:,}/{of:,}", last=done == of)

    def tuned(p: Progress) -> None:
        line.show(
            f"tuning  step {p.step:,}/{p.steps:,}  loss {p.loss:.3f}  "
            f"{p.tokens_per_second:,.0f} tokens/s  {p.seconds_left:,.0f} s left",
            last=p.step == p.steps,
        )

    return Watch(scored, tuned)


def _kept(out: Path, report: Report) -> str:
    names = ["report.json", "answers.jsonl", *(["adapter"] if report.tuning else [])]
    return "kept " + ", ".join(str(out / name) for name in names)
