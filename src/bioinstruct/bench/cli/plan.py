"""What a run takes: printed by `--plan`, and said before a long run begins."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from bioinstruct.bench.cli.training import usual_recipe
from bioinstruct.console import say, show

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.estimate import RunPlan
    from bioinstruct.bench.experiment import Training
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.tasks.evaluation_set import Evaluation
    from bioinstruct.bench.training.recipe import Recipe

__all__ = ["print_plan", "say_if_long"]


def print_plan(
    model: CausalLM,
    evaluations: Sequence[Evaluation],
    training: Training | None,
    args: argparse.Namespace,
) -> int:
    """Print what the run takes; return 1 if tuning does not fit into memory."""
    plan = _plan(model, evaluations, training, args)
    fits = plan.tuning.fits if plan.tuning else None
    if args.json:
        tuning = asdict(plan.tuning) if plan.tuning else {}
        more = {"fits": fits, "repeats": args.repeats, "scoring": asdict(plan.scoring)}
        more |= {"models": plan.models, "total_seconds": plan.seconds}
        print(json.dumps(tuning | more, indent=2))
    else:
        if training:
            show(_differing(args, training.recipe))
        show("\n".join(plan.lines()))
    return 1 if fits is False else 0


def say_if_long(
    model: CausalLM,
    evaluations: Sequence[Evaluation],
    training: Training | None,
    args: argparse.Namespace,
) -> None:
    """Say so, before anything is scored, if the run takes more than an hour in this process.

    A run that certainly takes minutes only is not tried out.
    """
    from bioinstruct.bench.evaluation.estimate import is_quick
    from bioinstruct.bench.models.distributed import Devices

    tunings = training.recipe.epochs * args.repeats if training else 0
    examples = training.examples if training else ()
    if Devices().count > 1 or is_quick(model, evaluations, examples, tunings=tunings):
        return
    for line in _plan(model, evaluations, training, args).warning():
        say(line)


def _plan(
    model: CausalLM,
    evaluations: Sequence[Evaluation],
    training: Training | None,
    args: argparse.Namespace,
) -> RunPlan:
    from bioinstruct.bench.evaluation.estimate import RunPlan, plan_run

    if training:
        return plan_run(
            model,
            evaluations,
            training.examples,
            training.recipe,
            repeats=args.repeats,
            seed=args.seed,
        )
    plan = plan_run(model, evaluations)
    return RunPlan(plan.scoring, 2) if args.adapter else plan


def _differing(args: argparse.Namespace, recipe: Recipe) -> str:
    """Say in which settings the recipe differs from the shipped one that was named."""
    from bioinstruct.bench.training.recipe import RECIPES, differences, load_recipe

    shipped = args.recipe and (RECIPES / f"{args.recipe}.toml").is_file()
    name = args.recipe if shipped else usual_recipe(args)
    found = differences(recipe, load_recipe(name))
    return f"recipe      {name}" + (f", but {', '.join(found)}" if found else "")
