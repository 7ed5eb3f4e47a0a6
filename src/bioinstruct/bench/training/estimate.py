"""Estimate parameters, tokens, memory and time of a tuning run before it starts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch

from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.fsdp import kept_bytes
from bioinstruct.bench.models.precision import free_memory
from bioinstruct.bench.training.batching import MicroBatch, micro_batches, optimizer_batches
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Steps, smaller, start
from bioinstruct.schema import Instruction

__all__ = ["Plan", "duration", "make_plan"]

PROBES = 10
FLOAT = 4  # bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """The estimate of a tuning run."""

    examples: int
    shortened: int
    skipped: int
    steps: int
    parameters: int
    """Parameters of the base model."""
    trained_parameters: int
    tokens: int
    """Tokens of all epochs, without padding."""
    target_tokens: int
    packed: bool
    fill: float
    """Share of the places in the micro-batches of the first step that hold a token."""
    memory: int
    """Bytes of weights, adapter with its gradients and moments, and the largest micro-batch."""
    available: int | None
    """Bytes that the device has free for them; None where that cannot be said."""
    micro_batch_tokens: int
    """Tokens that are computed at one time."""
    seconds: float
    """From the speed of a few micro-batches, the largest first, shared out over all processes."""

    @property
    def fits(self) -> bool | None:
        """True if the memory suffices; None if that is unknown."""
        return None if self.available is None else self.memory <= self.available

    def lines(self, repeats: int = 1) -> list[str]:
        """Return the lines for a terminal; `repeats` tunings take so many times the time."""
        mib = self.memory / 2**20
        where = "" if self.available is None else f" of {self.available / 2**20:,.0f} MiB free"
        verdict = {True: ": fits", False: ": DOES NOT FIT", None: ""}[self.fits]
        lines = [
            f"examples    {self.examples:,} ({self.shortened:,} shortened, "
            f"{self.skipped:,} do not fit)",
            f"steps       {self.steps:,}",
            f"tokens      {self.tokens:,}, of which {self.target_tokens:,} are learnt",
            f"layout      {'packed' if self.packed else 'padded'}, {self.fill:.1%} of it tokens",
            f"parameters  {self.trained_parameters:,} trained of {self.parameters:,}",
            f"memory      {mib:,.0f} MiB{where}{verdict}",
            f"time        {duration(self.seconds)}",
        ]
        if repeats > 1:
            lines.append(f"repeats     {repeats} tunings: {duration(repeats * self.seconds)}")
        if self.fits is False:
            lines.append(f"to lower    {smaller(self.micro_batch_tokens)} in the recipe")
        return lines


def duration(seconds: float) -> str:
    """Return a time in minutes, or in hours from two hours on."""
    hours = seconds / 3600
    return f"{seconds / 60:,.1f} minutes" if hours < 2 else f"{hours:,.1f} hours"


def make_plan(
    model: Tunable, examples: Sequence[Instruction], recipe: Recipe, *, seed: int = 0
) -> Plan:
    """Try a few micro-batches, largest first; the model has an untrained adapter afterwards.

    Raises:
        BioinstructError: there is nothing to train on, or not even one micro-batch fits.
    """
    with start(model, examples, recipe, seed=seed) as run:
        tuning, rows = run.tuning, run.rows
        first = next(optimizer_batches(rows, batch_size=recipe.batch_size, epochs=1, seed=seed))
        parts = list(micro_batches(model, first, packed=tuning.packed, budget=run.budget))
        largest = max(parts, key=lambda part: part.ids.numel())
        peak = _peak_bytes(run, largest)
        places = sum(part.ids.numel() for part in parts)
        tokens = sum(len(row) - 1 for row in first)
        begun = time.perf_counter()
        done = 0
        for part in parts[:PROBES]:
            run.add_gradient(part, 1)
            done += sum(len(row) for row in part.rows)
        speed = done / (time.perf_counter() - begun)
        run.optimizer.zero_grad(set_to_none=True)
    total = sum(map(len, rows)) * recipe.epochs
    free = free_memory(model.device)
    return Plan(
        examples=tuning.examples,
        shortened=tuning.shortened,
        skipped=tuning.skipped,
        steps=run.count,
        parameters=sum(p.numel() for p in model.bare.parameters()) - tuning.trained_parameters,
        trained_parameters=tuning.trained_parameters,
        tokens=total,
        target_tokens=sum(len(row.completion) for row in rows) * recipe.epochs,
        packed=tuning.packed,
        fill=tokens / places,
        memory=_weights(model) + 2 * FLOAT * tuning.trained_parameters + peak,
        available=None if free is None else free + _weights(model),
        micro_batch_tokens=run.budget,
        seconds=total / speed / run.devices.count,
    )


def _weights(model: Tunable) -> int:
    tensors = {id(t): t for t in (*model.bare.parameters(), *model.bare.buffers())}
    return sum(map(kept_bytes, tensors.values()))


def _peak_bytes(steps: Steps, part: MicroBatch) -> int:
    """Return the peak memory of a micro-batch in bytes, forward and backward, with gradients."""
    if steps.model.device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        steps.add_gradient(part, 1)
        return int(torch.cuda.max_memory_allocated()) - before
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        steps.add_gradient(part, 1)
    results: Any = seen.profiler.kineto_results.events()
    events = sorted((e.start_ns(), e.nbytes()) for e in results if e.name() == "[memory]")
    return int(max(accumulate((size for _, size in events), initial=0)))
