"""A decoder that is loaded: logits where they are wanted, and what has to be known of it first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from bioinstruct.errors import ModelError

__all__ = ["Decoder", "tuning_budget"]

_VOCABULARY_PART = 16_384  # rows of a head held in float32 at one time: 256 MB at 4,096 dimensions


def tuning_budget(device: torch.device) -> int:
    """Tokens of a micro-batch: on a CPU 2,048 are no faster, and take twice the memory."""
    return 16_384 if device.type != "cpu" else 1024


class Decoder:
    """A causal language model of transformers, with or without an adapter around it.

    Args:
        model: the model, in evaluation mode.
        pad: the token that fills rows up; causality makes it matter to nothing that is read.
        known: number of tokens that the tokenizer knows.
        name: what to call the model in messages.

    Raises:
        ModelError: the model is no decoder.
    """

    def __init__(self, model: Any, *, pad: int, known: int, name: str) -> None:
        self.model = model
        self.name = name
        self.device = next(model.parameters()).device
        self.token_budget = 16_384 if self.device.type != "cpu" else 2048
        """Tokens that are computed at one time when it is asked."""
        self.tuning_budget = tuning_budget(self.device)
        """And when it is tuned."""
        self.pad = pad
        self.only_plain = ""
        """Why the fast ways of scoring are closed to it, where they are."""
        self.trials: dict[str, str] = {}
        """What has been tried on this model, and why it cannot; empty where it can."""
        self._known = known
        self._can_select = self._selection_is_exact()
        self._check_causal()

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
        """Float32 logits of the selected positions only, shape (positions, vocabulary).

        The output head runs on these positions alone, which saves most of the memory of a large
        vocabulary; the models' own scaling and soft-capping behind the head still apply.

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
        """All logits, shape (rows, length, vocabulary), as the model gives them.

        Without a cache: with one, transformers takes a row of several examples for one text.
        """
        own = {} if position_ids is None else {"position_ids": position_ids}
        logits: torch.Tensor = self.model(input_ids=ids, use_cache=False, **own).logits
        return logits

    def probe_ids(self, length: int = 8) -> torch.Tensor:
        """Two rows of random tokens, the same each time, to try something out with."""
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(0, self.vocabulary, (2, length), generator=generator)
        return ids.to(self.device)

    def right_padded(self, rows: list[list[int]]) -> torch.Tensor:
        """Token ids as one tensor, shape (rows, longest), padded on the right."""
        width = max(map(len, rows))
        padded = [[*row, *[self.pad] * (width - len(row))] for row in rows]
        return torch.tensor(padded, device=self.device)

    @torch.inference_mode()
    def _selection_is_exact(self) -> bool:
        """Whether the head may run on selected positions: tried once, on this very model."""
        ids = self.probe_ids()
        rows = torch.tensor([0, 1, 1], device=self.device)
        columns = torch.tensor([3, 0, 5], device=self.device)
        try:
            with _selecting(self.bare.get_output_embeddings(), rows, columns):
                selected = self.forward(ids).float()
        except (AttributeError, IndexError, RuntimeError, TypeError):
            return False
        expected = self.forward(ids).float()[rows, columns]
        return selected.shape == expected.shape and torch.allclose(selected, expected, atol=1e-3)

    @torch.inference_mode()
    def _check_causal(self) -> None:
        """Refuse a model in which a later token changes what is predicted before it."""
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
    """Within this block the output head runs on the selected positions alone."""
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
