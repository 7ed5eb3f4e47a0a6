"""LoRA tuning: one loop in which the optimizer step, not the micro-batch, is the unit.

A seeded permutation is cut into optimizer batches; each is sorted by length and cut into
micro-batches as the memory likes. The summed loss is divided by the target tokens of the whole
optimizer batch, so the gradient does not depend on the cutting. Rows are padded on the right
without a mask, which is exact for a causal model: no position sees what comes behind it.
"""

from __future__ import annotations

import math
import random
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioinstruct.bench.model import CausalLM
from bioinstruct.errors import BioinstructError, DataError, UnknownNameError
from bioinstruct.files import atomic_directory
from bioinstruct.schema import Instruction

__all__ = ["Progress", "Recipe", "Tuning", "encode_examples", "load_recipe", "save_adapter", "tune"]

RECIPES = Path(__file__).parent.parent / "data" / "recipes"


class Recipe(BaseModel):
    """How an adapter is trained; the shipped ones are TOML files with these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rank: int = Field(16, ge=1)
    """Rank of the adapter's matrices."""
    alpha: float = Field(32, gt=0)
    """LoRA's scale: the adapter's output is multiplied by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    learning_rate: float = Field(2e-4, gt=0)
    warmup: float = Field(0.03, ge=0, le=1)
    """Share of the steps in which the learning rate rises; after them it falls as a cosine."""
    epochs: int = Field(3, ge=1)
    batch_size: int = Field(128, ge=1)
    """Examples of one optimizer step."""
    max_length: int = Field(1024, ge=16)
    """Longest example in tokens; the input of a longer one is shortened, its answer never."""
    max_gradient_norm: float = Field(1.0, gt=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products in training; `auto` is bfloat16 where the device computes in it."""
    train_embeddings: bool = False
    """Train the token embedding too: for a base that is too small to have good ones."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a tuning run is."""

    step: int
    steps: int
    loss: float
    tokens_per_second: float
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
    losses: list[float] = field(default_factory=list)
    """Mean loss in nats per target token, one per optimizer step."""


@dataclass(frozen=True, slots=True)
class _Row:
    prompt: list[int]
    completion: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


