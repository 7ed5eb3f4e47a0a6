"""The `bioinstruct-bench` command: parse, call, print."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import bioinstruct
from bioinstruct import corpora
from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.task import Task, get_task, known_tasks
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.load import read_examples
from bioinstruct.prompts import Style
from bioinstruct.terminal import Line, positive, run_command, say

if TYPE_CHECKING:
    from bioinstruct.bench.encoder import Progress as EncoderProgress
    from bioinstruct.bench.model import CausalLM
    from bioinstruct.bench.run import Tests, Training, Watch
    from bioinstruct.bench.tune import Progress

EXAMPLES = """\
examples:
  bioinstruct-bench --model tiny
  bioinstruct-bench --model path/to/model --tasks pubmedqa ncbi-disease --limit 100
  bioinstruct-bench --model path/to/model --data instructions.jsonl --out run1
  bioinstruct-bench --model path/to/model --adapter run1/adapter
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `bioinstruct-bench`."""
    # Threads that wait for each other must not spin for long: on two cores shared with other work,
    # tuning the tiny model fell from 2,600 tokens a second to 100; on free cores, 7,000 either way.
    # Read when torch is loaded, so set first.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    parser = _parser()
    args = parser.parse_args(argv)
    if args.encoder and (args.model or args.adapter or args.data or args.no_tune):
        parser.error("--encoder stands alone: it is not a model that instructions tune")
    if args.plan and (args.no_tune or args.adapter):
        parser.error("--plan is for tuning, --no-tune and --adapter do without it")
    if (args.no_tune or args.adapter) and (args.data or args.recipe):
        parser.error("--data and --recipe are for tuning, --no-tune and --adapter do without it")
    run_command(
        "bioinstruct-bench",
        lambda: _list() if args.list else _bench(args),
        stopped="the answers so far are kept: the same command goes on from there",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bioinstruct-bench",
        description="Score a causal language model, LoRA-tune it on instructions, score it again.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {bioinstruct.__version__}"
    )
    what = parser.add_argument_group("what to score")
    what.add_argument("--model", metavar="PATH", help="a model folder, a Hub id, or `tiny`")
    what.add_argument(
        "--encoder",
        metavar="PATH",
        help="instead of a model: fine-tune an encoder such as BioBERT on each task, and score it",
    )
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
        "--recipe",
        metavar="NAME|FILE",
        help="a shipped recipe or a TOML file (default: `tiny` for that model, else `default`)",
    )
    how.add_argument(
        "--plan",
        action="store_true",
        help="say what tuning will take (steps, tokens, memory, time), and stop",
    )
    how.add_argument("--no-tune", action="store_true", help="score only")
    how.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the random numbers (default: 0)"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        default=Path("out"),
        metavar="DIR",
        help="the folder for report, answers and adapter (default: out)",
    )
    output.add_argument("--json", action="store_true", help="print the report, not the table")
    output.add_argument("--list", action="store_true", help="list the tasks and stop")
    return parser


def _list() -> int:
    tasks = known_tasks().values()
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        print(f"{task.name:{width}}  {task.group:3}  {task.description}")
    return 0


def _bench(args: argparse.Namespace) -> int:
    if args.encoder:
        return _bench_encoder(args)
    if not args.model:
        raise BioinstructError("no model", hint="give one with --model PATH, or `--model tiny`")
    tasks = [get_task(name) for name in dict.fromkeys(args.tasks)] if args.tasks else _present()
    from bioinstruct.bench.loading import find_model, quiet
    from bioinstruct.bench.model import CausalLM
    from bioinstruct.bench.report import DEMONSTRATION, notes, table
    from bioinstruct.bench.run import check_out, load_tests, run

    quiet()
    find_model(args.model)  # a slip in the name is told before anything is read
    check_out(args.out)
    tests = load_tests(tasks, args.limit)
    training = None if args.no_tune or args.adapter else _training(args, tests)
    say(f"loading {args.model}")
    model = CausalLM.load(
        args.model,
        style=args.style,
        quantize=training.recipe.quantize if training else "none",
        trust_remote_code=args.trust_remote_code,
    )
    if args.plan and training:
        return _plan(model, training, args)
    report = run(
        model,
        tests,
        args.out,
        training=training,
        adapter=args.adapter,
        seed=args.seed,
        watch=_watch(),
    )
    for note in notes(report):
        say(note)
    say(_kept(args.out, training))
    print(report.as_json() if args.json else table(report), end="" if args.json else "\n")
    if report.demonstration and not args.json:
        print(f"\n{DEMONSTRATION}")
    return 0


def _plan(model: CausalLM, training: Training, args: argparse.Namespace) -> int:
    from bioinstruct.bench.plan import make_plan

    plan = make_plan(model, training.examples, training.recipe, seed=args.seed)
    if args.json:
        print(json.dumps(asdict(plan) | {"fits": plan.fits}, indent=2))
    else:
        print("\n".join(plan.lines()))
    return 1 if plan.fits is False else 0


def _bench_encoder(args: argparse.Namespace) -> int:
    tasks = [get_task(name) for name in dict.fromkeys(args.tasks)] if args.tasks else _present()
    from bioinstruct.bench.encoder import EncoderRecipe
    from bioinstruct.bench.encoder_run import run_encoder
    from bioinstruct.bench.loading import find_model, quiet
    from bioinstruct.bench.recipe import load_settings
    from bioinstruct.bench.report import table
    from bioinstruct.bench.run import load_tests

    quiet()
    find_model(args.encoder)
    recipe = load_settings(EncoderRecipe, Path(args.recipe)) if args.recipe else EncoderRecipe()
    tests = load_tests(tasks, args.limit)
    line = Line()

    def tuned(task: str, now: EncoderProgress) -> None:
        text = f"tuning  {task}  step {now.step:,}/{now.steps:,}  loss {now.loss:.3f}"
        line.show(text, last=now.step == now.steps)

    report = run_encoder(args.encoder, tests, args.out, recipe=recipe, seed=args.seed, tuned=tuned)
    left = [task.name for task in tests if task.name not in {row.task for row in report.rows}]
    if left:
        say(f"left out, because an encoder cannot write: {', '.join(left)}")
    print(report.as_json() if args.json else table(report), end="" if args.json else "\n")
    return 0


def _present() -> list[Task]:
    """The real tasks whose corpora are here, else those of the demonstration."""
    folder = os.environ.get("BIOINSTRUCT_DATA")
    if folder:
        corpora.data_directory()  # a folder that is named and not there is a slip
    present, missing = [], []
    for task in known_tasks().values():
        if not task.demonstration:
            try:
                next(iter(task.read("test")))
            except MissingError:
                missing.append(task.name)
            else:
                present.append(task)
    if present:
        if missing:
            say(f"left out, because their corpora are not in {folder}: {', '.join(missing)}")
        return present
    why = f"no corpora in {folder}" if folder else "BIOINSTRUCT_DATA is not set"
    say(f"{why}: running the demonstration tasks")
    return [task for task in known_tasks().values() if task.demonstration]


def _training(args: argparse.Namespace, tests: Tests) -> Training:
    from bioinstruct.bench.recipe import load_recipe
    from bioinstruct.bench.run import load_training

    recipe = load_recipe(args.recipe or ("tiny" if args.model == "tiny" else "default"))
    given = read_examples(args.data) if args.data else None
    training = load_training(recipe, tests, given, args.data or "")
    say(f"tuning on {len(training.examples):,} instructions from {training.source}")
    if training.contaminated:
        say(f"left out {len(training.contaminated):,} because they overlap a test")
    return training


def _watch() -> Watch:
    from bioinstruct.bench.run import Watch

    line = Line()

    def scored(which: str, task: str, done: int, of: int) -> None:
        line.show(f"scoring {which:5}  {task}  {done:,}/{of:,}", last=done == of)

    def tuned(p: Progress) -> None:
        line.show(
            f"tuning  step {p.step:,}/{p.steps:,}  loss {p.loss:.3f}  "
            f"{p.tokens_per_second:,.0f} tokens/s  {_duration(p.seconds_left)} left",
            last=p.step == p.steps,
        )

    return Watch(scored, tuned)


def _kept(out: Path, training: Training | None) -> str:
    from bioinstruct.bench.run import ADAPTER, ANSWERS, CONTAMINATED, REPORT

    names = [REPORT, ANSWERS]
    if training:
        names += [ADAPTER, *([CONTAMINATED] if training.contaminated else [])]
    return "kept " + ", ".join(str(out / name) for name in names)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
