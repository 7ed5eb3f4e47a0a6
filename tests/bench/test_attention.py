from __future__ import annotations

import pytest
import torch

from bioinstruct.bench.models.attention import attend, by_hand, join, to_shared


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("kind", ["all", "causal", "masked"])
def test_attention_by_hand_is_that_of_the_kernel(kind: str) -> None:
    query, key, value = drawn(2, 4, 9, 8), drawn(2, 4, 9, 8) * 2, drawn(2, 4, 9, 8) + 1
    mask = drawn(1, 1, 9, 9) if kind == "masked" else None
    one = attend(query, key, value, scale=None, causal=kind == "causal", mask=mask)
    other = by_hand(query, key, value, scale=None, causal=kind == "causal", mask=mask)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("shared_heads", [1, 2, 4])
def test_attention_to_two_sets_of_keys_is_joined_exactly(shared_heads: int) -> None:
    query = drawn(3, 4, 5, 8)
    shared = (drawn(1, shared_heads, 11, 8), drawn(1, shared_heads, 11, 8) + 1)
    own = (drawn(3, 4, 5, 8), drawn(3, 4, 5, 8) - 1)
    found = join(attend(query, *own, scale=0.3), to_shared(query, shared, 0.3))
    repeated = [t.repeat_interleave(4 // shared_heads, 1).expand(3, -1, -1, -1) for t in shared]
    keys, values = (torch.cat(pair, 2) for pair in zip(repeated, own, strict=True))
    assert torch.allclose(found, attend(query, keys, values, scale=0.3)[0], atol=1e-5)
