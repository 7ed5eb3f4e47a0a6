from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.batching import (
    PACKED_ROW,
    TrainingExample,
    _fitting,
    micro_batches,
    optimizer_batches,
    packing,
)
from bioinstruct.bench.training.lora import add_adapter
from bioinstruct.bench.training.loss import AnswerLoss
from bioinstruct.bench.training.recipe import Recipe

from .conftest import MORE_SHAPES, SHAPES

Folder = Callable[[str], Path]
APART = {"llama", "qwen2", "mistral", "gemma", "gpt2", "gpt_neox", "opt"}
APART |= {"biogpt", "cohere", "granite", "mixtral", "phi3", "qwen3", "starcoder2"}
TOGETHER = {"bloom", "falcon", "gemma2", "mamba"}
SCALED = {"cohere", "gemma2", "granite"}


def some_rows(model: CausalLM, count: int = 9) -> list[TrainingExample]:
    chance = random.Random(0)
    tokens = range(3, model.probe_ids().max().item())
    return [
        TrainingExample(
            chance.choices(tokens, k=chance.randint(3, 30)), chance.choices(tokens, k=size)
        )
        for size in (1, 2, 3, 5, 8, 1, 1, 4, 20)[:count]
    ]


def adapted(folder: Path) -> CausalLM:
    model = CausalLM.load(str(folder))
    torch.manual_seed(0)
    add_adapter(model, Recipe(rank=2))
    for name, parameter in model.model.named_parameters():
        if "lora_B" in name:  # zero at the start, which would hide the gradient of A
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    return model


def gradients(
    model: CausalLM, rows: list[TrainingExample], *, packed: bool
) -> dict[str, torch.Tensor]:
    loss = AnswerLoss(model)
    for part in micro_batches(model, rows, packed=packed):
        with PACKED_ROW.within(part.bounds):
            loss(part.ids, part.place, part.position_ids).backward()  # type: ignore[no-untyped-call]
    found = {n: p.grad.clone() for n, p in model.model.named_parameters() if p.grad is not None}
    model.model.zero_grad()
    return found


@pytest.mark.parametrize("shape", sorted(SHAPES | MORE_SHAPES))
def test_every_layout_gives_the_gradient_of_samples_alone(shape: str, model_folder: Folder) -> None:
    model = adapted(model_folder(shape))
    rows = some_rows(model)
    for row in rows:  # one by one, all logits, the library's own loss on the completion only
        ids = torch.tensor([[*row.prompt, *row.completion]])
        labels = torch.tensor([[*[-100] * len(row.prompt), *row.completion]])
        (
            model.model(input_ids=ids, labels=labels, use_cache=False).loss * len(row.completion)
        ).backward()
    expected = {n: p.grad.clone() for n, p in model.model.named_parameters() if p.grad is not None}
    model.model.zero_grad()
    assert len(expected) >= 4
    with packing(model, longest=100) as can:
        assert can is (shape in APART)
        for packed, budget in ((False, 60), (False, 5000), (can, 60), (can, 5000)):
            model.tuning_budget = budget
            found = gradients(model, rows, packed=packed)
            assert found.keys() == expected.keys()
            for name, gradient in expected.items():
                scale = float(gradient.abs().max())
                assert torch.allclose(found[name], gradient, atol=2e-4 * scale + 1e-8), (
                    name,
                    packed,
                )


def test_the_shapes_are_those_that_the_trial_tells_apart() -> None:
    assert set(SHAPES | MORE_SHAPES) == APART | TOGETHER


@pytest.mark.parametrize("shape", sorted(SHAPES | MORE_SHAPES))
def test_a_head_with_scaling_behind_it_is_found_out(shape: str, model_folder: Folder) -> None:
    assert AnswerLoss(adapted(model_folder(shape))).fused is (shape not in SCALED)


def test_packing_without_attention_of_their_own_would_be_wrong(model_folder: Folder) -> None:
    # What the trial is for: the same row with positions alone, as a plain loop would feed it.
    model = adapted(model_folder("opt"))
    rows = some_rows(model)
    alone = gradients(model, rows, packed=False)
    mixed = gradients(model, rows, packed=True)
    worst = max(float((mixed[n] - g).abs().max() / g.abs().max()) for n, g in alone.items())
    assert worst > 0.1


def test_a_window_shorter_than_an_example_forbids_packing(
    model_folder: Folder, tmp_path: Path
) -> None:
    model = adapted(model_folder("mistral"))
    model.model.config.sliding_window = 50
    with packing(model, longest=50) as can:
        assert can
    with packing(model, longest=51) as can:
        assert not can


def test_attention_is_as_before_when_packing_ends(model_folder: Folder) -> None:
    model = adapted(model_folder("llama"))
    bare: Any = model.model.get_base_model()
    before = bare.config._attn_implementation
    with packing(model, longest=10):
        assert bare.config._attn_implementation != before
    assert bare.config._attn_implementation == before


@given(st.lists(st.integers(1, 90), min_size=1, max_size=60), st.integers(30, 100))
def test_packing_loses_no_row_and_keeps_to_the_budget(lengths: list[int], budget: int) -> None:
    rows = [
        TrainingExample([1] * length, [2], str(number)) for number, length in enumerate(lengths)
    ]
    parts = _fitting(rows, budget)
    assert sorted(row.name for part in parts for row in part) == sorted(row.name for row in rows)
    assert all(len(part) == 1 or sum(map(len, part)) <= budget for part in parts)
    halves = [sum(map(len, part)) * 2 <= budget for part in parts]
    assert sum(halves) <= 1  # two parts at most half full would have been one


@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 3), st.integers(0, 9))
def test_every_row_is_seen_once_an_epoch_and_a_resumed_run_sees_the_rest(
    count: int, size: int, epochs: int, seed: int
) -> None:
    rows = [TrainingExample([1], [2], str(number)) for number in range(count)]
    batches = list(optimizer_batches(rows, batch_size=size, epochs=epochs, seed=seed))
    steps = -(-count // size)
    assert len(batches) == steps * epochs  # the last, smaller one is a step too
    for epoch in range(epochs):
        seen = Counter(r.name for b in batches[epoch * steps : (epoch + 1) * steps] for r in b)
        assert seen == Counter(row.name for row in rows)
    for done in range(len(batches) + 1):
        rest = optimizer_batches(rows, batch_size=size, epochs=epochs, seed=seed, skip=done)
        assert list(rest) == batches[done:]
