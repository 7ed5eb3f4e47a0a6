"""The table of what a model can do exactly, and the trials that fill it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import ModelError
from bioinstruct.bench.models import forward
from bioinstruct.bench.models.attention import why_not_packed
from bioinstruct.bench.models.capabilities import CANNOT, Capabilities, is_out_of_memory
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.loglikelihood import Plan
from bioinstruct.bench.models.token_tree import LoglikelihoodRequest
from bioinstruct.bench.training import loss
from bioinstruct.bench.training.batching import fallback_reason, packing
from bioinstruct.bench.training.lora import add_adapter
from bioinstruct.bench.training.loss import AnswerLoss
from bioinstruct.bench.training.recipe import Recipe

Folder = Callable[[str], Path]
NAMES = [each.name for each in fields(Capabilities) if each.init]
OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
]
PROMPTS = [[5, 6, 7], [8, 9]]


def fail(error: Exception) -> str:
    raise error


def all_tried(model: CausalLM) -> dict[str, str | None]:
    """Return the table of a model that is about to be tuned: its base is frozen."""
    model.model.requires_grad_(False)
    list(model.scorer.score([LoglikelihoodRequest((5, 6, 7), ((8,), (9, 10)))]))
    list(model.generator.generate(PROMPTS, max_new_tokens=2))
    AnswerLoss(model)
    with packing(model, longest=20):
        pass
    return model.capabilities.table()


# Scaling behind the head (cohere), soft-capping in attention and head (gemma2), attention that is
# not replaceable (bloom), recurrence (mamba).
CANNOT_DO = {
    "llama": set(),
    "gpt2": set(),
    "cohere": {"fuse_loss"},
    "bloom": {"share_prefix", "refill_rows", "pack"},
    "gemma2": {"share_prefix", "refill_rows", "pack", "fuse_loss"},
    "mamba": {"share_prefix", "refill_rows", "pack"},
}


@pytest.mark.parametrize("shape", CANNOT_DO)
def test_the_table_has_a_reason_for_each_way_that_is_not_exact(
    shape: str, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder(shape)), device="cpu")
    found = all_tried(model)
    assert found.pop("continuous_batching") is None  # not tried on a CPU
    # What the configuration forbids needs no trial.
    config = why_not_packed(model.bare.config, 20)
    reasons = {name: config if known is None else known for name, known in found.items()}
    assert {name for name, known in reasons.items() if known} == CANNOT_DO[shape]
    assert model.scorer.fallback_reason == reasons["share_prefix"]
    assert model.generator.fallback_reason == reasons["refill_rows"]
    assert fallback_reason(model, longest=20) == reasons["pack"]


@pytest.mark.parametrize("name", NAMES)
def test_any_listed_error_of_a_trial_means_that_the_model_cannot(name: str) -> None:
    for kind in (*CANNOT, NotImplementedError):
        table, error = Capabilities(), kind("its attention is odd")
        first = table.why_not(name, partial(fail, error))
        assert "its attention is odd" in first
        assert table.why_not(name, pytest.fail) == first  # it is tried once
        assert table.table() == {n: first if n == name else None for n in NAMES}


def test_another_error_of_a_trial_is_a_bug_and_stays_one() -> None:
    table = Capabilities()
    with pytest.raises(ZeroDivisionError):
        table.why_not("pack", lambda: fail(ZeroDivisionError()))
    assert table.pack is None


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["device", "cpu", "python"])
@pytest.mark.parametrize("name", NAMES)
def test_running_out_of_memory_is_never_taken_for_something_the_model_cannot_do(
    name: str, error: Exception
) -> None:
    assert is_out_of_memory(error)
    table = Capabilities()
    with pytest.raises(ModelError, match="out of memory in a trial") as caught:
        table.why_not(name, lambda: fail(error))
    assert caught.value.__cause__ is error
    assert table.why_not(name, lambda: "") == ""  # tried again, when there is memory


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["device", "cpu", "python"])
def test_each_trial_of_a_model_lets_a_lack_of_memory_through(
    error: Exception, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(model_folder("llama"))
    model = CausalLM.load(folder, device="cpu")
    model.model.requires_grad_(False)
    monkeypatch.setattr(forward.Decoder, "forward", lambda *_, **__: fail(error))
    request = LoglikelihoodRequest((5, 6, 7), ((8,),))
    uses: dict[str, Callable[[], Any]] = {
        "select_logits": lambda: CausalLM.load(folder, device="cpu"),
        "share_prefix": lambda: list(model.scorer.score([request])),
        "refill_rows": lambda: list(model.generator.generate(PROMPTS, max_new_tokens=2)),
        "pack": lambda: packing(model, longest=20).__enter__(),
        "fuse_loss": lambda: AnswerLoss(model),
    }
    assert {*uses, "continuous_batching"} == set(NAMES)
    for use in uses.values():
        with pytest.raises(ModelError, match="out of memory in a trial"):
            use()
    assert not any(model.capabilities.table().values())


def test_a_new_adapter_has_everything_tried_again_but_the_head(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")), device="cpu")
    all_tried(model)
    add_adapter(model, Recipe(rank=2))
    assert model.capabilities.table() == dict.fromkeys(NAMES) | {"select_logits": ""}
    fixed = Capabilities(share_prefix="its layers are held in shards")
    fixed.why_not("pack", lambda: "odd")
    fixed.forget()
    assert (fixed.share_prefix, fixed.pack) == ("its layers are held in shards", None)


def test_a_loss_with_another_gradient_is_found_out(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = loss._FusedLoss.backward

    def wrong(ctx: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        first, *more = right(ctx, *gradients)
        return first * 1.01, *more  # type: ignore[operator]

    model = CausalLM.load(str(model_folder("llama")), device="cpu")
    model.model.requires_grad_(False)
    assert AnswerLoss(model).fused
    model.capabilities.forget()
    monkeypatch.setattr(loss._FusedLoss, "backward", staticmethod(wrong))
    assert not AnswerLoss(model).fused
    assert "gradient differs" in (model.capabilities.fuse_loss or "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_trial_of_the_loss_passes_in_either_precision(
    dtype: torch.dtype, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder("llama")), device="cpu")
    model.adapted(model.model.to(dtype).requires_grad_(False))
    assert AnswerLoss(model).fused, model.capabilities.fuse_loss


def test_scoring_and_tuning_have_one_rule_for_packing(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("mistral")), device="cpu")
    model.model.config.rope_parameters = {"rope_type": "dynamic", "rope_theta": 10000.0}
    assert "depend on the length" in why_not_packed(model.bare.config, 20)
    list(model.scorer.score([LoglikelihoodRequest((5, 6, 7), ((8,),))]))
    assert model.scorer.used is Plan.FLAT
    with packing(model, longest=20) as can:  # a trial on a few tokens could not see it
        assert not can
    assert fallback_reason(model, longest=20) == model.scorer.fallback_reason
