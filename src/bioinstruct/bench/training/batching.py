"""How the examples of an optimizer batch are laid out for the model, without changing the gradient.

`padded`: rows of similar length, padded on the right without a mask, which is exact for every
causal model: no position sees what comes behind it. `packed`: examples end to end in one
row, each with positions and attention of its own; only where a trial on this very model shows that
they do not see each other, because many architectures take such a row for one text without a word.
"""

from __future__ import annotations

import bisect
import contextlib
import math
import random
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import torch
import torch.nn.functional as F

from bioinstruct.bench.models.attention import AttentionInputs, attending
from bioinstruct.bench.models.base import Tunable

__all__ = [
    "PACKED_ROW",
    "MicroBatch",
    "TrainingExample",
    "micro_batches",
    "optimizer_batches",
    "packing",
    "similar",
]

Sizeable = TypeVar("Sizeable", bound=Sized)

TOLERANCE = 1e-3  # of the spread of the logits


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One example as token ids."""

    prompt: list[int]
    completion: list[int]
    """The answer and the end of sequence."""
    name: str = ""
    """The id of the example."""

    @property
    def fed(self) -> list[int]:
        """What the model is given: all but the last token, behind which nothing is predicted."""
        return [*self.prompt, *self.completion][:-1]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """A part of an optimizer batch that is computed at one time."""

    rows: list[TrainingExample]
    ids: torch.Tensor
    """Token ids, shape (rows, length)."""
    place: torch.Tensor
    """Row, column and target of each position that predicts an answer's token, shape (n, 3)."""
    position_ids: torch.Tensor | None = None
    bounds: tuple[int, ...] = ()
    """Where each packed example begins, and the end; empty for padded rows."""


def optimizer_batches(
    rows: Sequence[TrainingExample], *, batch_size: int, epochs: int, seed: int, skip: int = 0
) -> Iterator[list[TrainingExample]]:
    """Every row once an epoch, in batches; the last of an epoch may be smaller.

    The first `skip` batches are left out: those that an earlier run has done.
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
    """The batch in parts of at most `budget` tokens, by default the model's, largest first."""
    for part in (_fitting if packed else similar)(batch, budget or model.tuning_budget):
        yield (_packed if packed else _padded)(model, part)


def similar(batch: Sequence[Sizeable], budget: int) -> Iterator[list[Sizeable]]:
    """Rows by length, in parts that fit the budget when all are padded to the longest."""
    part: list[Sizeable] = []
    for row in sorted(batch, key=len, reverse=True):
        if part and (len(part) + 1) * len(part[0]) > budget:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _fitting(batch: Sequence[TrainingExample], budget: int) -> list[list[TrainingExample]]:
    """Rows into as few parts as can be: best fit decreasing; one that is too long stands alone."""
    parts: list[list[TrainingExample]] = []
    room: list[tuple[int, int]] = []  # what is left in each part, smallest first, and its number
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
    """Causal attention inside each example of a packed row, and none between them."""

    def __init__(self) -> None:
        self.bounds: tuple[int, ...] = ()

    @contextlib.contextmanager
    def within(self, bounds: tuple[int, ...]) -> Iterator[None]:
        """The row in work within this block; backward too, which may compute attention again."""
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
    """Within this block the model computes packed rows, if it can: the value says so.

    Args:
        model: the model, with its adapter.
        longest: the longest example in tokens: a sliding window must not be shorter.
    """
    bare = model.bare
    with contextlib.ExitStack() as replaced:
        can = _windows_suffice(bare.config, longest)
        try:
            if can:
                replaced.enter_context(attending(bare, PACKED_ROW))
                can = _examples_are_apart(model)
        except NotImplementedError:
            can = False
        if not can:
            replaced.close()
        yield can


def _windows_suffice(config: Any, longest: int) -> bool:
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None) or math.inf
    chunk = getattr(text, "attention_chunk_size", None) or math.inf
    return longest <= min(window, chunk)


@torch.inference_mode()
def _examples_are_apart(model: Tunable) -> bool:
    """Whether three packed examples have the logits that each has alone."""
    width = model.probe_ids().shape[1]
    rows = [
        TrainingExample(ids[: width - n - 1], ids[width - n - 1 :])
        for n, ids in enumerate(_probes(model))
    ]
    training = model.model.training
    model.model.eval()
    try:
        together = _packed(model, rows)
        with PACKED_ROW.within(together.bounds):
            packed = model.forward(together.ids, together.position_ids)[0].float()
        alone = []
        for row in rows:
            alone.append(
                model.forward(torch.tensor([row.fed], device=model.device), None)[0].float()
            )
        expected = torch.cat(alone)
    except (NotImplementedError, AttributeError, IndexError, RuntimeError, TypeError, ValueError):
        return False
    finally:
        model.model.train(training)
    apart = float((packed - expected).abs().max())
    return packed.shape == expected.shape and apart <= TOLERANCE * float(expected.std())


def _probes(model: Tunable) -> list[list[int]]:
    first, second = model.probe_ids().tolist()
    return [first, second, first[::-1]]
