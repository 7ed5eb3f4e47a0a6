"""Log the steps of a tuning run to a file, and to a tracker if one was chosen."""

from __future__ import annotations

import contextlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bioinstruct.bench.training.trainer import Progress
from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.files import atomic_file
from bioinstruct.json_text import loads

__all__ = ["TRACKERS", "check_tracker", "track", "tracker"]

TRACKERS = {"tensorboard": "pip install 'bioinstruct[track]'", "wandb": "pip install wandb"}
"""Trackers that can also receive the steps, and how to install them."""

Show = Callable[[Progress], None]


def track(path: Path, *shows: Show) -> Show:
    """Return a callback that appends each step to a file of JSON lines and shows it.

    A run resumed from a checkpoint appends to the file; lines of steps that are repeated are
    left out.
    """
    begun = False

    def log(now: Progress) -> None:
        nonlocal begun
        if not begun:
            kept = _before(path, now.step)
            with atomic_file(path) as whole:
                whole.write(b"".join(line + b"\n" for line in kept))
            begun = True
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(now)) + "\n")
        for show in shows:
            show(now)

    return log


def check_tracker(name: str) -> None:
    """Check that the package of a tracker is installed, before anything that takes long.

    Raises:
        MissingError: it is not.
    """
    if importlib.util.find_spec(name) is None:
        raise MissingError(f"--track {name} needs the package {name}", hint=TRACKERS[name])


def tracker(name: str, folder: Path, *, run: str, settings: Mapping[str, Any]) -> Show:
    """Return a callback that sends each step to a tracker, through accelerate.

    Args:
        name: one of `TRACKERS`.
        folder: where TensorBoard's event files and W&B's folder are written.
        run: the name of the run in W&B; a resumed run keeps it.
        settings: what W&B shows as the configuration.

    Raises:
        MissingError: the package is not installed.
    """
    check_tracker(name)
    opened: list[Any] = []

    def log(now: Progress) -> None:
        if not opened:
            opened.append(_open(name, folder, run, settings, now.step))
        values = {f"tuning/{key}": value for key, value in asdict(now).items()}
        step = values.pop("tuning/step")
        opened[0].log(values, step=step)
        if now.step == now.steps:
            opened[0].finish()

    return log


def _open(name: str, folder: Path, run: str, settings: Mapping[str, Any], step: int) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import TensorBoardTracker, WandBTracker

    PartialState()  # which accelerate's trackers ask whether they are in the first process
    if name == "tensorboard":
        # Of a run that was stopped, TensorBoard forgets the steps from this one on.
        tracker = TensorBoardTracker("tensorboard", folder, purge_step=step)
    else:
        options = {"id": run, "resume": "allow", "config": dict(settings)}
        tracker = WandBTracker("bioinstruct", dir=str(folder), **options)
    try:
        tracker.start()
    except Exception as error:  # wandb has errors of its own, and of its service
        raise BioinstructError(
            f"{name} cannot be opened: {str(error).strip().splitlines()[0]}",
            hint="run again without --track; for W&B offline, set WANDB_MODE=offline",
        ) from error
    return tracker


def _before(path: Path, step: int) -> list[bytes]:
    """Return the complete lines of the steps before this one."""
    if step == 1 or not path.is_file():
        return []
    kept = []
    for line in path.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError, KeyError, TypeError):  # cut short by a kill, or junk
            if loads(line)["step"] < step:
                kept.append(line)
    return kept
