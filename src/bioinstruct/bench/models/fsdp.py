"""Shard a base: each process keeps its part of every layer and borrows the rest in turn.

For a model that is too large for one device. Only the layers are sharded (torch's `fully_shard`);
embedding, head and adapter are small and whole in every process, so a checkpoint, the head of the
loss and the sum of gradients are unaffected. All processes run each pass together, so a process
without work runs the model anyway.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist

from bioinstruct.bench.models.distributed import Devices
from bioinstruct.errors import ModelError

__all__ = ["in_step", "is_sharded", "kept_bytes", "shard", "whole"]


def shard(model: Any, device: torch.device) -> Any:
    """Keep this process's part of each layer on its device, and all else whole.

    Each layer is moved, cut and let go before the next, so the device never holds the whole model;
    weights that were mapped from a file are read from it in that moment.

    Raises:
        ModelError: the model has no list of layers.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model.requires_grad_(False)  # frozen parameters of a layer may differ in precision
    layers = _layers(model)
    mesh = init_device_mesh(device.type, (Devices().count,))
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    cut = set(map(id, layers.parameters()))
    rest = {p for p in model.parameters() if id(p) not in cut}
    for tensor in (*rest, *model.buffers()):
        tensor.data = tensor.data.to(device)
    # The root has no weights of its own: it makes the layers one model, which fetches in time.
    fully_shard(getattr(model, model.base_model_prefix), mesh=mesh, ignored_params=rest)
    for layer in layers:  # tensors created in inference mode cannot be trained through
        layer.unshard()
        layer.reshard()
    return model


def _layers(model: Any) -> Any:
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList)]
    if not lists or not hasattr(model, model.base_model_prefix):
        raise ModelError(
            f"a model of the type {model.config.model_type} has no list of layers to shard",
            hint="start the processes without FSDP: each then holds the whole model",
        )
    return max(lists, key=lambda found: sum(p.numel() for p in found.parameters()))


def is_sharded(model: Any) -> bool:
    """Return True if other processes hold a part of the model."""
    return _root(model) is not None


def _root(model: Any) -> Any:
    if not Devices().sharded:
        return None
    from torch.distributed.fsdp import FSDPModule

    return next((m for m in model.modules() if isinstance(m, FSDPModule)), None)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Return the whole tensor; all processes must call this together for a sharded one."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def kept_bytes(tensor: torch.Tensor) -> int:
    """Return the bytes of a tensor that this process holds."""
    own: torch.Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return own.numel() * own.element_size()


@contextlib.contextmanager
def in_step(model: Any) -> Iterator[None]:
    """Let each process run a sharded model as often as it needs within the block.

    Before a pass a process says so; one that has come to the end runs along until all have.
    """
    root = _root(model)
    if root is None:
        yield
        return
    with root.register_forward_pre_hook(lambda module, args: _ask(root, busy=True)):
        yield
    token = torch.zeros((1, 1), dtype=torch.long, device=_device(root))
    with torch.inference_mode():
        while _ask(root, busy=False):
            root(input_ids=token, use_cache=False)


def _ask(root: Any, *, busy: bool) -> bool | None:
    """Return True if any process is busy; None for a hook, whose value would replace arguments."""
    found = torch.tensor([busy], dtype=torch.int32, device=_device(root))
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return None if busy else bool(found)


def _device(root: Any) -> torch.device:
    device: torch.device = next(root.parameters()).device
    return device
