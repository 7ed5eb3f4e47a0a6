"""What an ablation takes: tokens, time, memory and disk, before anything starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bioinstruct.bench.ablation.arms import Arm
from bioinstruct.bench.ablation.study import Study
from bioinstruct.bench.evaluation.estimate import ScoringPlan, plan_scoring
from bioinstruct.bench.training.estimate import Plan, duration, make_plan
from bioinstruct.bench.training.lora import remove_adapter
from bioinstruct.bench.training.trainer import encode_examples
from bioinstruct.tables import aligned

__all__ = ["ArmCost", "Cost", "cost_of"]

_MOMENTS = 3  # a checkpoint holds the adapter and two moments; two checkpoints are kept
FLOAT = 4  # bytes


@dataclass(frozen=True, slots=True)
class ArmCost:
    """The tuning of one arm, with all its seeds."""

    name: str
    sizes: tuple[str, ...]
    records: int
    """Records that fit and are tuned on."""
    steps: int
    tokens: int
    """Tokens of all epochs and seeds, without padding."""
    seconds: float
    done: bool


@dataclass(frozen=True, slots=True)
class Cost:
    """The estimate of an ablation in one process; what is done already is not counted."""

    arms: Sequence[ArmCost]
    tuning: Plan
    """Of all records, from which the speed is known."""
    scoring: ScoringPlan
    """Of one model."""
    scored: int
    """Models that are still to be scored: the base, and each arm with each seed."""
    disk: int
    """Bytes of adapters, answers and the largest checkpoints."""

    @property
    def tokens(self) -> int:
        """Tokens to tune on."""
        return sum(arm.tokens for arm in self.arms if not arm.done)

    @property
    def seconds(self) -> float:
        """Time of tuning and scoring in one process."""
        tuning = sum(arm.seconds for arm in self.arms if not arm.done)
        return tuning + self.scored * self.scoring.seconds

    def lines(self) -> list[str]:
        """Return the lines for a terminal."""
        table = [["arm", "size", "records", "steps", "tokens", "tuning"]]
        for arm in self.arms:
            time = "done" if arm.done else duration(arm.seconds)
            counts = [f"{count:,}" for count in (arm.records, arm.steps, arm.tokens)]
            table.append([arm.name, " = ".join(arm.sizes), *counts, time])
        scoring = self.scoring
        about = f"{self.scored:,} times {scoring.questions:,} questions"
        total = duration(self.seconds)
        lines = [
            *aligned(table),
            "",
            f"tuning    {self.tokens:,} tokens",
            f"scoring   {about}, {self.scored * scoring.tokens:,} tokens of prompts, "
            f"{duration(scoring.seconds)} each",
            f"memory    {self.tuning.memory / 2**20:,.0f} MiB in each process",
            f"disk      {self.disk / 2**20:,.0f} MiB",
            f"time      {total} in one process; others may share the folder",
        ]
        return lines


def cost_of(study: Study) -> Cost:
    """Try a few micro-batches and a few questions, and add up what is left to do.

    The model has no adapter afterwards.

    Raises:
        BioinstructError: there is nothing to train on, or not even one micro-batch fits.
    """
    model, training = study.model, study.training
    remove_adapter(model)
    scoring = plan_scoring(model, study.evaluations)
    plan = make_plan(model, training.examples, training.recipe, seed=study.design.seed)
    remove_adapter(model)
    rows, _ = encode_examples(model, training.examples, training.recipe)
    lengths = {row.name: len(row) for row in rows}
    speed = plan.tokens / plan.seconds
    arms = [_arm(study, arm, lengths, speed) for arm in study.arms]
    left = sum(not arm.done for arm in arms) * study.design.repeats
    adapter = FLOAT * plan.trained_parameters
    answers = scoring.answer_bytes * (left + sum(not arm.done for arm in arms))
    base_left = not study.base_done()
    disk = left * adapter + answers + base_left * scoring.answer_bytes
    disk += 2 * _MOMENTS * adapter if left else 0
    return Cost(arms, plan, scoring, left + base_left, disk)


def _arm(study: Study, arm: Arm, lengths: dict[str, int], speed: float) -> ArmCost:
    recipe, repeats = study.training.recipe, study.design.repeats
    fitting = [lengths[example.id] for example in arm.examples if example.id in lengths]
    tokens = sum(fitting) * recipe.epochs * repeats
    steps = recipe.epochs * math.ceil(len(fitting) / recipe.batch_size) * repeats
    return ArmCost(
        name=arm.name,
        sizes=arm.sizes,
        records=len(fitting),
        steps=steps,
        tokens=tokens,
        seconds=tokens / speed,
        done=study.done(arm),
    )
