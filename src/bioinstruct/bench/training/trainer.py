"""Tune a LoRA adapter in one loop whose unit is the optimizer step, not the micro-batch.

A seeded permutation is cut into optimizer batches, and each of these into micro-batches that fit
the memory. The summed loss is divided by the target tokens of the whole optimizer batch, so the
gradient does not depend on how the batch was cut.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.capabilities import is_out_of_memory
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.precision import computes_fast
from bioinstruct.bench.training.batching import (
    PACKED_ROW,
    MicroBatch,
    TrainingExample,
    fallback_reason,
    micro_batches,
    optimizer_batches,
    packing,
)
from bioinstruct.bench.training.checkpoint import Checkpoints, run_key
from bioinstruct.bench.training.lora import add_adapter, check_adapter, remove_adapter
from bioinstruct.bench.training.loss import AnswerLoss
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.errors import BioinstructError, TuningError
from bioinstruct.schema import Instruction

__all__ = [
    "Progress",
    "Steps",
    "Tuning",
    "check_tuning",
    "encode_examples",
    "smaller",
    "start",
    "tune",
]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a tuning run."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    target_tokens_per_second: float
    """Rate of the tokens that the loss covers."""
    seconds_left: float


@dataclass(slots=True)
class Tuning:
    """The summary of a tuning run."""

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
    that was stopped resumes from the last; in float32 on a CPU the adapter is bit-identical.

    Raises:
        TuningError: there is nothing to train on, the loss is not finite, or memory ran out.
        BioinstructError: the recipe is not one for this model.
    """
    key = run_key(model, examples, recipe, seed)
    kept = Checkpoints(checkpoints, key) if checkpoints else None
    with start(model, examples, recipe, seed=seed) as steps:
        tuning = steps.tuning
        before = steps.resume(kept) if kept else 0
        steps.devices.assert_same(int(key[:12], 16), "base, examples, recipe or seed")
        steps.devices.assert_same(before, "the step to resume from")
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


def encode_examples(
    model: Tunable, examples: Sequence[Instruction], recipe: Recipe
) -> tuple[list[TrainingExample], Tuning]:
    """Return token ids to train on: the prompt of scoring, the answer, the end of sequence."""
    rows, tuning = [], Tuning()
    for example in examples:
        encoded = _encoded(model, example, recipe)
        if encoded is None:
            tuning.skipped += 1
            continue
        rows.append(encoded[0])
        tuning.shortened += encoded[1]
    tuning.examples = len(rows)
    return rows, tuning


def _encoded(
    model: Tunable, example: Instruction, recipe: Recipe
) -> tuple[TrainingExample, bool] | None:
    """Return an example and whether its input was shortened; None if it does not fit."""
    encoder = model.prompt_tokenizer
    spare = encoder.max_length - min(recipe.max_length, encoder.max_length)
    asked = encoder.with_answers(example, [example.output], room=1 + spare)
    if asked is None:
        return None
    completion = [*asked.answers[0], encoder.end_id]
    return TrainingExample(list(asked.prompt), completion, example.id), asked.shortened


def check_tuning(model: Tunable, examples: Sequence[Instruction], recipe: Recipe) -> None:
    """Check that a run can start, before anything that takes long; change nothing.

    Raises:
        BioinstructError: no example fits, or the recipe is not one for this model.
    """
    check_adapter(model, recipe)
    if not any(_encoded(model, example, recipe) for example in examples):
        raise _nothing_fits(len(examples))


def _nothing_fits(examples: int) -> TuningError:
    return TuningError(
        f"nothing to tune on: {examples:,} examples, {examples:,} of them too long",
        hint="raise max_length in the recipe, or give other data with --data",
    )


@contextlib.contextmanager
def start(
    model: Tunable, examples: Sequence[Instruction], recipe: Recipe, *, seed: int
) -> Iterator[Steps]:
    """Give the model a fresh adapter and lay out the examples; when the block ends it answers.

    If the block fails, the model is its base again, to the bit, without an adapter.

    Raises:
        TuningError: there is nothing to train on, or memory runs out within the block.
        BioinstructError: the recipe asks for packing and the model cannot.
    """
    rows, tuning = encode_examples(model, examples, recipe)
    if not rows:
        raise _nothing_fits(len(examples))
    remove_adapter(model)
    torch.manual_seed(seed)
    finish = add_adapter(model, recipe)
    steps = Steps(model, recipe, rows, tuning, seed=seed)
    model.model.train()
    try:
        with _packing(model, recipe, rows) as tuning.packed, _out_of_memory(steps):
            yield steps
    except BaseException:
        _end(model, recipe, finish)
        remove_adapter(model)
        raise
    _end(model, recipe, finish)
    model.adapted(model.model)


def _end(model: Tunable, recipe: Recipe, finish: Callable[[], None]) -> None:
    """Take the gradients away, and what was changed in the base to train on it."""
    model.model.zero_grad(set_to_none=True)
    if recipe.gradient_checkpointing:
        _checkpoint_activations(model, on=False)
    finish()


