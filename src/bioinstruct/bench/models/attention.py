"""Replace the attention of a transformers model, to compute texts end to end over shared keys.

`attending` replaces it, in scoring and in tuning. An `AttentionFn` decides which tokens see which:
`Recording` keeps the keys and values of a shared prefix; `Packed` computes many texts in one row,
where each text sees itself and the prefix, and may branch at its end. Shared keys and values are
never copied: attention to them and attention inside a text are computed separately and joined by
the log-sum-exp of each, which is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch

__all__ = [
    "AttentionFn",
    "AttentionInputs",
    "KeyValues",
    "Packed",
    "Recording",
    "Segment",
    "attend",
    "attending",
    "by_hand",
    "join",
    "to_shared",
    "why_not_packed",
]

ATTENTION = "bioinstruct_shared"
_QUERIES = 2048  # whose scores are held at once, where no kernel gives the log-sum-exp

KeyValues = dict[Any, tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each attention module, shape (1, heads, tokens, dimension)."""


@dataclass(frozen=True, slots=True)
class AttentionInputs:
    """The inputs of an attention module; tensors have shape (batch, heads, tokens, size)."""

    module: Any
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    scale: float | None
    dropout: float
    """0 outside of training."""


AttentionFn = Callable[[AttentionInputs], torch.Tensor]
"""Computes attention in place of the model; returns the shape of the query."""

_FUNCTIONS: list[AttentionFn] = []  # attention has no argument for it


@contextmanager
def attending(bare: Any, work: AttentionFn) -> Iterator[None]:
    """Compute the model's attention by `work` within the block.

    Raises:
        NotImplementedError: the model does not let its attention be replaced.
    """
    before = bare.config._attn_implementation
    _FUNCTIONS.append(work)
    try:
        _switch(bare, ATTENTION)
        yield
    finally:
        _FUNCTIONS.pop()
        _switch(bare, before)


def _switch(bare: Any, name: str) -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION, _attention)
    try:
        bare.set_attn_implementation(name)
    except (AttributeError, ImportError, KeyError, ValueError) as error:
        raise NotImplementedError("its attention cannot be replaced") from error
    if bare.config._attn_implementation != name:
        raise NotImplementedError("its attention cannot be replaced")


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    odd = [name for name in ("softcap", "s_aux") if options.get(name) is not None]
    if odd or attention_mask is not None:
        raise NotImplementedError(f"its attention has {odd or 'a mask of its own'}")
    out = _FUNCTIONS[-1](AttentionInputs(module, query, key, value, scaling, dropout))
    return out.transpose(1, 2).contiguous(), None


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    scale: float | None,
    causal: bool = False,
    mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attention and the log-sum-exp of its scores, of shape (batch, heads, queries)."""
    if query.device.type == "cpu":
        out, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, causal, attn_mask=mask, scale=scale
        )
        return out, total
    parts = [
        by_hand(part, key, value, scale=scale, causal=causal, mask=mask)
        for part in (torch.split(query, _QUERIES, 2) if mask is None and not causal else [query])
    ]
    return torch.cat([part[0] for part in parts], 2), torch.cat([part[1] for part in parts], 2)


def by_hand(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    scale: float | None,
    causal: bool = False,
    mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute what `attend` does on any device, with all scores in memory at once."""
    size = query.size(-1) ** -0.5 if scale is None else scale
    scores = (query @ key.transpose(-1, -2)).float() * size
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1).to(value.dtype) @ value, scores.logsumexp(-1)


