"""Log-likelihoods of given answers by three exact plans, and the trial that chooses between them.

`flat` feeds a row for each option and works for any architecture. `tree` computes each context once
for all of its options. `cascade` also computes what all contexts begin with, the worked examples,
once for all of them. The output head runs only where something is read, always in float32.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum

import torch

from bioinstruct.bench.models.attention import (
    KeyValues,
    Packed,
    Recording,
    Segment,
    attending,
    why_not_packed,
)
from bioinstruct.bench.models.forward import Decoder
from bioinstruct.bench.models.token_tree import (
    LogitPositions,
    LoglikelihoodRequest,
    Row,
    batches,
    common_prefix,
    flat_rows,
    group_by,
    tree_row,
)
from bioinstruct.errors import ModelError

__all__ = ["MIN_PREFIX", "Plan", "Scorer", "branch_mask", "record"]

MIN_PREFIX = 32  # tokens; sharing fewer saves less than joining two attentions costs
_LOGITS = 2**26  # numbers held at once: 256 MB in float32
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}  # nats per token
_HALF_TOLERANCE = 0.1


class Plan(StrEnum):
    """The ways to compute log-likelihoods; all give the same numbers."""

    AUTO = "auto"
    """The fastest that the model can, found by a trial."""
    FLAT = "flat"
    """A row for each option."""
    TREE = "tree"
    """A row for each context, in which its options branch off."""
    CASCADE = "cascade"
    """As `tree`, and what all contexts begin with is computed once."""


class Scorer:
    """Compute log-likelihoods by a plan.

    Args:
        decoder: the model.
        plan: the plan; `tree` and `cascade` are refused if they are not exact on the model.
    """

    def __init__(self, decoder: Decoder, plan: Plan = Plan.AUTO) -> None:
        self.decoder = decoder
        self.plan = plan
        self.used = plan
        """The plan of the last answer."""
        self.fallback_reason = ""
        """Why `auto` chose `flat` for it, if it did."""

    def score(
        self, questions: Sequence[LoglikelihoodRequest]
    ) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Yield the index of each request and the log-likelihoods of its options, in nats.

        Raises:
            ModelError: the model cannot be scored by this plan, or an option is empty.
        """
        if not all(q.context and q.options and all(q.options) for q in questions):
            raise ModelError("a context or an option without a token cannot be scored")
        config = self.decoder.bare.config
        for part in group_by(list(map(len, questions)), lambda n: not why_not_packed(config, n)):
            for number, sums in self._score([questions[n] for n in part]):
                yield part[number], sums

    def _score(
        self, questions: Sequence[LoglikelihoodRequest]
    ) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Score by one plan, the same for all requests."""
        contexts: dict[tuple[int, ...], list[int]] = {}
        for number, question in enumerate(questions):
            contexts.setdefault(question.context, []).append(number)
        starts = [0]
        for question in questions:
            starts.append(starts[-1] + len(question.options))
        sums = torch.zeros(starts[-1], dtype=torch.float64)
        self.used = self._resolve(max(map(len, questions)))
        skip = common_prefix(list(contexts)) if len(contexts) > 1 else 0
        if self.used is Plan.TREE or self.used is Plan.FLAT or skip < MIN_PREFIX:
            skip = 0
        groups = []
        for context, numbers in contexts.items():
            options = [
                (starts[n] + i, option)
                for n in numbers
                for i, option in enumerate(questions[n].options)
            ]
            flat = self.used is Plan.FLAT
            rows = flat_rows(context, options) if flat else [tree_row(context, options, skip=skip)]
            groups.append(rows)
        shared = record(self.decoder, next(iter(contexts))[:skip]) if skip else None
        of_group = list(contexts.values())
        for batch in self._batches(groups):
            self._compute([row for number in batch for row in groups[number]], shared, sums)
            for number in (n for group in batch for n in of_group[group]):
                yield number, tuple(sums[starts[number] : starts[number + 1]].tolist())

    def apart(self, questions: Sequence[LoglikelihoodRequest]) -> float:
        """Return the largest difference from `flat`, in nats per token of an option."""
        others = Scorer(self.decoder, Plan.FLAT)
        found, expected = dict(self.score(questions)), dict(others.score(questions))
        return max(
            abs(one - other) / len(option)
            for number, question in enumerate(questions)
            for one, other, option in zip(
                found[number], expected[number], question.options, strict=True
            )
        )

    def _batches(self, groups: list[list[Row]]) -> Iterator[list[int]]:
        return batches(
            groups,
            tokens=self.decoder.token_budget,
            slots=max(1, _LOGITS // self.decoder.model.get_input_embeddings().weight.shape[0]),
            padded=self.used is Plan.FLAT,
        )

    def _resolve(self, longest: int) -> Plan:
        if self.plan is Plan.FLAT:
            return Plan.FLAT
        self.fallback_reason = why_not_packed(self.decoder.bare.config, longest)
        self.fallback_reason = self.fallback_reason or self.decoder.why_not(
            "share_prefix", self._try_sharing
        )
        if not self.fallback_reason:
            return Plan.CASCADE if self.plan is Plan.AUTO else self.plan
        if self.plan is Plan.AUTO:
            return Plan.FLAT
        raise ModelError(
            f"{self.decoder.name} cannot be scored by the plan {self.plan}: {self.fallback_reason}",
            hint="use the plan `auto` or `flat`",
        )

    def _try_sharing(self) -> str:
        """Compare `cascade` with `flat` on three contexts that begin alike."""
        apart = Scorer(self.decoder, Plan.CASCADE).apart(_trial_requests(self.decoder))
        limit = _TOLERANCE.get(self.decoder.bare.dtype, _HALF_TOLERANCE)
        exact = apart <= limit or math.isnan(apart)  # NaN weights are nobody's plan
        return "" if exact else f"a trial differs by {apart:.2g} nats per token"

    @torch.inference_mode()
    def _compute(self, rows: list[Row], shared: KeyValues | None, sums: torch.Tensor) -> None:
        slots = LogitPositions()
        if self.used is Plan.FLAT:
            ids = self.decoder.right_padded([row.ids for row in rows])
            for number, row in enumerate(rows):
                for read in row.reads:
                    slots.add(number, read.position, read)
            logits = self.decoder.logits(ids, *self._place(slots), precise=True)
        else:
            segments: list[Segment] = []
            at = 0
            for row in rows:
                for read in row.reads:
                    slots.add(0, at + read.position, read)
                mask = branch_mask(row, self.decoder.device)
                segments.append(Segment(at, at + row.trunk, at + len(row.ids), mask))
                at += len(row.ids)
            ids, own = self._end_to_end(rows)
            with attending(self.decoder.bare, Packed(segments, shared)):
                logits = self.decoder.logits(
                    ids, *self._place(slots), position_ids=own, precise=True
                )
        _add_up(logits, slots, sums)

    def _place(self, slots: LogitPositions) -> tuple[torch.Tensor, torch.Tensor]:
        place = torch.tensor(list(slots.place), device=self.decoder.device)
        return place[:, 0], place[:, 1]

    def _end_to_end(self, rows: list[Row]) -> tuple[torch.Tensor, torch.Tensor]:
        both = [
            [[i for row in rows for i in row.ids]],
            [[p for row in rows for p in row.positions]],
        ]
        ids, positions = torch.tensor(both, device=self.decoder.device)
        return ids, positions


@torch.inference_mode()
def record(decoder: Decoder, prefix: Sequence[int]) -> KeyValues:
    """Return the keys and values of a prefix of several texts."""
    recording = Recording()
    first = torch.zeros(1, dtype=torch.long, device=decoder.device)
    positions = torch.arange(len(prefix), device=decoder.device)[None]
    with attending(decoder.bare, recording):
        ids = torch.tensor([list(prefix)], device=decoder.device)
        decoder.logits(ids, first, first, position_ids=positions)
    return recording.kept


def branch_mask(row: Row, device: torch.device) -> torch.Tensor | None:
    """Return the mask behind a trunk: a token sees the trunk, its own branch and itself."""
    if not row.parents:
        return None
    seen = torch.zeros(len(row.parents), len(row.ids), dtype=torch.bool)
    seen[:, : row.trunk] = True
    for node, parent in enumerate(row.parents):
        if parent >= row.trunk:
            seen[node] = seen[parent - row.trunk]
        seen[node, row.trunk + node] = True
    return torch.zeros(seen.shape).masked_fill_(~seen, float("-inf")).to(device)


def _add_up(
    logits: torch.Tensor, slots: LogitPositions, sums: torch.Tensor, *, part: int = 128
) -> None:
    """Add each log-probability to the sum of its option."""
    reads = torch.tensor(slots.reads, device=logits.device)
    total = torch.cat([rows.logsumexp(-1) for rows in torch.split(logits, part)])
    scores = logits[reads[:, 0], reads[:, 1]] - total[reads[:, 0]]
    sums.index_add_(0, reads[:, 2].cpu(), scores.double().cpu())


def _trial_requests(decoder: Decoder) -> list[LoglikelihoodRequest]:
    """Return three random contexts with a shared prefix, and options with shared prefixes."""
    ids: list[int] = decoder.probe_ids(MIN_PREFIX + 16)[0].tolist()
    begin, rest = ids[: MIN_PREFIX + 2], ids[MIN_PREFIX + 2 :]
    a, b, c, d = rest[:4]
    options = ((a,), (b, c), (b, d, a), (d, c, c, b))
    return [LoglikelihoodRequest((*begin, *rest[n::2], b), options) for n in (0, 3, 9)]
