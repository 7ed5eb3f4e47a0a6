"""Command-line options of tuning."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bioinstruct.console import positive, say
from bioinstruct.dataset.load import read_examples
from bioinstruct.rejection import Rejection, write_rejections

if TYPE_CHECKING:
    from bioinstruct.bench.experiment import Training
    from bioinstruct.bench.tasks.evaluation_set import Evaluation
    from bioinstruct.bench.training.recipe import Recipe

_SHOWN = 3  # overlapping examples

__all__ = ["add_arguments", "chosen_recipe", "load", "usual_recipe"]


def add_arguments(how: argparse._ArgumentGroup) -> None:
    """Add the options of tuning."""
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
        "--set",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="settings that replace those of the recipe, such as epochs=1 rank=8",
    )
    how.add_argument(
        "--plan",
        action="store_true",
        help="estimate what the run takes (steps, tokens, memory, time of tuning and scoring), and "
        "exit",
    )
    how.add_argument(
        "--track", choices=("tensorboard", "wandb"), help="log the training steps there"
    )
    how.add_argument(
        "--repeats",
        type=positive,
        default=1,
        metavar="N",
        help="tune N times, with the seeds from --seed on, and report mean and spread (default: 1)",
    )
    how.add_argument(
        "--contamination",
        choices=("drop", "report", "off"),
        default="drop",
        help="leave out what overlaps a test, keep and count it, or do not look (default: drop)",
    )
    how.add_argument("--no-tune", action="store_true", help="score only")
    how.add_argument(
        "--merge",
        choices=("float32", "bfloat16"),
        help="also write the model with the adapter merged into it, to DIR/merged",
    )
    how.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")


def chosen_recipe(args: argparse.Namespace) -> Recipe:
    """Return the recipe with the changes of `--set`; for the model `tiny` a file starts there."""
    from bioinstruct.bench.training.recipe import load_recipe, parse_changes

    usual = usual_recipe(args)
    base = usual if usual == "tiny" else ""
    return load_recipe(args.recipe or usual, base=base, changes=parse_changes(args.set))


def usual_recipe(args: argparse.Namespace) -> str:
    """Return the name of the recipe of a command that names none."""
    return "tiny" if args.model == "tiny" else "default"


def load(args: argparse.Namespace, evaluations: Sequence[Evaluation]) -> Training:
    """Return the recipe and the instructions to tune on, less what overlaps a test."""
    from bioinstruct.bench.experiment import load_training

    recipe = chosen_recipe(args)
    given = read_examples(args.data) if args.data else None
    training = load_training(
        recipe,
        evaluations,
        given,
        args.data or "",
        contamination=args.contamination,
        found=lambda overlapping: _tell_overlap(overlapping, args),
    )
    say(f"tuning on {len(training.examples):,} instructions from {training.source}")
    return replace(training, repeats=args.repeats)


def _tell_overlap(overlapping: Sequence[Rejection], args: argparse.Namespace) -> None:
    """Write what overlaps a test, and show some of it, before anything is tuned."""
    from bioinstruct.bench.experiment import CONTAMINATED

    if not overlapping:
        return
    what = "left out" if args.contamination == "drop" else "KEPT"
    say(f"{what} {len(overlapping):,} because they overlap a test")
    for one in overlapping[:_SHOWN]:
        text = one.record.input or one.record.instruction if one.record else ""
        say(f"  {one.reason}: {' '.join(text.split())[:70]!r}")
        say(f"    like {' '.join(one.detail.split())[:70]!r}")
    if not args.plan:
        path = args.out / CONTAMINATED
        write_rejections(path, overlapping)
        say(f"all of them, with the test texts: {path}; --contamination report keeps them")
