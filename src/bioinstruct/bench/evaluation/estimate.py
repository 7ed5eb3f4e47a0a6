"""Estimate the tokens and the time of scoring, from a few questions of each task."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import score
from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.tasks.evaluation_set import Evaluation, sample
from bioinstruct.schema import Instruction

__all__ = ["ScoringPlan", "plan_scoring", "prompt_tokens"]

TRIALS = 6
"""Questions of each task that are asked to measure the speed."""


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """The estimate of scoring one model, such as the base."""

    questions: int
    tokens: int
    """Tokens of all prompts, without answers; from those of the questions that were asked."""
    seconds: float
    answer_bytes: int
    """Bytes of its answers on the disk."""


def plan_scoring(model: Tunable, evaluations: Sequence[Evaluation]) -> ScoringPlan:
    """Ask a few questions of each task, and extrapolate; the answers are not kept.

    The questions of a trial are the first of the sample that `limit` draws. Asked together with
    many others they would take less time, so the estimate is rather too high than too low.
    """
    questions = tokens = size = 0
    seconds = 0.0
    warm: set[bool] = set()
    with tempfile.TemporaryDirectory() as folder:
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
    return ScoringPlan(questions, tokens, seconds, size)


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
