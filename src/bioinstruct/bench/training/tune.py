"""LoRA tuning: one loop in which the optimizer step, not the micro-batch, is the unit.

A seeded permutation is cut into optimizer batches; each is cut into micro-batches as the memory
likes. The summed loss is divided by the target tokens of the whole optimizer batch, so the gradient
does not depend on the cutting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.training.batching import optimizer_batches
from bioinstruct.bench.training.checkpoint import Checkpoints, run_key
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Tuning, start
from bioinstruct.schema import Instruction

__all__ = ["Progress", "tune"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a tuning run is."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    target_tokens_per_second: float
    """Of the tokens that are learnt."""
    seconds_left: float


def tune(
    model: Tunable,
    examples: Sequence[Instruction],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda progress: None,
    checkpoints: Path | None = None,
    save_every: float = 60,
) -> Tuning:
    """Give the model a LoRA adapter trained on the examples; `adapter(on=False)` is still the base.

    With a folder for checkpoints the state is written there every `save_every` seconds, and a run
    that was stopped goes on from the last; in float32 on a CPU the adapter is the same to the bit.

    Raises:
        BioinstructError: there is nothing to train on, the loss is no number, or memory ran out.
    """
    key = run_key(model, examples, recipe, seed)
    kept = Checkpoints(checkpoints, key) if checkpoints else None
    with start(model, examples, recipe, seed=seed) as steps:
        tuning = steps.tuning
        before = steps.resume(kept) if kept else 0
        steps.devices.agree(int(key[:12], 16), "base, examples, recipe or seed")
        steps.devices.agree(before, "the step that they go on from")
        tokens, targets = tuning.tokens, tuning.target_tokens
        saved, started = time.monotonic(), time.perf_counter()
        batches = optimizer_batches(
            steps.rows, batch_size=recipe.batch_size, epochs=recipe.epochs, seed=seed, skip=before
        )
        for batch in batches:
            steps.step(batch)
            seconds = time.perf_counter() - started
            progress(
                Progress(
                    tuning.steps,
                    steps.count,
                    tuning.losses[-1],
                    (tuning.tokens - tokens) / seconds,
                    (tuning.target_tokens - targets) / seconds,
                    seconds / (tuning.steps - before) * (steps.count - tuning.steps),
                )
            )
            due = time.monotonic() - saved >= save_every and tuning.steps < steps.count
            if kept and due and steps.devices.first:
                kept.save(tuning.steps, steps.named, steps.optimizer, tuning)
                saved = time.monotonic()
    return tuning
