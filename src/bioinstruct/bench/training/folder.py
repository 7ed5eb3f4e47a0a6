"""Tune in a folder: from the last checkpoint there, or not at all where the adapter is finished."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bioinstruct.bench.models.adapter import read_about
from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.training.checkpoint import run_key
from bioinstruct.bench.training.lora import remove_adapter, save_adapter
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.tracking import track, tracker
from bioinstruct.bench.training.trainer import Progress, Tuning, tune
from bioinstruct.errors import ModelError
from bioinstruct.files import set_aside
from bioinstruct.schema import Instruction

__all__ = ["ADAPTER", "CHECKPOINTS", "STEPS", "tune_in"]

ADAPTER, CHECKPOINTS, STEPS = "adapter", "checkpoints", "tuning.jsonl"

logger = logging.getLogger("bioinstruct")


def tune_in(
    out: Path,
    model: Tunable,
    examples: Sequence[Instruction],
    recipe: Recipe,
    *,
    seed: int,
    progress: Callable[[Progress], None],
    tracked: str | None = None,
) -> Tuning:
    """Tune from where an earlier run was stopped; not at all where that had ended.

    Args:
        out: the folder, for the adapter, the checkpoints and a line for each step.
        model: a model, whose adapter is replaced.
        examples: what to tune on.
        recipe: how to tune.
        seed: of the adapter's random start and the order of the examples.
        progress: called after each step.
        tracked: name of a tracker that receives the steps too.

    Raises:
        BioinstructError: as `tune` does.
    """
    key = run_key(model, examples, recipe, seed)
    remove_adapter(model)
    if (done := _finished(model, out / ADAPTER, key)) is not None:
        return done
    shows = [progress]
    if tracked:
        shows.append(tracker(tracked, out, run=key, settings=recipe.model_dump()))
    first = Devices().first
    checkpoints = out / CHECKPOINTS
    tuning = tune(
        model,
        examples,
        recipe,
        seed=seed,
        progress=track(out / STEPS, *shows) if first else progress,
        checkpoints=checkpoints,
    )
    if first:  # on disk before it is scored, which may take longer than the tuning did
        save_adapter(model, out / ADAPTER, {"run": key, "tuning": asdict(tuning)})
        shutil.rmtree(checkpoints, ignore_errors=True)
    return tuning


def _finished(model: Tunable, folder: Path, key: str) -> Tuning | None:
    """Load the adapter that this very run has finished; None if there is none.

    A damaged one is renamed with a warning, to be tuned again.
    """
    if not folder.is_dir():
        return None
    try:
        known = read_about(folder)
        if known.get("run") != key:
            return None
        model.load_adapter(folder)
        return Tuning(**known["tuning"])
    except (ModelError, OSError, KeyError, TypeError) as error:
        remove_adapter(model)
        if Devices().first:
            aside = set_aside(folder)
            logger.warning("%s; it is set aside as %s, and tuned again", error, aside.name)
        return None
