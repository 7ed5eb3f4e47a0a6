"""TRL as an oracle: the same where it is right, another where it is wrong without a word."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import Instruction
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.batching import TrainingExample, packing
from bioinstruct.bench.training.lora import add_adapter
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Steps, encode_examples

from .test_tune import lessons

pytest.importorskip("trl", reason="pip install 'bioinstruct[peers]'")
pytestmark = [pytest.mark.peer, pytest.mark.filterwarnings("default")]

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
RECIPE = Recipe(rank=4, alpha=8, precision="float32")


def loaded(folder: Path, examples: list[Instruction]) -> tuple[CausalLM, Steps]:
    """A model with an adapter that does something, and our steps on the examples."""
    model = CausalLM.load(str(folder))
    torch.manual_seed(0)
    add_adapter(model, RECIPE)
    for name, parameter in model.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    rows, tuning = encode_examples(model, examples, RECIPE)
    return model, Steps(model, RECIPE, rows, tuning)


def of_trl(
    model: CausalLM, rows: list[TrainingExample], out: Path, *, packed: bool
) -> tuple[float, Any]:
    """TRL's mean loss of all rows per target token, and its gradient."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    data = [
        {
            "input_ids": [*row.prompt, *row.completion],
            "labels": [*[-100] * len(row.prompt), *row.completion],
        }
        for row in rows
    ]
    settings = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=1 if packed else len(rows),
        packing=packed,
        max_length=256,
        bf16=False,
        use_cpu=True,
        report_to=[],
        gradient_checkpointing=False,
        disable_tqdm=True,
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        trainer = SFTTrainer(
            model=model.model,
            args=settings,
            train_dataset=Dataset.from_list(data),
            processing_class=model.prompt_tokenizer.tokenizer,
        )
        model.model.eval()
        total = 0.0
        targets = torch.tensor(sum(len(row.completion) for row in rows))
        for batch in trainer.get_train_dataloader():
            loss = trainer.compute_loss(trainer.model, dict(batch), num_items_in_batch=targets)
            loss.backward()
            total += float(loss.detach())
    assert not [w for w in told if "pack" in str(w.message).lower()]
    return total, gradients(model)


def gradients(model: CausalLM) -> torch.Tensor:
    found = [p.grad.flatten() for p in model.model.parameters() if p.grad is not None]
    model.model.zero_grad()
    return torch.cat(found)


def ours(model: CausalLM, steps: Steps) -> tuple[float, torch.Tensor]:
    return steps.accumulate(steps.rows), gradients(model)


def apart(one: torch.Tensor, two: torch.Tensor) -> float:
    return float((one - two).norm() / one.norm())


@pytest.mark.parametrize("shape", ["llama", "gpt2", "qwen2", "biogpt"])
def test_padded_it_has_our_loss_and_our_gradient(
    shape: str, model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model, steps = loaded(model_folder(shape), lessons(example))
    loss, gradient = ours(model, steps)
    theirs, of_theirs = of_trl(model, steps.rows, tmp_path, packed=False)
    assert theirs == pytest.approx(loss, rel=1e-5)
    assert apart(gradient, of_theirs) < 1e-4


def test_packed_it_has_our_loss_where_the_model_keeps_examples_apart(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model, steps = loaded(model_folder("llama"), lessons(example))
    with packing(model, longest=100) as steps.tuning.packed:
        assert steps.tuning.packed
        loss, gradient = ours(model, steps)
    theirs, of_theirs = of_trl(model, steps.rows, tmp_path, packed=True)
    assert theirs == pytest.approx(loss, rel=1e-5)
    assert apart(gradient, of_theirs) < 1e-4


@pytest.mark.parametrize("shape", ["biogpt", "opt", "bloom", "falcon"])
def test_packed_it_is_wrong_without_a_word_where_we_are_not(
    shape: str, model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model, steps = loaded(model_folder(shape), lessons(example))
    loss, gradient = ours(model, steps)
    with packing(model, longest=100) as steps.tuning.packed:
        again, of_ours = ours(model, steps)
    assert again == pytest.approx(loss, rel=1e-5)
    assert apart(gradient, of_ours) < 1e-4
    theirs, of_theirs = of_trl(model, steps.rows, tmp_path, packed=True)
    assert abs(theirs - loss) > 1e-4 * loss
    assert apart(gradient, of_theirs) > 0.01
