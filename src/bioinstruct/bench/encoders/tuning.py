"""The loop that fine-tunes an encoder, with checkpoints from which a stopped run continues."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import torch

from bioinstruct.bench.training.batching import similar
from bioinstruct.bench.training.checkpoint import Checkpoints
from bioinstruct.errors import ModelError
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.bench.encoders.model import Encoder, EncoderRecipe, Window

__all__ = ["Progress", "fine_tune"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a fine-tuning run."""

    step: int
    steps: int
    loss: float


@dataclass(slots=True)
class _Done:
    losses: list[float] = field(default_factory=list)


def fine_tune(
    encoder: Encoder,
    training: Sequence[Instruction],
    *,
    seed: int,
    progress: Callable[[Progress], None],
    checkpoints: Checkpoints | None = None,
    save_every: float = 60,
) -> list[float]:
    """Fine-tune on the examples and return the mean loss of each step, in nats per label.

    With checkpoints the state is written every `save_every` seconds, and a run that was stopped
    resumes from the last; on a CPU the weights are bit-identical.

    Raises:
        ModelError: the loss is not finite.
    """
    recipe, model = encoder.recipe, encoder.model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    windows = encoder.windows(training, learn=True)
    steps = recipe.epochs * math.ceil(len(windows) / recipe.batch_size)
    rising = max(1, round(steps * recipe.warmup))
    named = dict(model.named_parameters())
    done = _Done()
    if checkpoints is not None:
        checkpoints.load(named, optimizer, done)
    losses, saved = done.losses, time.monotonic()
    for batch in islice(_shuffled(windows, recipe, seed), len(losses), None):
        s = len(losses)
        for group in optimizer.param_groups:
            factor = min((s + 1) / rising, (steps - s) / max(1, steps - rising))
            group["lr"] = recipe.learning_rate * factor
        losses.append(_add_gradient(encoder, batch))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not math.isfinite(losses[-1]):
            found = f"the loss of step {len(losses)} is {losses[-1]}"
            raise ModelError(found, hint="lower learning_rate")
        progress(Progress(len(losses), steps, losses[-1]))
        if checkpoints is not None and time.monotonic() - saved >= save_every and s + 1 < steps:
            checkpoints.save(len(losses), named, optimizer, done)
            saved = time.monotonic()
    return losses


def _shuffled(windows: list[Window], recipe: EncoderRecipe, seed: int) -> Iterator[list[Window]]:
    order = list(windows)
    chance = random.Random(seed)
    for _ in range(recipe.epochs):
        chance.shuffle(order)
        for start in range(0, len(order), recipe.batch_size):
            yield order[start : start + recipe.batch_size]


def _add_gradient(encoder: Encoder, batch: Sequence[Window]) -> float:
    """Add the gradient of a batch's mean loss per label, in parts of like length; the loss."""
    parts = [*similar(batch, encoder.budget)]
    wanted = [encoder.labels(part) for part in parts]
    counts = [int((labels != -100).sum()) for labels in wanted]
    total = 0.0
    for part, labels, count in zip(parts, wanted, counts, strict=True):
        if count:
            loss = encoder.loss(encoder.logits(part), labels) * (count / sum(counts))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
    return total