def load_recipe(name: str) -> Recipe:
    """A shipped recipe by name, or one from a TOML file.

    Raises:
        UnknownNameError: neither a shipped recipe nor a file, or an unknown field in it.
        DataError: a value that a recipe cannot have.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise UnknownNameError("recipe", name, (p.stem for p in RECIPES.glob("*.toml")))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"not a TOML file: {error}", path=path) from error
    for key in values.keys() - Recipe.model_fields.keys():
        raise UnknownNameError("recipe field", key, Recipe.model_fields)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise DataError(f"{first['loc'][0]}: {first['msg']}", path=path) from error


def encode_examples(
    model: CausalLM, examples: Sequence[Instruction], recipe: Recipe
) -> tuple[list[_Row], Tuning]:
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
        rows.append(_Row(prompt.ids, completion))
    tuning.examples = len(rows)
    return rows, tuning


def tune(
    model: CausalLM,
    examples: Sequence[Instruction],
    recipe: Recipe,
    *,
    seed: int = 0,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Tuning:
    """Give the model a LoRA adapter trained on the examples; `model.base()` still is the base.

    Raises:
        BioinstructError: there is nothing to train on.
    """
    rows, tuning = encode_examples(model, examples, recipe)
    if not rows:
        raise BioinstructError(
            f"nothing to tune on: {len(examples)} examples, {tuning.skipped} of them too long",
            hint="raise max_length in the recipe, or give other data with --data",
        )
    torch.manual_seed(seed)
    _add_adapter(model, recipe)
    parameters = [p for p in model.model.parameters() if p.requires_grad]
    tuning.trained_parameters = sum(p.numel() for p in parameters)
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.0)
    low = _in_bfloat16(model.device, recipe)
    steps = recipe.epochs * math.ceil(len(rows) / recipe.batch_size)
    model.model.train()
    started = time.perf_counter()
    for batch in _optimizer_batches(rows, recipe, seed):
        factor = _rate_factor(tuning.steps, steps, recipe.warmup)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * factor
        with torch.autocast(model.device.type, torch.bfloat16, enabled=low):
            loss = _accumulate_gradient(model, batch)
        if not math.isfinite(loss):
            raise BioinstructError(
                f"the loss of step {tuning.steps + 1} is {loss}", hint="lower learning_rate"
            )
        torch.nn.utils.clip_grad_norm_(parameters, recipe.max_gradient_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tuning.steps += 1
        tuning.losses.append(loss)
        tuning.tokens += sum(map(len, batch))
        tuning.target_tokens += sum(len(row.completion) for row in batch)
        seconds = time.perf_counter() - started
        left = seconds / tuning.steps * (steps - tuning.steps)
        progress(Progress(tuning.steps, steps, loss, tuning.tokens / seconds, left))
    model.adapted(model.model)
    return tuning


def save_adapter(model: CausalLM, folder: Path) -> None:
    """Write the adapter as safetensors; the folder is whole or not there."""
    with atomic_directory(folder) as temporary:
        model.model.save_pretrained(temporary, save_embedding_layers=False)
        (temporary / "README.md").unlink(missing_ok=True)  # peft's own card says nothing yet


def _add_adapter(model: CausalLM, recipe: Recipe) -> None:
    from peft import LoraConfig, get_peft_model

    embeddings: dict[str, Any] = {}
    if recipe.train_embeddings:
        names = {m: n for n, m in model.model.named_modules()}
        name = names[model.model.get_input_embeddings()].rsplit(".", 1)[-1]
        # A tied head must stay the embedding's twin, or the adapter cannot be merged.
        tied = bool(model.model.config.get_text_config().tie_word_embeddings)
        embeddings = {"modules_to_save": [name], "ensure_weight_tying": tied}
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules="all-linear",
        # GPT-2's Conv1D keeps its weights transposed.
        fan_in_fan_out=any(type(m).__name__ == "Conv1D" for m in model.model.modules()),
        task_type="CAUSAL_LM",
        **embeddings,
    )
    model.adapted(get_peft_model(model.model, config))


def _optimizer_batches(rows: list[_Row], recipe: Recipe, seed: int) -> Iterator[list[_Row]]:
    """Every row once an epoch, in batches; the last of an epoch may be smaller."""
    order = list(range(len(rows)))
    shuffle = random.Random(seed)
    for _ in range(recipe.epochs):
        shuffle.shuffle(order)
        for start in range(0, len(order), recipe.batch_size):
            yield [rows[i] for i in order[start : start + recipe.batch_size]]


def _micro_batches(batch: list[_Row], token_budget: int) -> Iterator[list[_Row]]:
    """The batch by length, in parts of at most `token_budget` padded tokens."""
    part: list[_Row] = []
    for row in sorted(batch, key=len, reverse=True):
        if part and (len(part) + 1) * len(part[0]) > token_budget:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _accumulate_gradient(model: CausalLM, batch: list[_Row]) -> float:
    """Add the gradient of the batch's mean loss per target token; return that loss in nats."""
    targets_in_all = sum(len(row.completion) for row in batch)
    total = 0.0
    for part in _micro_batches(batch, model.token_budget):
        # The last token is never fed: nothing is predicted behind it.
        ids = model.right_padded([[*row.prompt, *row.completion][:-1] for row in part])
        place = torch.tensor(
            [
                (number, len(row.prompt) + offset - 1, token)
                for number, row in enumerate(part)
                for offset, token in enumerate(row.completion)
            ],
            device=model.device,
        )
        logits = model.logits(ids, place[:, 0], place[:, 1])
        loss = F.cross_entropy(logits, place[:, 2], reduction="sum") / targets_in_all
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total


def _in_bfloat16(device: torch.device, recipe: Recipe) -> bool:
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if device.type == "cpu":
        # Without the instructions for it a CPU only emulates bfloat16, slower than float32.
        return torch.cpu._is_avx512_bf16_supported()
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def _rate_factor(step: int, steps: int, warmup: float) -> float:
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
