"""Several processes with a device each, as `accelerate launch` starts them: who does what."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
import torch.distributed as dist

__all__ = ["Devices"]

T = TypeVar("T")


class Devices:
    """This process among those that were launched together; alone, everything is its own.

    Only adapters are trained, so what processes exchange is small: the gradients are added up after
    each optimizer batch, and every process does the same step on the same weights.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def share(self, parts: Sequence[T]) -> Sequence[T]:
        """The parts that are this process's to do."""
        return parts[self.rank :: self.count]

    def add_up(self, loss: float, parameters: Iterable[torch.nn.Parameter]) -> float:
        """Add the gradients of all processes into each one's parameters; return the sum of losses.

        In float64, so that the order in which processes are added changes next to nothing.
        """
        if self.count == 1:
            return loss
        chosen = list(parameters)
        for p in chosen:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        grads = [p.grad for p in chosen if p.grad is not None]
        flat = torch.cat([g.double().flatten() for g in grads])
        flat = torch.cat([flat, torch.tensor([loss], dtype=torch.float64, device=flat.device)])
        dist.all_reduce(flat)
        at = 0
        for grad in grads:
            grad.copy_(flat[at : at + grad.numel()].view_as(grad))
            at += grad.numel()
        return float(flat[-1])

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            dist.barrier()
