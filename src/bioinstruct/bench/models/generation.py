"""Greedy generation: rows of different lengths that are refilled as they finish, none padded.

The shared prefix of all prompts is computed once. Each row has its own length and positions, so a
completion is what the model would write after its prompt alone. A trial on the model checks that;
if it fails, `generate` of transformers is used in batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch

from bioinstruct.bench.models.attention import (
    AttentionInputs,
    KeyValues,
    Packed,
    Segment,
    attending,
    join,
    to_shared,
    why_not_packed,
)
from bioinstruct.bench.models.forward import Decoder
from bioinstruct.bench.models.hf_generate import continuous, plain
from bioinstruct.bench.models.loglikelihood import MIN_PREFIX, record
from bioinstruct.bench.models.token_tree import common_prefix, group_by
from bioinstruct.errors import ModelError

__all__ = ["ROWS", "Engine", "Generator"]

Ended = Callable[[list[int]], bool]
"""Returns True if the ids so far hold a string that ends the completion."""

ROWS = {"cpu": 16}
"""Texts in progress at one time, by device."""
_MORE_ROWS = 128  # on an accelerator
_KEPT = 16  # times the token budget: how many tokens' keys and values may be held


class Engine(StrEnum):
    """The ways to generate; all give the same completions."""

    AUTO = "auto"
    """The first of the others that the model and the machine can."""
    CONTINUOUS = "continuous"
    """Continuous batching of transformers: `auto` takes it on an accelerator, without strings to
    stop at, which it does not know."""
    REFILLED = "refilled"
    """Rows that are refilled, behind shared keys."""
    PLAIN = "plain"
    """`generate` of transformers."""


_CAPABILITY = {Engine.CONTINUOUS: "continuous_batching", Engine.REFILLED: "refill_rows"}


class Generator:
    """Generate completions by an engine.

    Args:
        decoder: the model.
        stop_ids: returns the tokens that end a completion.
        engine: the engine; `refilled` is refused if it is not exact on the model.
    """

    def __init__(
        self, decoder: Decoder, stop_ids: Callable[[], set[int]], engine: Engine = Engine.AUTO
    ) -> None:
        self.decoder = decoder
        self.stop_ids = stop_ids
        self.engine = engine
        self.used = engine
        """The engine of the last completion."""
        self.fallback_reason = ""
        """Why `auto` chose `plain` for it, if it did."""

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        ended: Ended | None = None,
    ) -> Iterator[tuple[int, list[int]]]:
        """Yield the index of each prompt and its new token ids, as they are finished.

        A completion ends with a stop token, which is part of it, when `ended` returns True, or
        after `max_new_tokens`.

        Raises:
            ModelError: the engine is not one for this model.
        """
        if not prompts or not max_new_tokens:
            yield from ((number, []) for number in range(len(prompts)))
            return
        lengths = [len(prompt) + max_new_tokens for prompt in prompts]
        config = self.decoder.bare.config
        for part in group_by(lengths, lambda n: not why_not_packed(config, n)):
            some = [prompts[n] for n in part]
            for number, ids in self._write(some, max_new_tokens, ended):
                yield part[number], ids

    def _write(
        self, prompts: Sequence[Sequence[int]], max_new_tokens: int, ended: Ended | None
    ) -> Iterator[tuple[int, list[int]]]:
        """Generate by one engine, the same for all prompts."""
        longest = max(map(len, prompts)) + max_new_tokens
        self.used = self._resolve(longest, strings=ended is not None)
        if self.used is Engine.REFILLED:
            run = _Run(self.decoder, prompts, self.stop_ids(), max_new_tokens, ended)
            while run.queue or run.active:
                yield from run.advance()
        elif self.used is Engine.CONTINUOUS:
            yield from continuous(self.decoder, prompts, max_new_tokens, self.stop_ids())
        else:
            yield from plain(self.decoder, prompts, max_new_tokens, self.stop_ids(), ended)

    def _resolve(self, longest: int, *, strings: bool) -> Engine:
        if self.engine in (Engine.PLAIN, Engine.CONTINUOUS):
            return self.engine
        accelerated = self.decoder.device.type != "cpu"
        batched = self.engine is Engine.AUTO and accelerated and not strings
        if batched and not self._why_not(Engine.CONTINUOUS):
            return Engine.CONTINUOUS
        self.fallback_reason = why_not_packed(self.decoder.bare.config, longest)
        self.fallback_reason = self.fallback_reason or self._why_not(Engine.REFILLED)
        if not self.fallback_reason:
            return Engine.REFILLED
        if self.engine is Engine.AUTO:
            return Engine.PLAIN
        raise ModelError(
            f"{self.decoder.name} cannot generate by the engine {self.engine}: "
            f"{self.fallback_reason}",
            hint="use the engine `auto` or `plain`",
        )

    def _why_not(self, engine: Engine) -> str:
        """Return why this engine is not exact on the model, "" if it is."""
        return self.decoder.why_not(_CAPABILITY[engine], lambda: self._try(engine))

    def _try(self, engine: Engine) -> str:
        """Compare an engine with `generate` on each of three prompts alone."""
        prompts = _trial_prompts(self.decoder)
        trial = Generator(self.decoder, self.stop_ids, engine)
        found = dict(trial.generate(prompts, max_new_tokens=4))
        expected = {
            number: next(plain(self.decoder, [prompt], 4, self.stop_ids()))[1]
            for number, prompt in enumerate(prompts)
        }
        return "" if found == expected else "in a trial it writes something else than `generate`"


@dataclass(slots=True)
class _Text:
    """A completion in progress."""

    number: int
    length: int
    """Tokens whose keys are stored, without those that are shared."""
    written: list[int]


class _Store:
    """Keys and values of the texts in progress, a row each."""

    def __init__(self, rows: int, room: int) -> None:
        self.rows, self.room = rows, room
        self.kept: KeyValues = {}

    def of(self, module: Any, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if module not in self.kept:
            shape = (self.rows, like.size(1), self.room, like.size(3))
            self.kept[module] = (like.new_zeros(shape), like.new_zeros(shape))
        return self.kept[module]

    def move(self, source: int, target: int) -> None:
        for pair in self.kept.values():
            for tensor in pair:
                tensor[target] = tensor[source]


@dataclass(frozen=True, slots=True)
class _Step:
    """Compute attention of one new token a row to its row and the shared prefix."""

    store: _Store
    lengths: torch.Tensor
    mask: torch.Tensor
    """0 where a row has a key, -inf behind it; shape (rows, 1, 1, longest + 1)."""
    shared: KeyValues | None

    def __call__(self, inputs: AttentionInputs) -> torch.Tensor:
        query, key, value = inputs.query, inputs.key, inputs.value
        rows, heads, _, size = query.shape
        keys, values = self.store.of(inputs.module, key)
        every = torch.arange(rows, device=query.device)
        keys[every, :, self.lengths] = key[:, :, 0]
        values[every, :, self.lengths] = value[:, :, 0]
        window = self.mask.size(-1)
        keys, values = keys[:rows, :, :window], values[:rows, :, :window]
        grouped = query.reshape(rows, key.size(1), -1, size)
        scale = size**-0.5 if inputs.scale is None else inputs.scale
        scores = (grouped * scale @ keys.transpose(-1, -2)).float() + self.mask
        out = (scores.softmax(-1).to(values.dtype) @ values).reshape(query.shape)
        if self.shared is None:
            return out
        total = scores.logsumexp(-1).reshape(rows, heads, 1)
        return join((out, total), to_shared(query, self.shared[inputs.module], scale))


class _Run:
    """All prompts of a call, those in progress in the first rows of the store."""

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        stop_ids: set[int],
        max_new_tokens: int,
        ended: Ended | None,
    ) -> None:
        self.decoder, self.prompts = decoder, prompts
        self.stop_ids, self.max_new_tokens, self.ended = stop_ids, max_new_tokens, ended
        self.queue = sorted(range(len(prompts)), key=lambda n: (-len(prompts[n]), n))
        self.active: list[_Text] = []
        texts = [tuple(prompt) for prompt in prompts]
        skip = common_prefix(texts) if len(texts) > 1 else 0
        self.skip = skip if skip >= MIN_PREFIX else 0
        self.shared = record(decoder, texts[0][: self.skip]) if self.skip else None
        room = len(prompts[self.queue[0]]) - self.skip + max_new_tokens
        most = ROWS.get(decoder.device.type, _MORE_ROWS)
        rows = min(len(prompts), most, max(1, _KEPT * decoder.token_budget // room))
        self.store = _Store(rows, room)

    def advance(self) -> list[tuple[int, list[int]]]:
        """Write one more token of every text, or the first of new ones; return finished texts."""
        free = self.store.rows - len(self.active)
        # In blocks: a few prompts at a time would be a slow multiplication.
        if self.queue and free >= max(1, self.store.rows // 4):
            self._begin(self._next(free))
        else:
            self._step()
        return list(self._finished())

    def _next(self, free: int) -> list[int]:
        """Take the prompts to compute together: as many as rows are free, within the budget."""
        taken: list[int] = []
        tokens = 0
        while self.queue and len(taken) < free:
            tokens += len(self.prompts[self.queue[0]]) - self.skip
            if taken and tokens > self.decoder.token_budget:
                break
            taken.append(self.queue.pop(0))
        return taken

    @torch.inference_mode()
    def _begin(self, numbers: list[int]) -> None:
        device = self.decoder.device
        own = [list(self.prompts[number][self.skip :]) for number in numbers]
        segments, at = [], 0
        for ids in own:
            segments.append(Segment(at, at + len(ids), at + len(ids)))
            at += len(ids)
        first = len(self.active)

        def keep(module: Any, key: torch.Tensor, value: torch.Tensor) -> None:
            keys, values = self.store.of(module, key)
            for row, s in enumerate(segments, first):
                keys[row, :, : s.end - s.start] = key[0, :, s.start : s.end]
                values[row, :, : s.end - s.start] = value[0, :, s.start : s.end]

        positions = [p for ids in own for p in range(self.skip, self.skip + len(ids))]
        last = torch.tensor([s.end - 1 for s in segments], device=device)
        with attending(self.decoder.bare, Packed(segments, self.shared, keep)):
            logits = self.decoder.logits(
                torch.tensor([[token for ids in own for token in ids]], device=device),
                torch.zeros_like(last),
                last,
                position_ids=torch.tensor([positions], device=device),
            )
        tokens = logits.argmax(-1).tolist()
        self.active += [
            _Text(number, len(ids), [token])
            for number, ids, token in zip(numbers, own, tokens, strict=True)
        ]

    @torch.inference_mode()
    def _step(self) -> None:
        device = self.decoder.device
        lengths = torch.tensor([text.length for text in self.active], device=device)
        places = torch.arange(int(lengths.max()) + 1, device=device)
        mask = torch.zeros(len(self.active), len(places), device=device)
        mask = mask.masked_fill_(places > lengths[:, None], -math.inf)[:, None, None]
        ids = torch.tensor([[text.written[-1]] for text in self.active], device=device)
        every = torch.arange(len(self.active), device=device)
        work = _Step(self.store, lengths, mask, self.shared)
        with attending(self.decoder.bare, work):
            logits = self.decoder.logits(
                ids, every, torch.zeros_like(every), position_ids=(lengths + self.skip)[:, None]
            )
        for text, token in zip(self.active, logits.argmax(-1).tolist(), strict=True):
            text.length += 1
            text.written.append(token)

    @torch.inference_mode()
    def _finished(self) -> Iterator[tuple[int, list[int]]]:
        """Take out what has ended; the last row moves to its place."""
        for row in reversed(range(len(self.active))):
            text = self.active[row]
            if not self._has_ended(text.written):
                continue
            last = self.active.pop()
            if last is not text:
                self.active[row] = last
                self.store.move(len(self.active), row)
            yield text.number, text.written

    def _has_ended(self, written: list[int]) -> bool:
        if written[-1] in self.stop_ids or len(written) >= self.max_new_tokens:
            return True
        return self.ended is not None and self.ended(written)


def _trial_prompts(decoder: Decoder) -> list[list[int]]:
    """Return random tokens of three lengths with a shared prefix."""
    ids: list[int] = decoder.probe_ids(MIN_PREFIX + 16)[0].tolist()
    begin, rest = ids[: MIN_PREFIX + 2], ids[MIN_PREFIX + 2 :]
    return [begin + rest[n::2] for n in (0, 3, 9)]
