"""The device of a model, the precision of its weights, and the memory that they take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = [
    "PRECISIONS",
    "check_memory",
    "choose_precision",
    "computes_fast",
    "default_device",
    "free_memory",
]

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def default_device() -> str:
    """Return the device that models run on: `cuda`, else Apple's `mps`, else `cpu`."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_precision(asked: str, stored: torch.dtype | None, device: torch.device) -> torch.dtype:
    """Return the precision to hold weights in.

    Args:
        asked: one of `PRECISIONS`; `auto` is the stored one if the device computes in it at full
            speed, else float32.
        stored: that of the checkpoint, if known.
        device: where the model runs. Its hardware decides, never a timing, so that the choice is
            the same every time.

    Raises:
        ModelError: the device cannot compute in the precision asked for.
    """
    import torch

    if asked == "auto":
        fast = stored is not None and stored.itemsize == 2 and computes_fast(stored, device)
        return stored if stored is not None and fast else torch.float32
    dtype: torch.dtype = getattr(torch, asked)
    if device.type == "cuda" and dtype is torch.bfloat16 and not computes_fast(dtype, device):
        name = torch.cuda.get_device_name(device)
        raise ModelError(f"{name} cannot compute in bfloat16", hint="take --dtype float16")
    return dtype


def computes_fast(dtype: torch.dtype, device: torch.device) -> bool:
    """True if the hardware has instructions for this precision; a CPU without them emulates it."""
    import torch

    if dtype is torch.float32:
        return True
    if device.type == "cpu":
        # Every CPU with AMX tiles computes in bfloat16 in them.
        return dtype is torch.bfloat16 and (
            torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
    if device.type == "cuda" and dtype is torch.bfloat16:
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return True


def check_memory(
    path: str, source: str, config: Any, dtype: torch.dtype, device: torch.device
) -> None:
    """Compare the size of the weights with the free memory, before they are loaded.

    Args:
        path: name of the model in the error.
        source: its folder or Hub id.
        config: its configuration, from which the parameters are counted if its files are not small.
        dtype: the precision that its weights will be held in.
        device: where they go.

    Raises:
        ModelError: they do not fit.
    """
    free = free_memory(device)
    on_disk = sum(file.stat().st_size for file in Path(source).glob("*.safetensors"))
    if free is None or 0 < 4 * on_disk < free:  # stored in 8 bits or more
        return
    if (parameters := _parameters(config)) * dtype.itemsize <= free:
        return
    name = str(dtype).removeprefix("torch.")
    smaller = f"--dtype bfloat16 takes {_gib(2 * parameters)}, " if dtype.itemsize == 4 else ""
    raise ModelError(
        f"{path} has {parameters:,} parameters, which take {_gib(dtype.itemsize * parameters)} in "
        f"{name}; {_gib(free)} are free on {device}",
        hint=f'{smaller}and quantize = "nf4" in a recipe (GPU) about {_gib(parameters * 5 // 8)}',
    )


def free_memory(device: torch.device) -> int | None:
    """Return the free bytes of a device; None if unknown."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        lines = dict(line.split(":", 1) for line in text.splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _parameters(config: Any) -> int:
    """Return the number of parameters of a configuration; nothing is allocated."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    return sum(each.numel() for each in model.parameters())  # tied weights count once


def _gib(size: int) -> str:
    return f"{size / 2**30:,.1f} GiB"
