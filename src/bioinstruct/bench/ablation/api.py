"""The Python function of ablations."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.bench.api import Named, quietly, read_evaluations
from bioinstruct.progress import OnProgress, Progress
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.bench.ablation.arms import Design
    from bioinstruct.bench.ablation.matrix import Ablation
    from bioinstruct.bench.ablation.study import Follow
    from bioinstruct.bench.models.base import Tunable
    from bioinstruct.bench.training.recipe import Recipe

__all__ = ["ablate"]


def ablate(
    model: Tunable,
    records: Iterable[Instruction],
    tasks: Named | Iterable[Named],
    *,
    by: str | Design = "categories",
    recipe: str | Path | Recipe = "default",
    limit: int | None = None,
    out: Path | str | None = None,
    progress: OnProgress | None = None,
) -> Ablation:
    """Tune a model on parts of a data set, and compare each tuning with the base.

    Records that overlap what the tasks score are left out first. The model has no adapter
    afterwards; one that it had is taken off.

    Args:
        model: from `load_model`.
        records: the data set.
        tasks: from `load_tasks`, or names.
        by: `categories`, `sources` or `size`, or a `Design`, which also chooses sizes, arms,
            repeats and seed.
        recipe: a shipped recipe, a TOML file, or a `Recipe`.
        limit: at most this many items of each task.
        out: a folder that keeps each arm as a run; called again, or by another process at the
            same time, only what is missing is done. Default: nothing is kept.
        progress: called after each answer and each step.

    Returns:
        The difference of each arm to the base on each task and group of tasks, with 95 % intervals
        and verdicts by Holm over all of them; prints as a table.

    Raises:
        UnknownNameError: no such task, recipe, arm or kind of arms.
        ModelError: the model lacks a member of `Tunable`.
        BioinstructError: fewer than two parts, nothing to tune on, or `out` holds something else.
    """
    from bioinstruct.bench.ablation.arms import Design, make_arms
    from bioinstruct.bench.ablation.study import Study
    from bioinstruct.bench.experiment import load_training
    from bioinstruct.bench.training.recipe import Recipe, load_recipe

    design = by if isinstance(by, Design) else Design(by=by)
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))
    evaluations = read_evaluations(tasks, limit, 0, design.seed, None)
    training = load_training(recipe, evaluations, records, "the given records")
    arms = make_arms(training.examples, design)
    with contextlib.ExitStack() as stack:
        stack.enter_context(quietly())
        folder = Path(out or stack.enter_context(tempfile.TemporaryDirectory()))
        study = Study(model, evaluations, training, arms, design, folder)
        return study.run(_follow(progress))


def _follow(progress: OnProgress | None) -> Follow:
    from bioinstruct.bench.ablation.study import Follow
    from bioinstruct.bench.experiment import Watch
    from bioinstruct.bench.training.trainer import Progress as Step

    now = ""

    def begins(name: str, number: int, of: int) -> None:
        nonlocal now
        now = name if name == "base" else f"{name} ({number + 1}/{of})"

    def scored(which: str, task: str, done: int, of: int) -> None:
        if progress is not None:
            progress(Progress(f"{now}: scoring {task}", done, of))

    def tuned(step: Step) -> None:
        if progress is not None:
            progress(Progress(f"{now}: tuning", step.step, step.steps, f"loss {step.loss:.3f}"))

    return Follow(arm=begins, watch=Watch(scored, tuned))
