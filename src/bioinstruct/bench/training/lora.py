"""Add a LoRA adapter to a model, save it and merge it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from bioinstruct.bench.models.adapter import WEIGHTS, detach
from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.causal_lm import ABOUT
from bioinstruct.bench.models.fsdp import is_sharded
from bioinstruct.bench.models.loading import portable_name
from bioinstruct.bench.training.checkpoint import weights_directory
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.checksums import file_sha256, sealed
from bioinstruct.errors import ModelError, UnknownNameError
from bioinstruct.json_text import loads

__all__ = [
    "add_adapter",
    "check_adapter",
    "linear_layers",
    "remove_adapter",
    "save_adapter",
    "save_merged",
]


def add_adapter(model: Tunable, recipe: Recipe) -> Callable[[], None]:
    """Give the model a fresh adapter as the recipe says; its random start is torch's seed.

    Returns:
        What to call when it is trained.

    Raises:
        UnknownNameError, ModelError: as `check_adapter` does.
    """
    from peft import LoraConfig, get_peft_model

    targets = check_adapter(model, recipe)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        use_rslora=recipe.variant == "rslora",
        use_dora=recipe.variant == "dora",
        init_lora_weights="pissa" if recipe.variant == "pissa" else True,
        # GPT-2's Conv1D keeps its weights transposed.
        fan_in_fan_out=any(type(m).__name__ == "Conv1D" for m in model.model.modules()),
        task_type="CAUSAL_LM",
        **_embeddings(model, recipe),
    )
    layers = linear_layers(model.model)
    originals = _weights(layers, targets) if recipe.variant == "pissa" else None
    adapted = get_peft_model(model.model, config)
    model.adapted(adapted)
    if originals is None:
        return lambda: None
    starts = {name: _matrices(layer) for name, layer in _adapted_layers(adapted)}
    return partial(_to_plain_lora, model, config, originals, starts)


def remove_adapter(model: Tunable) -> None:
    """Take the adapter off, if there is one: the model is then its base again, to the bit."""
    if model.has_adapter:
        model.adapted(detach(model.model))


def check_adapter(model: Tunable, recipe: Recipe) -> list[str]:
    """Return the names of the layers that the recipe gives an adapter.

    Raises:
        UnknownNameError: the recipe names a layer that the model does not have.
        ModelError: the base is in shards and the variant needs it whole, or the embedding is to be
            trained and its tie to the head would not hold.
    """
    _embeddings(model, recipe)
    if recipe.variant in {"dora", "pissa"} and is_sharded(model.model):
        raise ModelError(
            f"{recipe.variant} starts from whole weights, and this base is held in shards",
            hint='set variant to "lora" or "rslora" in the recipe, or launch without FSDP',
        )
    layers = linear_layers(model.model)
    if recipe.targets == "all-linear":
        return sorted(layers)
    known = {name.rsplit(".", 1)[-1] for name in layers}
    for name in recipe.targets:
        if name not in known:
            raise UnknownNameError("linear layer in this model", name, known)
    return sorted(n for n in layers if n.rsplit(".", 1)[-1] in recipe.targets)


def _weights(layers: dict[str, Any], names: list[str]) -> dict[str, torch.Tensor]:
    return {name: layers[name].weight.detach().clone() for name in names}


def _adapted_layers(adapted: Any) -> list[tuple[str, Any]]:
    """Return the layers with an adapter and their names in the bare model."""
    named = adapted.get_base_model().named_modules()
    return [(name, module) for name, module in named if hasattr(module, "lora_A")]


def _matrices(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    pair = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    return pair[0].detach().clone(), pair[1].detach().clone()


@torch.no_grad()
def _to_plain_lora(
    model: Tunable,
    config: Any,
    originals: dict[str, torch.Tensor],
    starts: dict[str, tuple[torch.Tensor, torch.Tensor]],
) -> None:
    """Give the base its own weights back, to the bit, and the adapter the difference.

    PiSSA takes its start out of the weights: W - s B0 A0 + s B A = W + s [B, -B0] [A; A0], an
    adapter of twice the rank on the weights as they were (Meng et al. 2024, section 3).
    """
    from peft import get_peft_model

    ends = {name: _matrices(layer) for name, layer in _adapted_layers(model.model)}
    config = copy.copy(config)
    config.r, config.lora_alpha, config.init_lora_weights = (
        2 * config.r,
        2 * config.lora_alpha,
        True,
    )
    bare = model.model.unload()
    for name, weight in originals.items():
        bare.get_submodule(name).weight.copy_(weight)
    adapted = get_peft_model(bare, config)
    for name, layer in _adapted_layers(adapted):
        (a, b), (a0, b0) = ends[name], starts[name]
        layer.lora_A["default"].weight.copy_(torch.cat([a, a0]))
        layer.lora_B["default"].weight.copy_(torch.cat([b, -b0], dim=1))
    model.adapted(adapted)


def linear_layers(model: Any) -> dict[str, Any]:
    """Return all linear layers by name (`Linear` and GPT-2's `Conv1D`) but head and routers.

    Mamba's kernels take the weight of `out_proj` itself and would pass by an adapter on it.
    """
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    experts = {
        getattr(config, name, None)
        for name in ("num_experts", "num_local_experts", "n_routed_experts")
    }
    return {
        name: module
        for name, module in model.named_modules()
        if module is not head
        and (isinstance(module, torch.nn.Linear) or type(module).__name__ == "Conv1D")
        and _width(module) not in experts - {None}
        and not ("mamba" in config.model_type and name.endswith("out_proj"))
    }


def _width(module: Any) -> int:
    return int(getattr(module, "out_features", 0) or getattr(module, "nf", 0))


def _embeddings(model: Tunable, recipe: Recipe) -> dict[str, Any]:
    if not recipe.train_embeddings:
        return {}
    names = {m: n for n, m in model.model.named_modules()}
    name = names[model.model.get_input_embeddings()].rsplit(".", 1)[-1]
    # A tied head must stay the embedding's twin, or the adapter cannot be merged.
    tied = bool(model.model.config.get_text_config().tie_word_embeddings)
    if tied and name != "embed_tokens":  # the only name that peft's tying knows
        raise ModelError(
            f"the embedding of {model.name}, {name!r}, is tied to its head, and would come untied",
            hint="set train_embeddings = false in the recipe",
        )
    return {"modules_to_save": [name], "ensure_weight_tying": tied}


def save_adapter(model: Tunable, folder: Path, about: dict[str, Any] | None = None) -> None:
    """Write the adapter as safetensors with its configuration and checksums, atomically."""
    with weights_directory(folder) as temporary:
        model.model.save_pretrained(temporary, save_embedding_layers=False)
        path = temporary / "adapter_config.json"
        config = loads(path.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = portable_name(model.name)
        for name, value in vars(model.model.active_peft_config).items():
            if name in config and isinstance(
                value, set
            ):  # which peft writes in an order that differs between runs
                config[name] = sorted(value)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        known = {"base": model.base_fingerprint, "parts": model.parts, **(about or {})}
        known["sha256"] = {WEIGHTS: file_sha256(temporary / WEIGHTS)}
        text = json.dumps(sealed(known), indent=1)
        (temporary / ABOUT).write_text(text + "\n", encoding="utf-8")
        (temporary / "README.md").unlink(missing_ok=True)  # peft's own card says nothing yet


def save_merged(
    model: Tunable,
    folder: Path,
    *,
    dtype: Literal["float32", "bfloat16"] = "float32",
    card: Callable[[float], str] | None = None,
) -> float:
    """Write the model with the adapter merged into its weights, merged in float32.

    The model in memory is merged by it and has no adapter afterwards.

    Args:
        model: a tuned model.
        folder: where to write; whole or not there.
        dtype: of the weights that are written.
        card: the text of its README.md, given what is returned.

    Returns:
        The largest difference of a logit from the unmerged model, on a few tokens, in nats.

    Raises:
        ModelError: there is no adapter, or the base is held in 4 bits.
    """
    if not model.has_adapter:
        raise ModelError("there is no adapter to merge")
    if getattr(model.bare, "is_quantized", False):
        raise ModelError(
            "an adapter is not merged into a base in 4 bits: the sum would be rounded again",
            hint="run again with --adapter DIR --merge float32, which loads the base as it is",
        )
    ids = model.probe_ids()
    with torch.inference_mode():
        before = model.forward(ids).float()
    merged = model.model.float().merge_and_unload().to(getattr(torch, dtype))
    with torch.inference_mode():
        after = merged(input_ids=ids, use_cache=False).logits.float()
    apart = float((after - before).abs().max())
    apart = apart if math.isfinite(apart) else math.inf
    with weights_directory(folder) as temporary:
        merged.save_pretrained(temporary)
        model.prompt_tokenizer.tokenizer.save_pretrained(temporary)
        if card is not None:
            (temporary / "README.md").write_text(card(apart), encoding="utf-8")
    return apart
