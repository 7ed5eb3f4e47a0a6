"""The loss on answers: cross-entropy at the positions that are learnt, and nowhere else.

The output head is the largest matrix of a small model, and its logits, positions times vocabulary,
the largest tensor. Here it runs over the answers' positions in chunks, and the gradient of the
hidden states is formed in the same pass, so that no logits are kept for the way back.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from bioinstruct.bench.models.base import Tunable

__all__ = ["AnswerLoss"]

CHUNK = 1 << 22  # logits held at one time


class AnswerLoss:
    """Summed cross-entropy in nats of a model's answers.

    `fused` says whether the head runs here; where a trial at the start finds a difference from the
    model's own logits (soft-capping, scaling, a head that is trained), the model's own are used.
    """

    def __init__(self, model: Tunable) -> None:
        self._model = model
        self.fused = self._is_exact()

    def __call__(
        self,
        ids: torch.Tensor,
        place: torch.Tensor,
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The sum over all answer tokens, ready for `backward`.

        Args:
            ids: token ids, shape (rows, length).
            place: row, column and target token of each position that predicts, shape (n, 3).
            position_ids: where several examples share a row: their own positions.
        """
        rows, columns, targets = place.unbind(1)
        if not self.fused:
            logits = self._model.logits(ids, rows, columns, position_ids=position_ids)
            return F.cross_entropy(logits, targets, reduction="sum")
        hidden = self._hidden(ids, position_ids)[rows, columns]
        head = self._head()
        return _FusedLoss.apply(hidden, head.weight, getattr(head, "bias", None), targets)  # type: ignore[no-untyped-call, no-any-return]

    def _head(self) -> Any:
        return self._model.bare.get_output_embeddings()

    def _hidden(self, ids: torch.Tensor, position_ids: torch.Tensor | None) -> torch.Tensor:
        """What the head is given, shape (rows, length, width)."""
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

    def _is_exact(self) -> bool:
        """Try it on a few tokens: the same loss and the same gradient as the model's own."""
        model = self._model
        try:
            head = self._head()
            if type(head) is not torch.nn.Linear or head.weight.requires_grad:
                return False
            ids = model.probe_ids()
            place = torch.tensor([[0, 3, 5], [1, 0, 7], [1, 5, 2]], device=model.device)
            rows, columns, targets = place.unbind(1)
            training = model.model.training
            model.model.eval()  # dropout would make a difference of its own
            try:
                with torch.no_grad():
                    self.fused = True
                    fused = float(self(ids, place))
                    own = model.logits(ids, rows, columns)
                    expected = float(F.cross_entropy(own, targets, reduction="sum"))
            finally:
                model.model.train(training)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            return False
        return abs(fused - expected) <= 1e-3 * max(1.0, abs(expected))


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
