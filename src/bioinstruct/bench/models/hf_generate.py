"""Generate greedily by transformers: `generate` in batches, or its continuous batching."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from bioinstruct.bench.models.forward import Decoder

__all__ = ["continuous", "plain"]

_AT_ONCE = 256  # prompts given to continuous batching, which says nothing until all are done


def plain(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    stop_ids: set[int],
    ended: Callable[[list[int]], bool] | None = None,
) -> Iterator[tuple[int, list[int]]]:
    """Yield new token ids, in batches of prompts of similar length, padded on the left."""
    for batch in _batches(prompts, max_new_tokens, decoder.token_budget):
        rows = _generate(decoder, [prompts[n] for n in batch], max_new_tokens, stop_ids, ended)
        for number, ids in zip(batch, rows, strict=True):
            yield number, _until_end(ids, stop_ids, ended)


def continuous(
    decoder: Decoder, prompts: Sequence[Sequence[int]], max_new_tokens: int, stop_ids: set[int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield new token ids by `generate_batch`."""
    for start in range(0, len(prompts), _AT_ONCE):
        part = [list(prompt) for prompt in prompts[start : start + _AT_ONCE]]
        settings = _settings(decoder, max_new_tokens, stop_ids)
        with _own_settings_off(decoder.bare):
            found = decoder.model.generate_batch(inputs=part, generation_config=settings)
        if len(found) != len(part):
            raise RuntimeError("continuous batching of transformers lost a prompt")
        # Requests are named in the order in which they were given, with their number at the end.
        names = sorted(found, key=lambda name: int(name.rsplit("_", 1)[-1]))
        for number, name in enumerate(names, start):
            yield number, _until_end(list(found[name].generated_tokens), stop_ids, None)


@contextmanager
def _own_settings_off(bare: Any) -> Iterator[None]:
    """Keep what generation_config.json says out of `generate`, which fills its settings with it."""
    from transformers import GenerationConfig

    before = bare.generation_config
    bare.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        bare.generation_config = before


def _batches(
    prompts: Sequence[Sequence[int]], max_new_tokens: int, budget: int
) -> Iterator[list[int]]:
    """Yield indices of prompts of similar length, longest first: a lack of memory shows at once."""
    batch: list[int] = []
    for number in sorted(range(len(prompts)), key=lambda n: (-len(prompts[n]), n)):
        longest = len(prompts[batch[0] if batch else number]) + max_new_tokens
        if batch and (len(batch) + 1) * longest > budget:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _settings(decoder: Decoder, max_new_tokens: int, stop_ids: set[int]) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=max_new_tokens,
        pad_token_id=decoder.pad,
        eos_token_id=sorted(stop_ids),
    )


@torch.inference_mode()
def _generate(
    decoder: Decoder,
    prompts: list[Sequence[int]],
    max_new_tokens: int,
    stop_ids: set[int],
    ended: Callable[[list[int]], bool] | None,
) -> list[list[int]]:
    from transformers import StoppingCriteriaList

    width = max(map(len, prompts))
    rows = [[*[decoder.pad] * (width - len(p)), *p] for p in prompts]
    mask = [[*[0] * (width - len(p)), *[1] * len(p)] for p in prompts]
    criteria = StoppingCriteriaList()

    def all_end(ids: torch.Tensor, scores: Any, **options: Any) -> torch.Tensor:
        done = [ended is not None and ended(row) for row in ids[:, width:].tolist()]
        return torch.tensor(done, device=ids.device)

    if ended is not None:
        criteria.append(all_end)
    with _own_settings_off(decoder.bare):
        out = decoder.model.generate(
            input_ids=torch.tensor(rows, device=decoder.device),
            attention_mask=torch.tensor(mask, device=decoder.device),
            generation_config=_settings(decoder, max_new_tokens, stop_ids),
            stopping_criteria=criteria,
        )
    found: list[list[int]] = out[:, width:].tolist()
    return found


def _until_end(
    ids: list[int], stop_ids: set[int], ended: Callable[[list[int]], bool] | None
) -> list[int]:
    """Return the ids up to and including the one that ends them."""
    for position, token in enumerate(ids):
        if token in stop_ids or (ended is not None and ended(ids[: position + 1])):
            return ids[: position + 1]
    return ids
