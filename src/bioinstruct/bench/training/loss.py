"""The loss on answers: cross-entropy at the positions that are learnt, and nowhere else.

The output head is the largest matrix of a small model, and its logits (positions times vocabulary)
are the largest tensor. Here the head runs at the positions of answers in chunks, and the gradient
of the hidden states is computed in the same pass, so that no logits are kept for `backward`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

from bioinstruct.bench.models.base import Tunable

__all__ = ["AnswerLoss"]

CHUNK = 1 << 22  # logits held at one time


class AnswerLoss:
    """Summed cross-entropy in nats of a model's answers.

    If `fused`, the head runs here. Otherwise the model's own logits are used: a trial at the start
    found another loss or another gradient (soft-capping, scaling), or the head itself is trained.
    """

    def __init__(self, model: Tunable) -> None:
        self._model = model
        self.fused = not model.why_not("fuse_loss", self._try_fusing)

    def __call__(
        self,
        ids: torch.Tensor,
        place: torch.Tensor,
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the sum over all answer tokens, in nats, ready for `backward`.

        Args:
            ids: token ids, shape (rows, length).
            place: row, column and target token of each position that predicts, shape (n, 3).
            position_ids: the position of each token in its own example, if examples share a row.
        """
        rows, columns, targets = place.unbind(1)
        if not self.fused:
            logits = self._model.logits(ids, rows, columns, position_ids=position_ids)
            return F.cross_entropy(logits, targets, reduction="sum")
        return self._fused(self._hidden(ids, position_ids)[rows, columns], targets)

    def _fused(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        head = self._head()
        return _FusedLoss.apply(hidden, head.weight, getattr(head, "bias", None), targets)  # type: ignore[no-untyped-call, no-any-return]

    def _head(self) -> Any:
        return self._model.bare.get_output_embeddings()

    def _hidden(self, ids: torch.Tensor, position_ids: torch.Tensor | None) -> torch.Tensor:
        """Return the input of the head, shape (rows, length, width)."""
        seen: list[torch.Tensor] = []

        def take(module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            seen.append(args[0])
            return (args[0][:1, :1],)

        handle = self._head().register_forward_pre_hook(take)
        try:
            self._model.forward(ids, position_ids)
        finally:
            handle.remove()
        [hidden] = seen
        return hidden

    def _try_fusing(self) -> str:
        """Compare loss and gradient with those of the model's own logits on a few tokens.

        The gradient is that of the hidden states before the head: everything below is the same.
        """
        model, head = self._model, self._head()
        if type(head) is not torch.nn.Linear:
            return f"its head is a {type(head).__name__}"
        if head.weight.requires_grad:
            return "its head is trained"
        ids = model.probe_ids()
        place = torch.tensor([[0, 3, 5], [1, 0, 7], [1, 5, 2]], device=model.device)
        rows, columns, targets = place.unbind(1)
        with torch.no_grad():
            hidden = self._hidden(ids, None)
        with torch.enable_grad():
            mine, own = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
            fused = self._fused(mine[rows, columns], targets)
            with _replacing_input(head, own):
                logits = model.logits(ids, rows, columns)
            expected = F.cross_entropy(logits, targets, reduction="sum")
            [gradient] = torch.autograd.grad(fused, mine)
            [right] = torch.autograd.grad(expected, own)
        found, wanted = float(fused.detach()), float(expected.detach())
        if not abs(found - wanted) <= 1e-3 * max(1.0, abs(wanted)):
            return f"in a trial its loss is {wanted:.4g}, not {found:.4g}"
        apart = float((gradient - right).abs().max() / right.abs().max())
        exact = apart <= (1e-3 if right.dtype.itemsize > 2 else 0.02)
        return "" if exact else f"in a trial its gradient differs by {apart:.2g} of the largest"


@contextlib.contextmanager
def _replacing_input(head: Any, hidden: torch.Tensor) -> Iterator[None]:
    """Give the head these hidden states instead of the model's, within the block."""
    handle = head.register_forward_pre_hook(lambda module, args: (hidden,))
    try:
        yield
    finally:
        handle.remove()


class _FusedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
    ) -> torch.Tensor:
        kind = (
            torch.get_autocast_dtype(hidden.device.type)
            if torch.is_autocast_enabled(hidden.device.type)
            else weight.dtype
        )
        wide, low = hidden.to(kind), weight.to(kind)
        shift = None if bias is None else bias.to(kind)
        gradient = torch.empty_like(wide)
        total = torch.zeros((), dtype=torch.float64, device=hidden.device)
        size = max(1, CHUNK // weight.shape[0])
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(targets), size):
                part, goal = slice(start, start + size), targets[start : start + size]
                logits = F.linear(wide[part], low, shift).float()
                normaliser = torch.logsumexp(logits, dim=1, keepdim=True)
                total += (normaliser.squeeze(1) - logits.gather(1, goal[:, None]).squeeze(1)).sum()
                logits.sub_(normaliser).exp_()
                logits[torch.arange(len(goal), device=goal.device), goal] -= 1
                torch.mm(logits.to(kind), low, out=gradient[part])
        ctx.save_for_backward(gradient.to(hidden.dtype))
        return total.to(torch.float32)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        [gradient] = ctx.saved_tensors
        return gradient * grad_outputs[0].to(gradient.dtype), None, None, None
