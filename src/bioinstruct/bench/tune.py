"""LoRA tuning: one loop in which the optimizer step, not the micro-batch, is the unit.

A seeded permutation is cut into optimizer batches; each is cut into micro-batches as the memory
likes. The summed loss is divided by the target tokens of the whole optimizer batch, so the gradient
does not depend on the cutting.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bioinstruct.bench.adapter import add_adapter
from bioinstruct.bench.answer_loss import AnswerLoss
from bioinstruct.bench.checkpoint import Checkpoints, run_key
from bioinstruct.bench.layout import BOUNDS, Row, micro_batches, optimizer_batches, packing
from bioinstruct.bench.model import CausalLM
from bioinstruct.bench.recipe import Recipe
from bioinstruct.errors import BioinstructError
from bioinstruct.schema import Instruction

__all__ = ["Progress", "Tuning", "encode_examples", "tune"]


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


@dataclass(slots=True)
class Tuning:
    """What a tuning run did."""

    examples: int = 0
    shortened: int = 0
    """Examples whose input was shortened to fit."""
    skipped: int = 0
    """Examples that did not fit even so: not trained on."""
    steps: int = 0
    tokens: int = 0
    target_tokens: int = 0
    trained_parameters: int = 0
    packed: bool = False
    """Examples were laid end to end; otherwise padded."""
    fused_loss: bool = False
    """The output head ran on answers only, in chunks; otherwise the model's own logits."""
    losses: list[float] = field(default_factory=list)
    """Mean loss in nats per target token, one per optimizer step."""


def encode_examples(
    model: CausalLM, examples: Sequence[Instruction], recipe: Recipe
) -> tuple[list[Row], Tuning]:
    """Token ids to train on: the prompt that scoring asks, the answer, and the end of sequence."""
    encoder = model.encoder
    limit = min(recipe.max_length, encoder.max_length)
    spare = encoder.max_length - limit
    rows, tuning = [], Tuning()
    for example in examples:
        completion = [*encoder.completion(example.output), encoder.eos_id]
        prompt = encoder.prompt(example, room=len(completion) + spare)
        if prompt is None:
            tuning.skipped += 1
            continue
        tuning.shortened += prompt.shortened
        rows.append(Row(prompt.ids, completion, example.id))
    tuning.examples = len(rows)
    return rows, tuning


def tune(
    model: CausalLM,
    examples: Sequence[Instruction],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda progress: None,
    checkpoints: Path | None = None,
    save_every: float = 60,
) -> Tuning:
    """Give the model a LoRA adapter trained on the examples; `model.base()` still is the base.

    With a folder for checkpoints the state is written there every `save_every` seconds, and a run
    that was stopped goes on from the last; in float32 on a CPU the adapter is the same to the bit.

    Raises:
        BioinstructError: there is nothing to train on, the loss is no number, or memory ran out.
    """
    rows, tuning = encode_examples(model, examples, recipe)
    if not rows:
        raise BioinstructError(
            f"nothing to tune on: {len(examples)} examples, {tuning.skipped} of them too long",
            hint="raise max_length in the recipe, or give other data with --data",
        )
    kept = Checkpoints(checkpoints, run_key(model, examples, recipe, seed)) if checkpoints else None
    torch.manual_seed(seed)
    finish = add_adapter(model, recipe)
    run = _Run(model, recipe, rows, tuning)
    before = run.resume(kept) if kept else 0
    model.model.train()
    saved = time.monotonic()
    with _packing(model, recipe, rows) as tuning.packed, _out_of_memory(model):
        started = time.perf_counter()
        tokens, targets = tuning.tokens, tuning.target_tokens
        for batch in optimizer_batches(
            rows, batch_size=recipe.batch_size, epochs=recipe.epochs, seed=seed, skip=before
        ):
            run.step(batch)
            seconds = time.perf_counter() - started
            progress(
                Progress(
                    tuning.steps,
                    run.steps,
                    tuning.losses[-1],
                    (tuning.tokens - tokens) / seconds,
                    (tuning.target_tokens - targets) / seconds,
                    seconds / (tuning.steps - before) * (run.steps - tuning.steps),
                )
            )
            if kept and time.monotonic() - saved >= save_every and tuning.steps < run.steps:
                kept.save(tuning.steps, run.named, run.optimizer, tuning)
                saved = time.monotonic()
    model.model.zero_grad(set_to_none=True)
    if recipe.gradient_checkpointing:
        _checkpoint_activations(model, on=False)
    finish()
    model.adapted(model.model)
    return tuning