def join(
    one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Return attention to two sets of keys, given attention to each and its log-sum-exp."""
    weight = torch.sigmoid(other[1] - one[1]).unsqueeze(-1)
    return torch.lerp(one[0].float(), other[0].float(), weight).to(one[0].dtype)


def to_shared(
    query: torch.Tensor, shared: tuple[torch.Tensor, torch.Tensor], scale: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return attention of every query of every row to the same keys, which are not copied.

    Rows, and the heads that share keys, are folded into one axis of queries.
    """
    batch, heads, length, size = query.shape
    of = shared[0].size(1)
    folded = query.reshape(batch, of, -1, length, size).transpose(0, 1)
    out, total = attend(folded.reshape(1, of, -1, size), *shared, scale=scale)
    apart = (of, batch, heads // of, length)
    out = out.reshape(*apart, size).transpose(0, 1).reshape(query.shape)
    return out, total.reshape(apart).transpose(0, 1).reshape(batch, heads, length)


def _for_each_head(inputs: AttentionInputs) -> tuple[torch.Tensor, torch.Tensor]:
    key, value = inputs.key, inputs.value
    times = inputs.query.size(1) // key.size(1)
    if times == 1:
        return key, value
    return key.repeat_interleave(times, dim=1), value.repeat_interleave(times, dim=1)


@dataclass(slots=True)
class Recording:
    """Compute causal attention of one text and keep its keys and values."""

    kept: KeyValues = field(default_factory=dict)

    def __call__(self, inputs: AttentionInputs) -> torch.Tensor:
        self.kept[inputs.module] = (inputs.key.contiguous(), inputs.value.contiguous())
        keys, values = _for_each_head(inputs)
        return attend(inputs.query, keys, values, scale=inputs.scale, causal=True)[0]


@dataclass(frozen=True, slots=True)
class Segment:
    """One text of a packed row: [start, branch) in sequence, [branch, end) as the mask says."""

    start: int
    branch: int
    end: int
    mask: torch.Tensor | None = None
    """Mask of tokens seen behind the branch: 0 or -inf, (end - branch, end - start)."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Compute texts end to end in one row; each sees itself and the shared keys."""

    segments: Sequence[Segment]
    shared: KeyValues | None = None
    keep: Callable[[Any, torch.Tensor, torch.Tensor], None] = lambda module, key, value: None
    """Called with the keys and values of the whole row."""

    def __call__(self, inputs: AttentionInputs) -> torch.Tensor:
        self.keep(inputs.module, inputs.key, inputs.value)
        keys, values = _for_each_head(inputs)
        each = replace(inputs, key=keys, value=values)
        parts = [part for segment in self.segments for part in _own(segment, each)]
        out = torch.cat([part[0] for part in parts], dim=2)
        if self.shared is None:
            return out
        total = torch.cat([part[1] for part in parts], dim=2)
        return join((out, total), to_shared(inputs.query, self.shared[inputs.module], inputs.scale))


def _own(segment: Segment, inputs: AttentionInputs) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield attention of a text to itself, in one or two parts."""
    query, key, value, scale = inputs.query, inputs.key, inputs.value, inputs.scale
    start, branch, end = segment.start, segment.branch, segment.end
    first, rest = slice(start, branch), slice(start, end)
    yield attend(query[:, :, first], key[:, :, first], value[:, :, first], scale=scale, causal=True)
    if end > branch:
        mask = None if segment.mask is None else segment.mask[None, None].to(query.dtype)
        behind = query[:, :, branch:end]
        yield attend(behind, key[:, :, rest], value[:, :, rest], scale=scale, mask=mask)


def why_not_packed(config: Any, longest: int) -> str:
    """Return why the configuration forbids packing texts of this length into one row, or "".

    The one rule for scoring, generation and tuning. It covers what a trial on short texts cannot
    see, such as a sliding window; a trial must still show that packing is exact on the model.
    """
    text = config.get_text_config()
    for name in ("sliding_window", "attention_chunk_size"):
        window = getattr(text, name, None)
        if window and longest > window:
            return f"its {name} of {window} is shorter than a text of {longest} tokens"
    if any(getattr(text, name, None) for name in ("attn_logit_softcapping", "alibi")):
        return "its attention has soft-capping or ALiBi"
    known = {"full_attention", "sliding_attention", "chunked_attention"}
    if odd := set(getattr(text, "layer_types", None) or []) - known:
        return f"it has layers of {', '.join(sorted(odd))}"
    if odd := _rope_types(getattr(text, "rope_parameters", None)) & {"dynamic", "longrope"}:
        return f"its positions depend on the length of the text ({', '.join(odd)})"
    return ""


def _rope_types(parameters: Any) -> set[str]:
    if not isinstance(parameters, dict):
        return set()
    found = {str(parameters[k]) for k in ("rope_type", "type") if k in parameters}
    return found.union(*map(_rope_types, parameters.values()))
