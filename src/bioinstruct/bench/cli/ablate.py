"""`bioinstruct-bench ablate`: which instructions help which task."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.bench.cli import model
from bioinstruct.bench.cli.folder import RUNS
from bioinstruct.bench.cli.tasks import add_arguments, add_variation, chosen_evaluations
from bioinstruct.bench.cli.training import chosen_recipe
from bioinstruct.cli.common import sentence
from bioinstruct.console import Line, positive, say, show
from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError

if TYPE_CHECKING:
    from bioinstruct.bench.ablation.study import Follow
    from bioinstruct.bench.experiment import Training
    from bioinstruct.bench.tasks.evaluation_set import Evaluation
    from bioinstruct.bench.training.trainer import Progress
    from bioinstruct.cli.common import Commands
    from bioinstruct.rejection import Rejection
    from bioinstruct.schema import Instruction

__all__ = ["add"]

BY = ("categories", "sources", "size")
SIZES = ("natural", "matched", "both")


def add(commands: Commands) -> None:
    """Add the subcommand."""
    text = "tune on parts of the instructions, and show which part helps which task"
    parser = commands.add_parser(
        "ablate",
        help=text,
        description=sentence(text),
        usage="%(prog)s --model PATH --by categories|sources|size [options]",
    )
    parser.add_argument(
        "--model", metavar="PATH", required=True, help="a model folder, a Hub id, or `tiny`"
    )
    what = parser.add_argument_group("which arms")
    what.add_argument(
        "--by",
        choices=BY,
        required=True,
        help="categories: QA, IE and GEN, each pair, all without one, all; sources: each origin, "
        "all without one, the stages of Llama2-MedTuned, all; size: 1, 3, 10, 30 and 100 %%",
    )
    what.add_argument(
        "--sizes",
        choices=SIZES,
        default="both",
        help="natural: all records of an arm; matched: as many in every arm as the smallest part "
        "has, equal shares of each part (default: both)",
    )
    what.add_argument(
        "--arms", nargs="+", default=[], metavar="NAME", help="only these arms, such as QA QA+IE"
    )
    _add_tuning(parser.add_argument_group("how to tune"))
    asked = parser.add_argument_group("what to score")
    add_arguments(asked)
    add_variation(asked)
    model.add_arguments(asked)
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the ablation, with a run for each arm (default: runs/ablate-MODEL-BY)",
    )
    output.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(command=_run)


def _add_tuning(how: argparse._ArgumentGroup) -> None:
    how.add_argument(
        "--data",
        nargs="+",
        default=[],
        metavar="NAME|FILE",
        help="instructions to tune on (default: the training splits of the tasks)",
    )
    how.add_argument(
        "--recipe",
        metavar="NAME|FILE",
        help="a shipped recipe or a TOML file (default: `tiny` for that model, else `default`)",
    )
    how.add_argument(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings that replace its own"
    )
    how.add_argument(
        "--repeats", type=positive, default=1, metavar="N", help="tunings of each arm (default: 1)"
    )
    how.add_argument(
        "--contamination",
        choices=("drop", "report", "off"),
        default="drop",
        help="leave out what overlaps a test, keep and count it, or do not look (default: drop)",
    )
    how.add_argument("--plan", action="store_true", help="print what the ablation takes, and exit")
    how.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")


def _run(args: argparse.Namespace) -> int:
    from bioinstruct.bench.ablation.arms import Design, make_arms
    from bioinstruct.bench.ablation.cost import cost_of
    from bioinstruct.bench.ablation.study import ABLATION, Study
    from bioinstruct.bench.evaluation.estimate import HOUR
    from bioinstruct.bench.models.loading import find_model, quiet

    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise BioinstructError(
            "an ablation is not started with accelerate launch",
            hint="start the same command once for each device, such as with CUDA_VISIBLE_DEVICES=1",
        )
    quiet()
    find_model(args.model)
    args.out, args.precision = args.out or _folder(args), args.dtype
    evaluations, unavailable = chosen_evaluations(args)
    training = _training(args, evaluations)
    design = Design(
        by=args.by, sizes=args.sizes, arms=tuple(args.arms), repeats=args.repeats, seed=args.seed
    )
    arms = make_arms(training.examples, design)
    say(f"loading {args.model}")
    study = Study(
        model=model.load(args, recipe=training.recipe),
        evaluations=evaluations,
        training=training,
        arms=arms,
        design=design,
        out=args.out,
        unavailable=unavailable,
    )
    cost = cost_of(study)
    if args.plan:
        show("\n".join(cost.lines()))
        return 1 if cost.tuning.fits is False else 0
    for line in cost.lines():
        say(line)
    if cost.seconds > HOUR:
        say("THIS TAKES MORE THAN AN HOUR; --limit, --arms and --sizes make it shorter")
    found = study.run(_follow())
    say(f"wrote {args.out / ABLATION}; each arm is a run in {args.out / 'arms'}")
    show(found.as_json() if args.json else str(found), end="" if args.json else "\n")
    return 1 if any(arm.failed for arm in found.arms) else 0


def _folder(args: argparse.Namespace) -> Path:
    """Return the folder of an ablation without `--out`: always the same, so that it resumes."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(args.model).name) or "model"
    return RUNS / f"ablate-{name}-{args.by}"


def _training(args: argparse.Namespace, evaluations: Sequence[Evaluation]) -> Training:
    from bioinstruct.bench.experiment import load_training

    def found(overlapping: list[Rejection]) -> None:
        if overlapping:
            what = "left out" if args.contamination == "drop" else "KEPT"
            say(f"{what} {len(overlapping):,} because they overlap a test")

    training = load_training(
        chosen_recipe(args),
        evaluations,
        _records(args.data) if args.data else None,
        ", ".join(args.data),
        contamination=args.contamination,
        found=found,
    )
    say(f"arms of {len(training.examples):,} instructions from {training.source}")
    return training


def _records(sources: Sequence[str]) -> Iterator[Instruction]:
    return chain.from_iterable(read_examples(source) for source in sources)


def _follow() -> Follow:
    from bioinstruct.bench.ablation.study import Follow
    from bioinstruct.bench.experiment import Watch

    line = Line()
    now = ""
    waiting = False

    def begins(name: str, number: int, of: int) -> None:
        nonlocal now, waiting
        waiting = False
        now = name if name == "base" else f"arm {name} ({number + 1}/{of})"
        say(now)

    def waits(arms: int) -> None:
        nonlocal waiting
        if not waiting:
            say(f"other processes have the {arms} arms that are left; waiting for them")
        waiting = True

    def scored(which: str, task: str, done: int, of: int) -> None:
        line.show(f"{now}: scoring {task}  {done:,}/{of:,}", last=done == of)

    def tuned(p: Progress) -> None:
        text = f"{now}: tuning  step {p.step:,}/{p.steps:,}  loss {p.loss:.3f}"
        line.show(text, last=p.step == p.steps)

    return Follow(arm=begins, waiting=waits, watch=Watch(scored, tuned))
