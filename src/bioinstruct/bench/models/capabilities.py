"""The fast ways of computing that are exact on a model, each found by a trial on the model itself.

Architectures differ in what they allow: scaling behind the output head, soft-capping, sliding
windows, recurrence. Each fast way therefore has a trial, which compares it with the plain way on a
few random tokens. `Capabilities` is the table of their results. What a trial computes is written
where the fast way is; how a trial is run, and which errors mean "this model cannot", is here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import torch

from bioinstruct.errors import ModelError

__all__ = ["CANNOT", "Capabilities", "is_out_of_memory"]

CANNOT = (
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    RuntimeError,  # NotImplementedError and torch's own errors among them
    TypeError,
    ValueError,
)
"""Errors in a trial that mean that the model cannot; running out of memory is never one of them."""

logger = logging.getLogger("bioinstruct")


@dataclass(slots=True)
class Capabilities:
    """For each fast way why the model cannot use it: "" if it can, None before its trial."""

    select_logits: str | None = None
    """Run the output head at selected positions only."""
    share_prefix: str | None = None
    """Compute once what several prompts begin with, for log-likelihoods."""
    refill_rows: str | None = None
    """Generate in rows that are refilled, behind a shared prefix."""
    continuous_batching: str | None = None
    """Generate by the continuous batching of transformers."""
    pack: str | None = None
    """Train on examples that lie end to end in one row."""
    fuse_loss: str | None = None
    """Compute the loss and its gradient at the answers only, in chunks of the vocabulary."""
    _settled: frozenset[str] = field(init=False, repr=False, default=frozenset())

    def __post_init__(self) -> None:
        self._settled = frozenset(name for name in self._names() if getattr(self, name) is not None)

    def table(self) -> dict[str, str | None]:
        """Return the reason against each fast way by its name."""
        return {name: getattr(self, name) for name in self._names()}

    def why_not(self, name: str, trial: Callable[[], str]) -> str:
        """Return why the model cannot do this, "" if it can; run the trial the first time.

        Args:
            name: a field of this class.
            trial: returns the reason against it, or "".

        Raises:
            ModelError: the device ran out of memory in the trial, which says nothing of the model.
        """
        known: str | None = getattr(self, name)
        if known is None:
            setattr(self, name, "")  # the trial may come here again
            try:
                known = _reason(name, trial)
            except BaseException:
                setattr(self, name, None)
                raise
            setattr(self, name, known)
            if known:
                logger.info("%s is off: %s", name.replace("_", " "), known)
        return known

    def forget(self) -> None:
        """Forget all trials because the adapter or the weights changed.

        Keep the settings passed to the constructor, and the trial of the head, which no adapter
        changes.
        """
        for name in {*self._names()} - self._settled - {"select_logits"}:
            setattr(self, name, None)

    def _names(self) -> list[str]:
        return [each.name for each in fields(self) if not each.name.startswith("_")]


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if memory ran out; the allocator of a CPU raises a plain RuntimeError."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError)
        and ("can't allocate memory" in text or "out of memory" in text)
    )


def _reason(name: str, trial: Callable[[], str]) -> str:
    try:
        return trial()
    except (*CANNOT, MemoryError) as error:
        if is_out_of_memory(error):
            raise ModelError(
                f"the device ran out of memory in a trial of {name.replace('_', ' ')}",
                hint="free memory on the device, or choose a smaller model",
            ) from error
        text = str(error).strip().split("\n")[0] or type(error).__name__
        expected = isinstance(error, NotImplementedError | ImportError)
        return text if expected else f"a trial fails: {text}"
