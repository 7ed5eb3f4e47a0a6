"""Attach a LoRA adapter from a folder to a loaded model, or refuse one that does not fit."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioinstruct.bench.models.checks import check_adapter_weights, names
from bioinstruct.bench.models.loading import first_line
from bioinstruct.checksums import file_sha256, is_sealed
from bioinstruct.errors import ModelError
from bioinstruct.json_text import loads
from bioinstruct.prompts import Style

__all__ = [
    "ABOUT",
    "WEIGHTS",
    "attach",
    "check_intact",
    "detach",
    "read_about",
    "settings_of",
    "style_of",
    "tensors_of",
]

ABOUT = "bioinstruct.json"
"""The file in the folder of an adapter that names its base, its run and its training."""
WEIGHTS = "adapter_model.safetensors"

_PREFIX = "base_model.model."
# Settings of an adapter that change no answer, or that its tensors show.
_WITHOUT_EFFECT = {
    "auto_mapping",
    "base_model_name_or_path",
    "inference_mode",
    "init_lora_weights",
    "lora_dropout",
    "modules_to_save",
    "peft_version",
    "revision",
    "runtime_config",
    "target_modules",
    "target_parameters",
    "task_type",
}


def attach(model: Any, folder: Path, *, name: str, parts: Mapping[str, str]) -> tuple[Any, str]:
    """Return the model with the adapter of a folder around it, and a sentence on what was checked.

    Args:
        model: a bare model of transformers.
        folder: with adapter_config.json and adapter_model.safetensors.
        name: the model's name for messages.
        parts: digests of the base by part; compared with those of the base that it was tuned on.

    Raises:
        ModelError: there is no adapter, it is damaged, it belongs to another model, its tensors do
            not fill it, or it holds weights of the base.
    """
    from peft import PeftModel
    from peft.utils import load_peft_weights, set_peft_model_state_dict

    for file in ("adapter_config.json", WEIGHTS):
        if not (folder / file).is_file():
            raise ModelError(
                f"no adapter in {folder}: {file} is missing",
                hint="name the folder `adapter` that a run of bioinstruct-bench wrote",
            )
    check_intact(folder)
    known = _base_of(folder, name, parts)
    base = {_PREFIX + key for key in model.state_dict()}
    try:
        tensors = load_peft_weights(str(folder), device="cpu")
        _check_no_base(folder, base, tensors)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what peft warns of is an error below
            adapted = PeftModel.from_pretrained(model, str(folder))
        result = set_peft_model_state_dict(adapted, tensors)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise ModelError(
            f"the adapter in {folder} is not one for {name}: {first_line(error)}",
            hint="name the base and the --style that it was tuned with",
        ) from error
    empty = [key for key in result.missing_keys if key not in base and _is_filled(key)]
    try:
        said = check_adapter_weights(folder, tensors, empty, result.unexpected_keys)
    except ModelError:
        detach(adapted)
        raise
    return adapted, f"{known}; {said}"


def detach(adapted: Any) -> Any:
    """Take the adapter off and return the bare model, with its own weights, to the bit.

    peft's `unload` alone would leave trained embeddings in the place of the base's.
    """
    originals = {
        name: module.original_module
        for name, module in adapted.get_base_model().named_modules()
        if hasattr(module, "modules_to_save") and hasattr(module, "original_module")
    }
    bare = adapted.unload()
    for name, module in originals.items():
        parent, _, last = name.rpartition(".")
        setattr(bare.get_submodule(parent), last, module)
    if hasattr(bare, "peft_config"):
        del bare.peft_config
    return bare


def style_of(folder: Path) -> Style | None:
    """Return the prompt style that an adapter was tuned with, if its folder says so."""
    named = read_about(folder).get("parts", {}).get("style")
    return Style(named) if named in list(Style) else None


def read_about(folder: Path) -> dict[str, Any]:
    """Return what the folder of an adapter says of it; nothing for one of another program.

    Raises:
        ModelError: the file is damaged or was edited. (One of version 0.1.0 has no checksum.)
    """
    path = folder / ABOUT
    if not path.is_file():
        return {}
    try:
        found = loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict) or ("checksum" in found and not is_sealed(found)):
        raise _damaged(path)
    return found


def check_intact(folder: Path) -> None:
    """Compare the weights of an adapter with their checksum, if its folder has one.

    Raises:
        ModelError: they are damaged, or of another adapter.
    """
    for name, digest in read_about(folder).get("sha256", {}).items():
        if file_sha256(folder / name) != digest:
            raise _damaged(folder / name)


def _damaged(path: Path) -> ModelError:
    return ModelError(
        f"{path} is damaged, or was edited: it is not what its checksum was made of",
        hint="copy the folder again, or tune again",
    )


def _is_filled(key: str) -> bool:
    """True for a place that the file of an adapter fills; wrapped base weights are none."""
    return ".base_layer." not in key and ".original_module." not in key


def _base_of(folder: Path, name: str, parts: Mapping[str, str]) -> str:
    """Compare the base with that which the adapter was tuned on, as far as it says.

    Raises:
        ModelError: it was tuned on another base, or with another style of prompts.
    """
    tuned_on: Mapping[str, str] = read_about(folder).get("parts", {})
    for part in ("style", "config", "tokenizer", "precision", "weights"):
        if tuned_on.get(part, parts[part]) != parts[part]:
            if part == "precision":
                return (
                    f"the adapter was tuned on weights in {tuned_on[part]}, the base is in "
                    f"{parts[part]}, so their weights were not compared"
                )
            raise ModelError(
                f"the adapter in {folder} was tuned on another base, or with another style of "
                f"prompts: its base had {part} {tuned_on[part]}, {name} has {parts[part]}",
                hint="name the base and the --style that it was tuned with",
            )
    if tuned_on:
        return "the adapter was tuned on this base: same weights, tokenizer and style"
    config = loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    base = config.get("base_model_name_or_path") or "no base"
    return (
        f"the adapter does not say on which weights and in which style it was tuned (it names "
        f"{base}); checked was only its shape"
    )


def _check_no_base(folder: Path, base: set[str], tensors: Mapping[str, Any]) -> None:
    """Refuse an adapter that would overwrite weights of the base.

    A head that is tied to a trained embedding is saved with it, and is no weight of the base.
    """
    from peft import PeftConfig

    saved = getattr(PeftConfig.from_pretrained(str(folder)), "modules_to_save", None) or []
    trained = [tensor for key, tensor in tensors.items() if set(key.split(".")) & set(saved)]
    found = [
        key
        for key, tensor in tensors.items()
        if key in base
        and not set(key.split(".")) & set(saved)
        and not any(tensor.shape == t.shape and bool((tensor == t).all()) for t in trained)
    ]
    if found:
        raise ModelError(
            f"the adapter in {folder} holds {len(found):,} weights of the base itself "
            f"({names(found)}): the base would not be scored as it is",
            hint="save the adapter with save_embedding_layers=False, or merge it into the base",
        )


def settings_of(adapted: Any) -> dict[str, Any]:
    """Return the settings of an adapter that change answers, such as rank and scale."""
    config = adapted.peft_config[adapted.active_adapter].to_dict()
    return {k: v for k, v in config.items() if k not in _WITHOUT_EFFECT and v not in (None, False)}


def tensors_of(adapted: Any) -> dict[str, Any]:
    """Return the tensors of an adapter by name, as its file has them."""
    from peft.utils import get_peft_model_state_dict

    found: dict[str, Any] = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    return found
