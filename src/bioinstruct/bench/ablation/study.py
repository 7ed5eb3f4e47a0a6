"""Tune and score the arms of an ablation in one folder; several processes may share the work.

    DIR/settings.json           what is compared; another ablation in the same folder is refused
    DIR/base/                   a run that scores the base, once
    DIR/arms/NAME/              a run of each arm, with the base's answers copied into it
    DIR/arms/NAME/ids.txt       the ids of its records
    DIR/arms/NAME/failed.json   why an arm has no result
    DIR/ablation.json           the result

Each arm has a lock, which ends with its process. An arm that was begun by a process that was killed
is continued by the next process that takes it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bioinstruct.bench.ablation.arms import ALL, Arm, Design, part_of
from bioinstruct.bench.ablation.matrix import Ablation, gathered
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.experiment import ANSWERS, Training, Watch, check_out, run
from bioinstruct.bench.models.base import Tunable, check_model
from bioinstruct.bench.models.fingerprint import key
from bioinstruct.bench.report.folder import REPORT
from bioinstruct.bench.tasks.evaluation_set import Evaluation, Unavailable
from bioinstruct.bench.training.lora import remove_adapter
from bioinstruct.bench.training.trainer import check_tuning
from bioinstruct.errors import BioinstructError, ModelError, TuningError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads

__all__ = ["ABLATION", "Follow", "Study"]

ABLATION, SETTINGS, FAILED, IDS = "ablation.json", "settings.json", "failed.json", "ids.txt"
BASE, ARMS = "base", "arms"
_MEMORY = {"gradient_checkpointing", "micro_batch_tokens"}
"""Settings of a recipe that change no result."""
_WAIT = 1.0  # seconds between looks at what other processes do

logger = logging.getLogger("bioinstruct")


@dataclass(frozen=True, slots=True)
class Follow:
    """Callbacks that follow the progress of an ablation."""

    arm: Callable[[str, int, int], None] = lambda name, number, of: None
    """`base` or the name of an arm that begins, its number from 0, the number of arms."""
    waiting: Callable[[int], None] = lambda arms: None
    """Called when other processes have all arms that are left."""
    watch: Watch = field(default_factory=Watch)
    """Of the run of each arm."""


@dataclass(frozen=True)
class Study:
    """An ablation: a model, what it is asked, and the arms it is tuned on."""

    model: Tunable
    evaluations: Sequence[Evaluation]
    training: Training
    """All records, of which the arms are parts."""
    arms: Sequence[Arm]
    """From `make_arms`, of the records and the design."""
    design: Design
    out: Path
    unavailable: Sequence[Unavailable] = ()

    def run(self, follow: Follow | None = None) -> Ablation:
        """Score the base, tune and score each arm, and return and write the result.

        What is done already is not done again. Where other processes have all that is left, this
        one waits for them, and takes over the arms of one that ends.

        Raises:
            ModelError: the model cannot be tuned.
            BioinstructError: `out` cannot be used or holds another ablation, or the recipe is not
                one for this model.
        """
        follow = follow or Follow()
        check_model(self.model, Tunable)
        remove_adapter(self.model)
        check_tuning(self.model, self.training.examples, self.training.recipe)
        self._claim()
        self._score_base(follow)
        left = [*self.arms]
        while left:
            took = False
            for arm in [*left]:
                with self._taken(arm) as free:
                    if free:
                        self._finish(arm, follow)
                        left.remove(arm)
                        took = True
            if not took:
                follow.waiting(len(left))
                time.sleep(_WAIT)
        found = self.result()
        write_text(self.out / ABLATION, found.as_json())
        return found

    def result(self) -> Ablation:
        """Return the result of the arms, all of which are done."""
        about = {name: value for name, value in self._settings.items() if name != "key"}
        about["repeats"] = self.design.repeats
        arms = [
            (arm, f"{ARMS}/{arm.folder}", "" if self._scored(arm) else self._failed(arm))
            for arm in self.arms
        ]
        return gathered(about, self.evaluations, self.out, arms, seed=self.design.seed)

    def folder(self, arm: Arm) -> Path:
        """Return the folder of an arm's run."""
        return self.out / ARMS / arm.folder

    def done(self, arm: Arm) -> bool:
        """Return whether an arm has its result, or failed with the same settings."""
        known = _read(self.folder(arm) / SETTINGS).get("key") == self._key(arm)
        return known and (self._scored(arm) or bool(self._failed(arm)))

    def base_done(self) -> bool:
        """Return whether the base has been scored."""
        known = _read(self.out / BASE / SETTINGS).get("key") == self._settings["key"]
        return known and (self.out / BASE / REPORT).is_file()

    def _scored(self, arm: Arm) -> bool:
        return (self.folder(arm) / REPORT).is_file()

    def _claim(self) -> None:
        """Write the settings, or refuse a folder that holds something else."""
        check_out(self.out)
        mine = self._settings
        path = self.out / SETTINGS
        known = _read(path)
        if known and known != mine:
            names = [n for n in dict.fromkeys([*known, *mine]) if known.get(n) != mine.get(n)]
            if "by" not in known:
                raise BioinstructError(
                    f"{self.out} holds a run, not an ablation", hint="name another --out"
                )
            raise BioinstructError(
                f"{self.out} holds an ablation with another {', '.join(names)}",
                hint="name another --out",
            )
        if not known:
            write_text(path, _json(mine))

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """Return what must be the same for two commands that share a folder."""
        recipe = self.training.recipe.model_dump(mode="json", exclude=_MEMORY)
        asked = {_place(e): key(*_items(e)) for e in self.evaluations}
        settings: dict[str, Any] = {
            "by": self.design.by,
            "model": self.model.name,
            "fingerprint": self.model.base_fingerprint,
            "style": self.model.style.value,
            "precision": self.model.parts["precision"],
            "seed": self.design.seed,
            "data": self.training.data.digest,
            "source": self.training.source,
            "contamination": self.training.contamination,
            "tasks": asked,
            "recipe": recipe,
        }
        return settings | {"key": key(*settings.values())}

    def _key(self, arm: Arm) -> str:
        return key(self._settings["key"], arm.digest, self.design.repeats)

    def _score_base(self, follow: Follow) -> None:
        folder = self.out / BASE
        with _lock(self.out / f"{BASE}.lock") as lock:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                follow.waiting(len(self.arms))
                lock.acquire()
            if self.base_done():
                return
            follow.arm(BASE, 0, len(self.arms))
            run(
                self.model,
                self.evaluations,
                folder,
                unavailable=self.unavailable,
                seed=self.design.seed,
                watch=follow.watch,
            )
            write_text(folder / SETTINGS, _json(self._settings))

    @contextmanager
    def _taken(self, arm: Arm) -> Iterator[bool]:
        """Hold the lock of an arm; False if another process has it."""
        with _lock(self.out / ARMS / f"{arm.folder}.lock") as lock:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                yield False
                return
            yield True

    def _finish(self, arm: Arm, follow: Follow) -> None:
        """Tune and score an arm, unless that is done; an arm that fails has its reason instead."""
        if self.done(arm):
            return
        folder = self.folder(arm)
        follow.arm(arm.name, self.arms.index(arm), len(self.arms))
        for old in (FAILED, REPORT):
            (folder / old).unlink(missing_ok=True)
        write_text(folder / IDS, "".join(f"{example.id}\n" for example in arm.examples))
        write_text(folder / SETTINGS, _json(self._about(arm)))
        with Answers(folder / ANSWERS) as answers:
            answers.load(self.out / BASE / ANSWERS, merge=True)
        remove_adapter(self.model)
        try:
            run(
                self.model,
                self.evaluations,
                folder,
                unavailable=self.unavailable,
                training=self._training(arm),
                seed=self.design.seed,
                watch=follow.watch,
            )
        except (TuningError, ModelError) as error:
            logger.warning("arm %s: %s", arm.name, error)
            failed = {"reason": str(error), "hint": error.hint, "recipe": self._whole_recipe()}
            write_text(folder / FAILED, _json(failed))
        finally:
            remove_adapter(self.model)

    def _about(self, arm: Arm) -> dict[str, Any]:
        return {
            "arm": arm.name,
            "parts": arm.parts,
            "sizes": arm.sizes,
            "records": len(arm.examples),
            "digest": arm.digest,
            "key": self._key(arm),
        }

    def _training(self, arm: Arm) -> Training:
        """Return the records of an arm, with the rejected ones of its parts."""
        parts = set(arm.parts)
        overlapping = [
            one
            for one in self.training.contaminated
            if ALL in parts or (one.record and part_of(self.design.by, one.record) in parts)
        ]
        source = f"{self.training.source}; arm {arm.name}, {' and '.join(arm.sizes)} size"
        return replace(
            self.training,
            examples=[*arm.examples],
            contaminated=overlapping,
            source=source,
            repeats=self.design.repeats,
        )

    def _whole_recipe(self) -> dict[str, Any]:
        return self.training.recipe.model_dump(mode="json")

    def _failed(self, arm: Arm) -> str:
        """Return why an arm failed with this very recipe; with other memory it is tried again."""
        known = _read(self.folder(arm) / FAILED)
        return str(known.get("reason", "")) if known.get("recipe") == self._whole_recipe() else ""


def _place(evaluation: Evaluation) -> str:
    return f"{evaluation.name}, {evaluation.split}, {evaluation.read_by}"


def _items(evaluation: Evaluation) -> list[object]:
    asked = [example.id for example in evaluation.examples]
    shown = [shot.id for shot in evaluation.shots]
    metrics = [f"{metric.name}: {metric.spec}" for metric in evaluation.task.metrics]
    return [asked, shown, metrics, [[v.item, v.order, v.wording] for v in evaluation.variants]]


@contextmanager
def _lock(path: Path) -> Iterator[FileLock]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        yield lock
    finally:
        lock.release(force=True)


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _read(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is none that can be read."""
    try:
        found = loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
