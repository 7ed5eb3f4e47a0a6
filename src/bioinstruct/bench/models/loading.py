"""Find and load a causal language model, with errors that say what to do."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from bioinstruct.bench.models.checks import check_tokenizer, check_weights, unused_settings
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.fsdp import shard
from bioinstruct.bench.models.precision import check_memory, choose_precision
from bioinstruct.errors import MissingError, ModelError
from bioinstruct.text import one_line

__all__ = [
    "TINY",
    "context_length",
    "encoder_errors",
    "encoder_length",
    "find_model",
    "first_line",
    "load_model_and_tokenizer",
    "portable_name",
    "quiet",
]

TINY = Path(__file__).parents[2] / "data" / "tiny"
"""The model that ships with the package; `--model tiny`."""

_HUB_ID = re.compile(r"\w[\w.-]*(/[\w.-]+)?")
_DEFAULT_CONTEXT = 2048  # where a config names no length, as in lm-evaluation-harness


def load_model_and_tokenizer(
    path: str,
    device: torch.device,
    *,
    dtype: str = "auto",
    quantize: str = "none",
    trust_remote_code: bool = False,
) -> tuple[Any, Any, list[str]]:
    """Load a decoder in evaluation mode and its tokenizer, from a folder, a Hub id or `tiny`.

    The third value has a sentence for each thing that does not fit, or is not used. Weights are
    safetensors only, in the precision that `choose_precision` names (`tiny` in float32 unless
    another one is asked for), or in 4 bits with `quantize="nf4"`. Processes that were launched with
    FSDP hold a part each.

    Raises:
        ModelError: there is no such model, it is an encoder-decoder or not complete, its tokenizer
            is another's, it does not fit in memory, or it cannot be sharded.
        MissingError: 4 bits are asked for without bitsandbytes.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = find_model(path)
    if sharded := Devices().sharded:
        # Else transformers would give the weights to the first process alone.
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
        if quantize != "none":
            raise ModelError(
                "a base in 4 bits is not held in shards",
                hint='set quantize = "none" in the recipe, or launch without FSDP',
            )
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code}
    with _loading_errors(path):
        config = AutoConfig.from_pretrained(source, **options)
        if config.is_encoder_decoder:
            raise ModelError(f"{path} is an encoder-decoder ({config.model_type}), not a decoder")
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        stored = getattr(config.get_text_config(), "dtype", None)
        asked = "float32" if path == "tiny" and dtype == "auto" else dtype
        held = choose_precision(asked, stored, device)
        if quantize == "none" and not sharded and not trust_remote_code:
            check_memory(path, source, config, held, device)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source,
            output_loading_info=True,
            dtype=held,
            use_safetensors=True,
            **_quantized(quantize, device),
            **options,
        )
    model, info = loaded
    if getattr(model, "_hf_peft_config_loaded", False):
        raise _adapter_inside(path)
    notes = check_weights(path, model, info) + check_tokenizer(path, model, tokenizer)
    notes += [*_rounded(stored, model.dtype), *unused_settings(model)]
    if sharded:
        model = shard(model, device)
    whole = model if sharded or quantize != "none" else model.to(device)
    return whole.eval(), tokenizer, notes


def _rounded(stored: torch.dtype | None, held: torch.dtype) -> list[str]:
    """Say where weights are rounded: stored in one precision and held in a narrower one."""
    exact = {torch.float32: 4, torch.bfloat16: 2, torch.float16: 3}  # bits of the fraction, ranked
    if stored in exact and held in exact and exact[stored] > exact[held]:
        names = [str(dtype).removeprefix("torch.") for dtype in (stored, held)]
        return [f"the weights are stored in {names[0]} and were rounded to {names[1]}"]
    return []


def _adapter_inside(path: str) -> ModelError:
    return ModelError(
        f"{path} has an adapter_config.json: it is an adapter, or a model with one inside",
        hint="name the base with --model and the adapter's folder with --adapter",
    )


def _quantized(quantize: str, device: torch.device) -> dict[str, Any]:
    if quantize == "none":
        return {}
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingError(
            "4-bit weights need bitsandbytes", hint="pip install 'bioinstruct[quant]'"
        )
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type=quantize,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": config, "device_map": {"": str(device)}}


def quiet() -> None:
    """Silence the progress bars and advice of the libraries: the command shows its own."""
    warnings.filterwarnings("ignore", module=r"(transformers|peft|torch)\b")
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]


def find_model(path: str) -> str:
    """Return the folder or Hub id of a model's name; load nothing.

    Raises:
        ModelError: it is neither.
    """
    if path == "tiny":
        return str(TINY)
    folder = Path(path).expanduser()
    if folder.is_dir():
        if (folder / "adapter_config.json").is_file():
            raise _adapter_inside(path)
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"{path} holds no config.json, so it is not a model folder",
                hint="name the folder that save_pretrained wrote",
            )
        return str(folder)
    sibling = folder.parent != Path() and folder.parent.is_dir()  # a slip in the last part
    if folder.exists() or sibling or not _HUB_ID.fullmatch(path):
        raise ModelError(
            f"no model at {path!r}: not a folder", hint="name a model folder, a Hub id, or `tiny`"
        )
    if "/" not in path and not _is_cached(path):  # the network would be asked for 20 seconds
        raise ModelError(
            f"no model {path!r}: no folder here, and no Hub id, which is OWNER/NAME",
            hint="name a model folder, a Hub id such as openai-community/gpt2, or `tiny`",
        )
    return path


def _is_cached(name: str) -> bool:
    """True if the Hub's cache has a model of an old id that has no owner, such as `gpt2`."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return (Path(HF_HUB_CACHE) / f"models--{name}").is_dir()


def portable_name(path: str) -> str:
    """Return the name of a model for a file that leaves this machine: no path, but a Hub id."""
    folder = Path(path).expanduser()
    return one_line(folder.resolve().name if folder.is_dir() else path)


@contextlib.contextmanager
def _loading_errors(path: str) -> Iterator[None]:
    """Turn the libraries' errors of loading into one that says what to do."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        first = first_line(error)
        raise ModelError(
            f"cannot load {path!r} as a causal language model: {first}",
            hint="it must be a folder, or a Hub id, with config, tokenizer and safetensors weights",
        ) from error


@contextlib.contextmanager
def encoder_errors(path: str) -> Iterator[None]:
    """Turn the libraries' errors of loading an encoder into one that says what to do."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"cannot load {path!r} as an encoder: {first_line(error)}",
            hint="it must be a folder, or a Hub id, with config, tokenizer and safetensors weights "
            "(convert an older one that has only pytorch_model.bin)",
        ) from error


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, at most 160 characters."""
    return str(error).strip().split("\n")[0][:160]


def context_length(config: Any) -> int:
    """Return the context length of a configuration in tokens."""
    text = config.get_text_config()
    for field in ("max_position_embeddings", "n_positions", "n_ctx", "seq_length"):
        length = getattr(text, field, None)
        if isinstance(length, int) and length > 0:
            return length
    return _DEFAULT_CONTEXT


def encoder_length(config: Any) -> int:
    """Return the tokens that an encoder takes; RoBERTa's positions begin after its padding id."""
    length = int(getattr(config, "max_position_embeddings", 0) or 512)
    offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
    return length - offset
