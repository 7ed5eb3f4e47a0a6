"""Divide work between processes with a device each, as `accelerate launch` starts them."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from bioinstruct.errors import BioinstructError

__all__ = ["Devices"]

T = TypeVar("T")

# The others wait here while the first one scores, which may take long.
PATIENCE = timedelta(days=7)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes"}


class Devices:
    """This process and its share of the work; a process alone does everything.

    Only adapters are trained, so processes exchange little: gradients are summed after each
    optimizer batch, and every process does the same step on the same weights.
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1 and not dist.is_initialized():
            if cuda := torch.cuda.is_available():
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            dist.init_process_group("nccl" if cuda else "gloo", timeout=PATIENCE)

    @property
    def sharded(self) -> bool:
        """Whether the base is sharded too, because the launch asked for FSDP or ZeRO-3.

        The launch decides, not a recipe: it changes where weights are stored, not what is trained.
        """
        stage = os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2")
        deepspeed = _is_set("ACCELERATE_USE_DEEPSPEED") and stage == "3"
        return self.count > 1 and (_is_set("ACCELERATE_USE_FSDP") or deepspeed)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    def budget(self, tokens: int, most: int) -> int:
        """Return the tokens of a micro-batch, at most `most`, fewer if one would have none."""
        return most if self.count == 1 else min(most, math.ceil(tokens / self.count))

    def share(self, parts: Sequence[T]) -> Sequence[T]:
        """Return the parts that this process does."""
        return parts[self.rank :: self.count]

    def idle(self, parts: Sequence[T]) -> int:
        """Return in how many rounds this process has no part but must run along.

        Not 0 only if the base is sharded: all processes then make a pass together.
        """
        if not self.sharded:
            return 0
        return math.ceil(len(parts) / self.count) - len(self.share(parts))

    def all_reduce_gradients(self, loss: float, parameters: Iterable[torch.nn.Parameter]) -> float:
        """Sum the gradients of all processes into the parameters of each; return the sum of losses.

        In float64, so that the order of processes changes next to nothing.
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

    def assert_same(self, number: int, about: str) -> None:
        """Check that all processes have the same number.

        Raises:
            BioinstructError: they differ.
        """
        if self.count == 1:
            return
        on = "cuda" if torch.cuda.is_available() else "cpu"
        ends = torch.tensor([number, -number], device=on)
        dist.all_reduce(ends, op=dist.ReduceOp.MAX)
        if (highest := int(ends[0])) != (lowest := -int(ends[1])):
            raise BioinstructError(
                f"the processes differ in {about}: {lowest} and {highest}",
                hint="give all of them the same files: --out and --data on a disk that all see",
            )

    def barrier(self) -> None:
        """Wait until all processes have come here."""
        if self.count > 1:
            dist.barrier()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Connect the processes within the block; only the first one prints."""
        silent = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  # not a path of ours
        with silent, contextlib.ExitStack() as stack:
            if not self.first:
                stack.enter_context(contextlib.redirect_stdout(silent))
                stack.enter_context(contextlib.redirect_stderr(silent))
            yield
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()
