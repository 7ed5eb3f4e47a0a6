"""Lay out the examples of an optimizer batch for the model without changing the gradient.

`padded`: rows of similar length, padded on the right without a mask, which is exact for every
causal model: no position sees what follows it. `packed`: examples end to end in one row, each with
positions and attention of its own; only if a trial on this model shows that they do not see
each other, because many architectures silently treat such a row as one text.
"""

from __future__ import annotations

import bisect
import contextlib
import random
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F

from bioinstruct.bench.models.attention import AttentionInputs, attending, why_not_packed
from bioinstruct.bench.models.base import Tunable

__all__ = [
    "PACKED_ROW",
    "MicroBatch",
    "TrainingExample",
    "fallback_reason",
    "micro_batches",
    "optimizer_batches",
    "packing",
    "similar",
]

Sizeable = TypeVar("Sizeable", bound=Sized)

TOLERANCE = 1e-3  # of the spread of the logits


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """The token ids of one example."""

    prompt: list[int]
    completion: list[int]
    """The answer and the end of sequence."""
    name: str = ""
    """The id of the example."""

    @property
    def fed(self) -> list[int]:
        """The input: all tokens but the last, after which nothing is predicted."""
        return [*self.prompt, *self.completion][:-1]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """The part of an optimizer batch that is computed at one time."""

    rows: list[TrainingExample]
    ids: torch.Tensor
    """Token ids, shape (rows, length)."""
    place: torch.Tensor
    """Row, column and target of each position that predicts an answer's token, shape (n, 3)."""
    position_ids: torch.Tensor | None = None
    bounds: tuple[int, ...] = ()
    """The start of each packed example, and the end of the row; empty for padded rows."""


def optimizer_batches(
    rows: Sequence[TrainingExample], *, batch_size: int, epochs: int, seed: int, skip: int = 0
) -> Iterator[list[TrainingExample]]:
    """Yield every row once an epoch, in batches; the last of an epoch may be smaller.

    The first `skip` batches, which an earlier run has done, are left out.
    """
    order = list(range(len(rows)))
    shuffle = random.Random(seed)
    step = 0
    for _ in range(epochs):
        shuffle.shuffle(order)
        for start in range(0, len(order), batch_size):
            step += 1
            if step > skip:
                yield [rows[i] for i in order[start : start + batch_size]]


def micro_batches(
    model: Tunable, batch: Sequence[TrainingExample], *, packed: bool, budget: int | None = None
) -> Iterator[MicroBatch]:
    """Yield parts of at most `budget` tokens (by default the model's), largest first."""
    for part in (_fitting if packed else similar)(batch, budget or model.tuning_budget):
        yield (_packed if packed else _padded)(model, part)


def similar(batch: Sequence[Sizeable], budget: int) -> Iterator[list[Sizeable]]:
    """Yield rows by length, in parts that fit the budget when padded to the longest."""
    part: list[Sizeable] = []
    for row in sorted(batch, key=len, reverse=True):
        if part and (len(part) + 1) * len(part[0]) > budget:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _fitting(batch: Sequence[TrainingExample], budget: int) -> list[list[TrainingExample]]:
    """Divide rows into few parts by best fit decreasing; an overlong row is alone in its part."""
    parts: list[list[TrainingExample]] = []
    room: list[tuple[int, int]] = []  # space left in each part, smallest first, and its number
    for row in sorted(batch, key=len, reverse=True):
        at = bisect.bisect_left(room, (len(row), -1))
        if at == len(room):
            parts.append([row])
            left, number = budget - len(row), len(parts) - 1
        else:
            left, number = room.pop(at)
            parts[number].append(row)
            left -= len(row)
        bisect.insort(room, (left, number))
    return parts


def _padded(model: Tunable, rows: list[TrainingExample]) -> MicroBatch:
    place = [
        (number, len(row.prompt) + offset - 1, token)
        for number, row in enumerate(rows)
        for offset, token in enumerate(row.completion)
    ]
    ids = model.right_padded([row.fed for row in rows])
    return MicroBatch(rows, ids, torch.tensor(place, device=model.device))


def _packed(model: Tunable, rows: list[TrainingExample]) -> MicroBatch:
    lengths = [len(row) - 1 for row in rows]
    bounds = tuple(accumulate(lengths, initial=0))
    place = [
        (0, start + len(row.prompt) + offset - 1, token)
        for row, start in zip(rows, bounds, strict=False)
        for offset, token in enumerate(row.completion)
    ]
    ids = [token for row in rows for token in row.fed]
    own = [position for length in lengths for position in range(length)]
    return MicroBatch(
        rows,
        torch.tensor([ids], device=model.device),
        torch.tensor(place, device=model.device),
        torch.tensor([own], device=model.device),
        bounds,
    )


class _Apart:
    """Causal attention inside each example of a packed row, and none between examples."""

    def __init__(self) -> None:
        self.bounds: tuple[int, ...] = ()

    @contextlib.contextmanager
    def within(self, bounds: tuple[int, ...]) -> Iterator[None]:
        """Set the bounds of the row within the block, in `backward` too, which may run it again."""
        before, self.bounds = self.bounds, bounds
        try:
            yield
        finally:
            self.bounds = before

    def __call__(self, inputs: AttentionInputs) -> torch.Tensor:
        query, key, value = inputs.query, inputs.key, inputs.value
        parts = [
            F.scaled_dot_product_attention(
                query[:, :, a:b],
                key[:, :, a:b],
                value[:, :, a:b],
                is_causal=True,
                scale=inputs.scale,
                dropout_p=inputs.dropout,
                enable_gqa=query.size(1) != key.size(1),
            )
            for a, b in pairwise(self.bounds or (0, query.size(2)))
        ]
        return torch.cat(parts, dim=2)


PACKED_ROW = _Apart()  # attention has no argument for the bounds


@contextlib.contextmanager
def packing(model: Tunable, *, longest: int) -> Iterator[bool]:
    """Have the model compute packed rows within the block; the value is False if it cannot.

    Args:
        model: the model, with its adapter.
        longest: the longest example in tokens; a sliding window must not be shorter.

    Raises:
        ModelError: the device ran out of memory in the trial.
    """
    if fallback_reason(model, longest=longest):
        yield False
        return
    with attending(model.bare, PACKED_ROW):
        yield True


def fallback_reason(model: Tunable, *, longest: int) -> str:
    """Return why examples of at most this many tokens cannot be packed, "" if they can."""
    forbidden = why_not_packed(model.bare.config, longest)
    return forbidden or model.why_not("pack", lambda: _try_packing(model))


@torch.inference_mode()
def _try_packing(model: Tunable) -> str:
    """Compare the logits of three packed examples with those that each has alone."""
    width = model.probe_ids().shape[1]
    examples = [
        TrainingExample(ids[: width - n - 1], ids[width - n - 1 :])
        for n, ids in enumerate(_probes(model))
    ]
    together = _packed(model, examples)
    with attending(model.bare, PACKED_ROW):
        with PACKED_ROW.within(together.bounds):
            packed = model.forward(together.ids, together.position_ids)[0].float()
        alone = [
            model.forward(torch.tensor([example.fed], device=model.device), None)[0].float()
            for example in examples
        ]
    expected = torch.cat(alone)
    if packed.shape != expected.shape:
        return "packed rows have logits of another shape"
    apart = float((packed - expected).abs().max() / expected.std())
    return "" if apart <= TOLERANCE else f"in a trial packed logits differ by {apart:.2g} spreads"


def _probes(model: Tunable) -> list[list[int]]:
    first, second = model.probe_ids().tolist()
    return [first, second, first[::-1]]