class _Run:
    """What changes from step to step."""

    def __init__(self, model: CausalLM, recipe: Recipe, rows: list[Row], tuning: Tuning) -> None:
        self.named = {n: p for n, p in model.model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.named.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.steps = recipe.epochs * math.ceil(len(rows) / recipe.batch_size)
        self._model = model
        self._recipe = recipe
        self._tuning = tuning
        self._loss = AnswerLoss(model)
        self._low = _in_bfloat16(model.device, recipe)
        tuning.trained_parameters = sum(p.numel() for p in self.named.values())
        tuning.fused_loss = self._loss.fused
        if recipe.gradient_checkpointing:
            _checkpoint_activations(model, on=True)

    def resume(self, kept: Checkpoints) -> int:
        """Go back to the last checkpoint; how many steps it had done."""
        record = kept.load(self.named, self.optimizer)
        for name, value in (record or {}).items():
            setattr(self._tuning, name, value)
        return self._tuning.steps

    def step(self, batch: list[Row]) -> None:
        """One optimizer step."""
        tuning, recipe = self._tuning, self._recipe
        factor = _rate_factor(tuning.steps, self.steps, recipe)
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        loss = self.accumulate(batch)
        norm = float(torch.nn.utils.clip_grad_norm_(self.named.values(), recipe.max_gradient_norm))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise self._not_finite(batch, loss)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        tuning.steps += 1
        tuning.losses.append(loss)
        tuning.tokens += sum(map(len, batch))
        tuning.target_tokens += sum(len(row.completion) for row in batch)

    def accumulate(self, batch: Sequence[Row]) -> float:
        """Add the gradient of the batch's mean loss per target token; return that loss in nats."""
        targets = sum(len(row.completion) for row in batch)
        total = 0.0
        for part in micro_batches(self._model, batch, packed=self._tuning.packed):
            with BOUNDS.of(part.bounds):
                with torch.autocast(self._model.device.type, torch.bfloat16, enabled=self._low):
                    loss = self._loss(part.ids, part.place, part.position_ids) / targets
                loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _not_finite(self, batch: list[Row], loss: float) -> BioinstructError:
        """Name the examples whose loss, each alone, is no number."""
        self._tuning.packed = False
        with torch.no_grad():
            bad = [row.name for row in batch if not math.isfinite(self._alone(row))]
        step = self._tuning.steps + 1
        found = (
            f"the loss of step {step} is {loss}"
            if not math.isfinite(loss)
            else (f"the gradient of step {step} is not finite")
        )
        about = f": example {', '.join(bad[:5])}" if bad else ", though each example's alone is"
        return BioinstructError(
            found + about,
            hint="look at these examples, lower learning_rate, or try precision float32",
        )

    def _alone(self, row: Row) -> float:
        [part] = micro_batches(self._model, [row], packed=False)
        return float(self._loss(part.ids, part.place))


def _checkpoint_activations(model: CausalLM, *, on: bool) -> None:
    verb = "enable" if on else "disable"
    names = (
        f"{kind}_checkpointing_{verb}" for kind in ("activation", "gradient")
    )  # new and old name
    next(getattr(model.bare, name) for name in names if hasattr(model.bare, name))()


@contextlib.contextmanager
def _packing(model: CausalLM, recipe: Recipe, rows: Sequence[Row]) -> Iterator[bool]:
    """Lay examples end to end within this block, if the recipe allows and the model can.

    Raises:
        BioinstructError: the recipe asks for packing and the model cannot.
    """
    if recipe.layout == "padded":
        yield False
        return
    with packing(model, longest=max(map(len, rows))) as can:
        if recipe.layout == "packed" and not can:
            raise BioinstructError(
                f"{model.name} cannot be trained on packed rows: its examples would see each other",
                hint="set layout to auto or padded in the recipe",
            )
        yield can


@contextlib.contextmanager
def _out_of_memory(model: CausalLM) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise BioinstructError(
            f"the device has not enough memory for micro-batches of {model.token_budget:,} tokens",
            hint="set gradient_checkpointing = true in the recipe, or lower max_length",
        ) from error


def _in_bfloat16(device: torch.device, recipe: Recipe) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if device.type == "cpu":
        # Without the instructions for it a CPU only emulates bfloat16, slower than float32.
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def _rate_factor(step: int, steps: int, recipe: Recipe) -> float:
    """What the learning rate is multiplied by in the step, counted from 0."""
    rising = max(1, round(recipe.warmup * (1 if recipe.warmup >= 2 else steps)))
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0 - done if recipe.schedule == "linear" else 1.0
