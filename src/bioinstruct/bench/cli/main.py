"""The `bioinstruct-bench` command: parse arguments, run, print the report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import bioinstruct
from bioinstruct.bench.cli import ablate, compare, endpoint, export, model, plan, report, verify
from bioinstruct.bench.cli import training as training_options
from bioinstruct.bench.cli.folder import choose_folder, keep_defaults, keep_settings
from bioinstruct.bench.cli.tasks import add_arguments, add_variation, chosen_evaluations, listing
from bioinstruct.bench.tasks.user_file import load_task_file
from bioinstruct.console import Line, Parser, run_command, say, show
from bioinstruct.errors import BioinstructError

if TYPE_CHECKING:
    from bioinstruct.bench.encoders.model import Progress as EncoderProgress
    from bioinstruct.bench.evaluation.report import Report
    from bioinstruct.bench.experiment import Training, Watch
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.tasks.evaluation_set import Evaluation
    from bioinstruct.bench.training.trainer import Progress

__all__ = ["main"]

EXAMPLES = """\
examples:
  bioinstruct-bench --model tiny
  bioinstruct-bench --model path/to/model --tasks pubmedqa ncbi-disease --limit 100
  bioinstruct-bench --model path/to/model --data instructions.jsonl --out run1
  bioinstruct-bench --model path/to/model --adapter run1/adapter
  bioinstruct-bench compare run1 run2
  bioinstruct-bench report run1 run2
  bioinstruct-bench verify run1
"""

COMMANDS = {
    "ablate": ablate.add,
    "compare": compare.add,
    "export": export.add,
    "report": report.add,
    "verify": verify.add,
}
"""The subcommands, each in a module of its name."""


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `bioinstruct-bench`."""
    # Keep waiting threads from spinning for long: on two cores shared with other work, tuning the
    # tiny model fell from 2,600 tokens a second to 100; on free cores it is 7,000 either way.
    # Set it here, since torch reads it when it is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # silences the profiler that --plan uses
    argv = sys.argv[1:] if argv is None else argv
    parser = _parser()
    if argv and not argv[0].startswith("-") and argv[0] not in COMMANDS:
        known = ", ".join(COMMANDS)
        parser.exit(2, f"{parser.prog}: no command named {argv[0]!r}; known: {known}\n")
    args = parser.parse_args(argv)
    if args.command:
        if argv[0] != args.name:
            parser.error(f"options of `{args.name}` follow it: bioinstruct-bench {args.name} ...")
        run_command("bioinstruct-bench", lambda: args.command(args))
    if wrong := _usage_error(args) or endpoint.usage_error(args) or model.usage_error(args):
        parser.error(wrong)
    run_command(
        "bioinstruct-bench",
        lambda: _list(args) if args.list else _in_step(args),
        stopped="all answers so far are saved; run the same command again to continue",
    )


