"""Estimate the tokens and the time of a run: of scoring, from a few questions of each task."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import score
from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.fsdp import kept_bytes
from bioinstruct.bench.tasks.evaluation_set import Evaluation, sample
from bioinstruct.bench.training.estimate import Plan, duration, make_plan
from bioinstruct.bench.training.lora import remove_adapter
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.schema import Instruction

__all__ = [
    "HOUR",
    "RunPlan",
    "ScoringPlan",
    "is_quick",
    "plan_run",
    "plan_scoring",
    "prompt_tokens",
]

HOUR = 3600  # seconds
TRIALS = 6
"""Questions of each task that are asked to measure the speed."""
_QUICK = 6e12
"""Floating-point operations below which a run is not tried out: 10 minutes of a slow processor."""
_CHARACTERS = 4
"""Characters of a token, for the decision whether a run is quick."""


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """The estimate of scoring one model, such as the base."""

    questions: int
    tokens: int
    """Tokens of all prompts, without answers; from those of the questions that were asked."""
    seconds: float
    answer_bytes: int
    """Bytes of its answers on the disk."""
    weights: int
    """Bytes of the weights of the base in this process."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The estimate of a whole run: tuning, with each seed, and scoring of each model."""

    scoring: ScoringPlan
    """Of one model."""
    models: int
    """Models that are scored: the base, and one with each adapter."""
    tuning: Plan | None = None
    repeats: int = 1
    """Tunings, each with a seed of its own."""

    @property
    def seconds(self) -> float:
        """Time of the whole run from the start."""
        tuning = self.repeats * self.tuning.seconds if self.tuning else 0.0
        return tuning + self.models * self.scoring.seconds

    def lines(self) -> list[str]:
        """Return the lines for a terminal."""
        scoring = self.scoring
        times = "once" if self.models == 1 else f"{self.models} times"
        weights = (
            [] if self.tuning else [f"memory      {scoring.weights / 2**20:,.0f} MiB of weights"]
        )
        return [
            *(self.tuning.lines(self.repeats) if self.tuning else weights),
            f"scoring     {scoring.questions:,} questions, {scoring.tokens:,} tokens of prompts: "
            f"{duration(scoring.seconds)}, {times}",
            f"in all      {duration(self.seconds)}",
            *self.warning(),
        ]

    def warning(self) -> list[str]:
        """Return a line for a run of more than an hour; none for another."""
        if self.seconds <= HOUR:
            return []
        return [
            f"THIS RUN TAKES MORE THAN AN HOUR: about {duration(self.seconds)} from the start. "
            "--limit scores fewer items, --set epochs=1 or less --data tunes less; a run that is "
            "stopped continues where it was"
        ]


def plan_run(
    model: Tunable,
    evaluations: Sequence[Evaluation],
    examples: Sequence[Instruction] = (),
    recipe: Recipe | None = None,
    *,
    repeats: int = 1,
    seed: int = 0,
) -> RunPlan:
    """Try a few questions of each task and a few micro-batches; the model has no adapter then.

    Args:
        model: the model, without an adapter.
        evaluations: what it is asked.
        examples: what it is tuned on.
        recipe: how; None for a run that scores the base only.
        repeats: tunings.
        seed: of the tuning.

    Raises:
        BioinstructError: there is nothing to train on, or not even one micro-batch fits.
    """
    scoring = plan_scoring(model, evaluations)
    if recipe is None:
        return RunPlan(scoring, 1)
    tuning = make_plan(model, examples, recipe, seed=seed)
    remove_adapter(model)
    return RunPlan(scoring, 1 + repeats, tuning, repeats)


def is_quick(
    model: Tunable,
    evaluations: Sequence[Evaluation],
    examples: Sequence[Instruction] = (),
    *,
    tunings: int = 0,
) -> bool:
    """Return whether a run certainly takes minutes only, by the operations that it needs.

    Args:
        model: the model.
        evaluations: what it is asked.
        examples: what it is tuned on.
        tunings: epochs of all tunings together; 0 for none.
    """
    parameters: int = sum(p.numel() for p in model.bare.parameters())
    learnt = sum(map(_size, examples)) / _CHARACTERS * tunings
    asked = 0.0
    for evaluation in evaluations:
        written = 0 if evaluation.closed else evaluation.task.max_new_tokens
        asked += sum(map(_size, evaluation.examples)) / _CHARACTERS
        asked += written * len(evaluation.examples)
    return 6 * parameters * learnt + 4 * parameters * asked < _QUICK


def _size(example: Instruction) -> int:
    return len(example.instruction) + len(example.input) + len(example.output)


def plan_scoring(model: Tunable, evaluations: Sequence[Evaluation]) -> ScoringPlan:
    """Ask a few questions of each task, and extrapolate; the answers are not kept.

    The questions of a trial are the first of the sample that `limit` draws. Asked together with
    many others they would take less time, so the estimate is rather too high than too low.
    """
    questions = tokens = size = 0
    seconds = 0.0
    warm: set[bool] = set()
    with tempfile.TemporaryDirectory() as folder, model.adapter(on=False):
        path = Path(folder) / "answers.jsonl"
        with Answers(path) as answers:
            for evaluation in evaluations:
                tried = sample(evaluation.examples, TRIALS + 1)
                count = len(evaluation.examples)
                if evaluation.closed not in warm and len(tried) > 1:  # the first one tries ways
                    score(model, _of(evaluation, tried[:1]), answers)
                    tried = tried[1:]
                    warm.add(evaluation.closed)
                written, begun = path.stat().st_size, time.perf_counter()
                score(model, _of(evaluation, tried), answers)
                share = count / len(tried)
                seconds += share * (time.perf_counter() - begun)
                size += round(share * (path.stat().st_size - written))
                tokens += round(share * sum(prompt_tokens(model, _of(evaluation, tried))))
                questions += count
    weights = sum(kept_bytes(parameter) for parameter in model.bare.parameters())
    return ScoringPlan(questions, tokens, seconds / Devices().count, size, weights)


def prompt_tokens(model: Tunable, evaluation: Evaluation) -> list[int]:
    """Return the tokens of each prompt; 0 for one that does not fit."""
    encoder = model.prompt_tokenizer
    front = encoder.front([evaluation.shown(shot) for shot in evaluation.shots])
    found = [
        encoder.prompt(evaluation.shown(example), room=1, front=front)
        for example in evaluation.examples
    ]
    return [len(prompt.ids) if prompt else 0 for prompt in found]


def _of(evaluation: Evaluation, examples: Sequence[Instruction]) -> Evaluation:
    return replace(evaluation, examples=tuple(examples), variants=())