class Steps:
    """The state of a run that changes from step to step."""

    def __init__(
        self,
        model: Tunable,
        recipe: Recipe,
        rows: list[TrainingExample],
        tuning: Tuning,
        *,
        seed: int = 0,
    ) -> None:
        self.named = {n: p for n, p in model.model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.named.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        self.count = recipe.epochs * math.ceil(len(rows) / recipe.batch_size)
        """Optimizer steps in all."""
        self.model = model
        self.rows = rows
        self.tuning = tuning
        self._recipe = recipe
        self.devices = Devices()
        self.budget = recipe.micro_batch_tokens or model.tuning_budget
        """Tokens of a micro-batch; a longer example is a micro-batch of its own."""
        self._seed = seed
        self._loss = AnswerLoss(model)
        self._low = _in_bfloat16(model.device, recipe)
        tuning.trained_parameters = sum(p.numel() for p in self.named.values())
        tuning.fused_loss = self._loss.fused
        if recipe.gradient_checkpointing:
            _checkpoint_activations(model, on=True)

    def resume(self, kept: Checkpoints) -> int:
        """Restore the last checkpoint and return the number of steps that it had done."""
        kept.load(self.named, self.optimizer, self.tuning)
        return self.tuning.steps

    def step(self, batch: list[TrainingExample]) -> None:
        """Do one optimizer step."""
        tuning, recipe = self.tuning, self._recipe
        factor = _rate_factor(tuning.steps, self.count, recipe)
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

    def accumulate(self, batch: Sequence[TrainingExample]) -> float:
        """Add the gradient of the batch's mean loss per target token; return that loss in nats.

        Several processes share the micro-batches, and each has the whole gradient afterwards.
        """
        targets = sum(len(row.completion) for row in batch)
        budget = self.devices.budget(sum(map(len, batch)), self.budget)
        parts = [*micro_batches(self.model, batch, packed=self.tuning.packed, budget=budget)]
        total = 0.0
        for number, part in self.devices.share([*enumerate(parts)]):
            if self._recipe.dropout:  # the same chance in whichever process, and after a resume
                torch.manual_seed(_chance(self._seed, self.tuning.steps, number))
            total += self.add_gradient(part, targets)
        for _ in range(self.devices.idle(parts)):  # with the others, adding nothing
            self.add_gradient(parts[-1], math.inf)
        return self.devices.all_reduce_gradients(total, self.named.values())

    def add_gradient(self, part: MicroBatch, targets: float) -> float:
        """Add the gradient of a micro-batch's summed loss over `targets`; return that loss."""
        with PACKED_ROW.within(part.bounds):
            loss = self.loss(part) / targets
            loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def loss(self, part: MicroBatch) -> torch.Tensor:
        """Return the summed loss of a micro-batch in nats."""
        with torch.autocast(self.model.device.type, torch.bfloat16, enabled=self._low):
            return self._loss(part.ids, part.place, part.position_ids)

    def _not_finite(self, batch: list[TrainingExample], loss: float) -> TuningError:
        """Return an error that names the examples whose loss, each alone, is not finite."""
        self.tuning.packed = False
        with torch.no_grad():
            bad = [row.name for row in batch if not math.isfinite(self._alone(row))]
        step = self.tuning.steps + 1
        found = (
            f"the loss of step {step} is {loss}"
            if not math.isfinite(loss)
            else (f"the gradient of step {step} is not finite")
        )
        about = f": example {', '.join(bad[:5])}" if bad else ", though each example's alone is"
        return TuningError(
            found + about,
            hint="look at these examples, lower learning_rate, or try precision float32",
        )

    def _alone(self, row: TrainingExample) -> float:
        [part] = micro_batches(self.model, [row], packed=False)
        return float(self._loss(part.ids, part.place))


def _chance(seed: int, step: int, part: int) -> int:
    """Return a seed for the dropout of a micro-batch."""
    return ((seed * 1_000_003 + step) * 1_000_003 + part) % 2**63


def _checkpoint_activations(model: Tunable, *, on: bool) -> None:
    verb = "enable" if on else "disable"
    names = (
        f"{kind}_checkpointing_{verb}" for kind in ("activation", "gradient")
    )  # new and old name
    next(getattr(model.bare, name) for name in names if hasattr(model.bare, name))()


@contextlib.contextmanager
def _packing(model: Tunable, recipe: Recipe, rows: Sequence[TrainingExample]) -> Iterator[bool]:
    """Lay examples end to end within this block, if the recipe allows and the model can.

    Raises:
        BioinstructError: the recipe asks for packing and the model cannot.
    """
    if recipe.layout == "padded":
        yield False
        return
    longest = max(map(len, rows))
    if recipe.layout == "packed" and (reason := fallback_reason(model, longest=longest)):
        raise BioinstructError(
            f"{model.name} cannot be trained on packed rows: {reason}",
            hint="set layout to auto or padded in the recipe",
        )
    with packing(model, longest=longest) as can:
        yield can


@contextlib.contextmanager
def _out_of_memory(steps: Steps) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TuningError(
            f"the device has not enough memory for micro-batches of {steps.budget:,} tokens",
            hint=f"{smaller(steps.budget)} in the recipe; --plan says what a run takes",
        ) from error


def smaller(budget: int) -> str:
    """Return the setting that makes micro-batches of this many tokens take less memory."""
    return f"set gradient_checkpointing = true or micro_batch_tokens = {max(1, budget // 2)}"


def _in_bfloat16(device: torch.device, recipe: Recipe) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    return device.type in ("cpu", "cuda") and computes_fast(torch.bfloat16, device)


def _rate_factor(step: int, steps: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate in a step, counted from 0."""
    rising = max(1, round(recipe.warmup * (1 if recipe.warmup >= 2 else steps)))
    if step < rising:
        return (step + 1) / rising
    done = (step - rising) / max(1, steps - rising)
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0 - done if recipe.schedule == "linear" else 1.0
