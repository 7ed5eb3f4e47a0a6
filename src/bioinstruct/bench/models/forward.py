"""A loaded decoder: its logits at chosen positions, and the trials that it must pass first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from bioinstruct.bench.models.capabilities import Capabilities
from bioinstruct.bench.models.fsdp import is_sharded
from bioinstruct.errors import ModelError

__all__ = ["Decoder", "tuning_budget"]

_VOCABULARY_PART = 16_384  # rows of a head held in float32 at one time: 256 MB at 4,096 dimensions


def tuning_budget(device: torch.device) -> int:
    """Return the tokens of a micro-batch: on a CPU 2,048 are no faster, and take more memory."""
    return 16_384 if device.type != "cpu" else 1024


class Decoder:
    """A causal language model of transformers, with or without an adapter around it.

    Args:
        model: the model, in evaluation mode.
        pad: the token that pads rows; since the model is causal, it changes nothing that is read.
        known: number of tokens that the tokenizer knows.
        name: the name of the model for messages.

    Raises:
        ModelError: the model is no decoder, or memory does not suffice to try it.
    """

    def __init__(self, model: Any, *, pad: int, known: int, name: str) -> None:
        self.model = model
        self.name = name
        self.device = next(model.parameters()).device
        self.token_budget = 16_384 if self.device.type != "cpu" else 2048
        """Tokens that are computed at one time in scoring."""
        self.tuning_budget = tuning_budget(self.device)
        """Tokens that are computed at one time in tuning."""
        self.pad = pad
        # A trial that fails half-way would leave the processes of a sharded model out of step.
        sharded = "its layers are held in shards" if is_sharded(model) else None
        self.capabilities = Capabilities(
            share_prefix=sharded, refill_rows=sharded, continuous_batching=sharded
        )
        """Fast methods found to be exact on this model so far."""
        self._known = known
        self._can_select = not self.why_not("select_logits", self._try_selection)
        self._check_causal()

    def why_not(self, capability: str, trial: Callable[[], str]) -> str:
        """Return why the model cannot use a fast way, "" if it can; try it the first time.

        Args:
            capability: a field of `Capabilities`.
            trial: run in evaluation mode; returns the reason against it, or "".

        Raises:
            ModelError: the device ran out of memory in the trial.
        """
        if (known := self.capabilities.table()[capability]) is not None:
            return known
        training = self.model.training
        self.model.eval()  # dropout would make a difference of its own
        try:
            return self.capabilities.why_not(capability, trial)
        finally:
            self.model.train(training)

    @property
    def bare(self) -> Any:
        """The transformers model inside the adapter's wrapper."""
        return self.model.get_base_model() if self.has_adapter else self.model

    @property
    def has_adapter(self) -> bool:
        return hasattr(self.model, "disable_adapter")

    @property
    def vocabulary(self) -> int:
        """Number of tokens that both the tokenizer and the embedding know."""
        rows: int = self.model.get_input_embeddings().weight.shape[0]
        return min(self._known, rows)

    def logits(
        self,
        ids: torch.Tensor,
        rows: torch.Tensor,
        columns: torch.Tensor,
        *,
        position_ids: torch.Tensor | None = None,
        precise: bool = False,
    ) -> torch.Tensor:
        """Return float32 logits at the selected positions only, shape (positions, vocabulary).

        The output head runs at these positions alone, which saves most of the memory of a large
        vocabulary; scaling and soft-capping behind the head still apply.

        Args:
            ids: right-padded token ids, shape (batch, length); causality makes a mask needless.
            rows: batch index of each position, shape (positions,).
            columns: position in its row, shape (positions,).
            position_ids: for rows of several examples, the position of each token in its own.
            precise: compute a head in half precision in float32, so that logits do not tie.
        """
        if not self._can_select:
            return self.forward(ids, position_ids).float()[rows, columns]
        with _selecting(self.bare.get_output_embeddings(), rows, columns, precise=precise):
            return self.forward(ids, position_ids).float()

    def forward(self, ids: torch.Tensor, position_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Return all logits, shape (rows, length, vocabulary).

        Without a cache: with one, transformers treats a row of several examples as one text.
        """
        own = {} if position_ids is None else {"position_ids": position_ids}
        logits: torch.Tensor = self.model(input_ids=ids, use_cache=False, **own).logits
        return logits

    def probe_ids(self, length: int = 8) -> torch.Tensor:
        """Return two rows of fixed random tokens, for trials."""
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(0, self.vocabulary, (2, length), generator=generator)
        return ids.to(self.device)

    def right_padded(self, rows: list[list[int]]) -> torch.Tensor:
        """Return token ids as one tensor, shape (rows, longest), padded on the right."""
        width = max(map(len, rows))
        padded = [[*row, *[self.pad] * (width - len(row))] for row in rows]
        return torch.tensor(padded, device=self.device)

    @torch.inference_mode()
    def _try_selection(self) -> str:
        """Compare logits of a head that runs at selected positions with those of the model."""
        ids = self.probe_ids()
        rows = torch.tensor([0, 1, 1], device=self.device)
        columns = torch.tensor([3, 0, 5], device=self.device)
        with _selecting(self.bare.get_output_embeddings(), rows, columns):
            selected = self.forward(ids).float()
        expected = self.forward(ids).float()[rows, columns]
        same = selected.shape == expected.shape and torch.allclose(selected, expected, atol=1e-3)
        return "" if same else "its head gives other logits at selected positions"

    @torch.inference_mode()
    def _check_causal(self) -> None:
        """Refuse a model in which a later token changes earlier predictions."""
        ids = self.probe_ids()
        changed = ids.clone()
        changed[:, -1] = (changed[:, -1] + 1) % self.vocabulary
        before, after = (self.forward(row).float()[:, :-1] for row in (ids, changed))
        if float((before - after).abs().max()) > 1e-3 * float(before.std()):
            raise ModelError(
                f"{self.name} is an encoder: later words change what it predicts for earlier ones",
                hint="bioinstruct-bench scores decoders (causal language models)",
            )


@contextmanager
def _selecting(
    head: Any, rows: torch.Tensor, columns: torch.Tensor, *, precise: bool = False
) -> Iterator[None]:
    """Run the output head at the selected positions alone, within the block."""
    chosen: list[torch.Tensor] = []
    precise = precise and type(head) is torch.nn.Linear and head.weight.dtype.itemsize == 2

    def select(module: Any, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        selected = args[0][rows, columns]
        chosen[:] = [selected]
        return (selected[:0] if precise else selected,)  # nothing is left to do in half precision

    def compute(module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
        return _in_float32(module, chosen[0])

    hooks = [head.register_forward_pre_hook(select)]
    if precise:
        hooks.append(head.register_forward_hook(compute))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _in_float32(head: torch.nn.Linear, selected: torch.Tensor) -> torch.Tensor:
    x = selected.float()
    weights = torch.split(head.weight, _VOCABULARY_PART)
    parts = [x @ part.float().T for part in weights]
    logits = torch.cat(parts, dim=-1)
    return logits if head.bias is None else logits + head.bias.float()