def _usage_error(args: argparse.Namespace) -> str:
    """Return what is wrong with the combination of options, or an empty string."""
    alone = args.no_tune or args.adapter
    tuned = args.model and not (args.plan or alone or args.encoder)
    found = {
        "--encoder cannot be combined with --model, --adapter, --data or --no-tune": args.encoder
        and (args.model or args.adapter or args.data or args.no_tune),
        "--orders and --wordings need a language model: an encoder reads neither": args.encoder
        and (args.orders > 1 or args.wordings > 1),
        "--plan and --merge are for language models, and --encoder fine-tunes an encoder": (
            args.encoder and (args.plan or args.merge)
        ),
        "--repeats is for tuning and cannot be combined with --no-tune or --adapter": alone
        and args.repeats > 1,
        "--merge needs an adapter: tune one, or name one with --adapter": args.merge
        and (args.plan or (args.no_tune and not args.adapter)),
        "--plan estimates a local model, and --endpoint is another machine's": args.plan
        and args.endpoint,
        "--data, --recipe and --set are for tuning and cannot be combined with --no-tune or "
        "--adapter": alone and (args.data or args.recipe or args.set),
        "--track needs --model, and a run that tunes it": args.track and not tuned,
    }
    return next((message for message, wrong in found.items() if wrong), "")


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = Parser(
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
        help="instead of a model, fine-tune an encoder such as BioBERT on each task and score it",
    )
    what.add_argument(
        "--adapter", type=Path, metavar="DIR", help="score this adapter instead of tuning"
    )
    add_arguments(what)
    add_variation(what)
    model.add_arguments(what)
    training_options.add_arguments(parser.add_argument_group("how to tune"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for report, answers and adapter (default: a new one in runs/, or that of the "
        "newest unfinished run with the same settings)",
    )
    output.add_argument(
        "--force", action="store_true", help="replace the report of a run with other settings"
    )
    output.add_argument(
        "--json", action="store_true", help="print the report as JSON, not the table"
    )
    output.add_argument("--spec", action="store_true", help="explain the metrics below the table")
    output.add_argument("--list", action="store_true", help="list tasks and suites, and exit")
    endpoint.add_arguments(parser)
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", prog="bioinstruct-bench", dest="name"
    )
    for add in COMMANDS.values():
        add(commands)
    parser.set_defaults(command=None)
    keep_defaults(parser)
    return parser


def _list(args: argparse.Namespace) -> int:
    if args.task_file:
        load_task_file(args.task_file, args.metric)
    show(listing())
    return 0


def _in_step(args: argparse.Namespace) -> int:
    """Run, under `accelerate` if launched so; only rank 0 prints."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return _bench(args)
    from bioinstruct.bench.models.distributed import Devices

    devices = Devices()
    with devices.together():
        if args.endpoint:
            raise BioinstructError(
                "several processes would ask the server the same questions",
                hint="start bioinstruct-bench without accelerate launch; see --concurrency",
            )
        if devices.sharded and args.merge:
            raise BioinstructError(
                "cannot merge a sharded base model",
                hint="merge in one process afterwards: --model M --adapter DIR --merge float32",
            )
        alone = args.encoder or (args.plan and not devices.sharded)
        return _bench(args) if devices.first or not alone else 0


def _bench(args: argparse.Namespace) -> int:
    args.precision = args.dtype
    if args.out is None and (args.plan or not (args.model or args.encoder)):
        args.out = Path("out")
    elif not args.plan:
        choose_folder(args)
    if args.agreement:
        _agreement(args)
    if args.encoder:
        return _bench_encoder(args)
    if args.model:
        return _bench_model(args)
    if not args.agreement:
        raise BioinstructError("no model", hint="name one with --model PATH, or `--model tiny`")
    return 0


def _bench_model(args: argparse.Namespace) -> int:
    from bioinstruct.bench.evaluation.notes import notes
    from bioinstruct.bench.experiment import follow, run
    from bioinstruct.bench.models.distributed import Devices
    from bioinstruct.bench.models.loading import find_model, quiet
    from bioinstruct.bench.training.tracking import check_tracker

    quiet()
    if not args.endpoint:
        find_model(args.model)  # reports a wrong name before anything is read
    if args.track:
        check_tracker(args.track)
    evaluations, unavailable = chosen_evaluations(args)
    if args.endpoint:
        scored = endpoint.score_endpoint(args, evaluations, unavailable, _watch(args))
        return _show(args, scored, evaluations)
    training = None if args.no_tune or args.adapter else training_options.load(args, evaluations)
    say(f"loading {args.model}")
    loaded = model.load(args, recipe=training.recipe if training else None)
    if args.plan:
        return plan.print_plan(loaded, evaluations, training, args)
    plan.say_if_long(loaded, evaluations, training, args)
    if not Devices().first:
        follow(
            loaded, evaluations, args.out, training=training, adapter=args.adapter, seed=args.seed
        )
        return 0
    report = run(
        loaded,
        evaluations,
        args.out,
        unavailable=unavailable,
        training=training,
        adapter=args.adapter,
        seed=args.seed,
        watch=_watch(args),
    )
    for note in notes(report):
        say(note)
    say(_kept(args.out, training))
    if args.merge:
        _merge(loaded, args, report)
    return _show(args, report, evaluations)


def _show(args: argparse.Namespace, report: Report, evaluations: Sequence[Evaluation]) -> int:
    """Judge the answers if asked to, and print the report."""
    from bioinstruct.bench.evaluation.notes import contaminated_by
    from bioinstruct.bench.evaluation.report import DEMONSTRATION, table

    if args.judge:
        report = endpoint.judged(args, report, evaluations)
    show(
        report.as_json() if args.json else table(report, specified=args.spec),
        end="" if args.json else "\n",
    )
    if report.data and report.data.contamination != "drop" and not args.json:
        show(f"\ntuning: {contaminated_by(report.data)}")
    if report.demonstration and not args.json:
        show(f"\n{DEMONSTRATION}")
    return 1 if args.judge and isinstance(report.judge, str) else 0


def _agreement(args: argparse.Namespace) -> None:
    """Measure agreement; print it only without --model, since a report includes it."""
    from bioinstruct.bench.judge.results import agreement_lines

    found = endpoint.measure_agreement(args)
    if not args.model:
        print(json.dumps(found, indent=2) if args.json else "\n".join(agreement_lines(found)))


def _merge(model: CausalLM, args: argparse.Namespace, report: Report) -> None:
    from bioinstruct.bench.evaluation.model_card import merged_card
    from bioinstruct.bench.training.lora import save_merged

    folder = args.out / "merged"
    known = (args.adapter or args.out / "adapter") / "README.md"
    text = known.read_text(encoding="utf-8") if known.is_file() else ""

    def card(apart: float) -> str:
        return merged_card(report, dtype=args.merge, apart=apart, adapter=text)

    apart = save_merged(model, folder, dtype=args.merge, card=card)
    say(f"wrote {folder} in {args.merge}; the tested logits differ by at most {apart:.2g}")


def _bench_encoder(args: argparse.Namespace) -> int:
    from bioinstruct.bench.encoders.model import EncoderRecipe
    from bioinstruct.bench.encoders.run import run_encoder
    from bioinstruct.bench.evaluation.report import table
    from bioinstruct.bench.models.loading import find_model, quiet
    from bioinstruct.bench.training.recipe import load_settings, parse_changes

    quiet()
    find_model(args.encoder)
    path = Path(args.recipe) if args.recipe else None
    recipe = load_settings(EncoderRecipe, path, changes=parse_changes(args.set))
    evaluations, _ = chosen_evaluations(args)
    keep_settings(args)
    line = Line()

    def tuned(task: str, now: EncoderProgress) -> None:
        text = f"tuning  {task}  step {now.step:,}/{now.steps:,}  loss {now.loss:.3f}"
        line.show(text, last=now.step == now.steps)

    report = run_encoder(
        args.encoder,
        evaluations,
        args.out,
        recipe=recipe,
        seed=args.seed,
        repeats=args.repeats,
        tuned=tuned,
    )
    left = [e.name for e in evaluations if e.name not in {row.task for row in report.rows}]
    if left:
        say(f"left out, because an encoder cannot generate text: {', '.join(left)}")
    show(
        report.as_json() if args.json else table(report, specified=args.spec),
        end="" if args.json else "\n",
    )
    return 0


def _watch(args: argparse.Namespace) -> Watch:
    from bioinstruct.bench.experiment import Watch

    line = Line()

    def scored(which: str, task: str, done: int, of: int) -> None:
        line.show(f"scoring {which:5}  {task}  {done:,}/{of:,}", last=done == of)

    def tuned(p: Progress) -> None:
        line.show(
            f"tuning  step {p.step:,}/{p.steps:,}  loss {p.loss:.3f}  "
            f"{p.tokens_per_second:,.0f} tokens/s ({p.target_tokens_per_second:,.0f} target)  "
            f"{_duration(p.seconds_left)} left",
            last=p.step == p.steps,
        )

    return Watch(scored, tuned, lambda: keep_settings(args), args.track)


def _kept(out: Path, training: Training | None) -> str:
    from bioinstruct.bench.experiment import ANSWERS, CONTAMINATED
    from bioinstruct.bench.report.folder import PAGE, REPORT
    from bioinstruct.bench.training.folder import ADAPTER

    names = [REPORT, PAGE, ANSWERS]
    if training:
        names += [ADAPTER, *([CONTAMINATED] if training.contaminated else [])]
    return "wrote " + ", ".join(str(out / name) for name in names)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
