"""Plain pairs of a context and a continuation, encoded as lm-evaluation-harness 0.4.13 does.

For its numbers, not for ours: tuning and scoring use `PromptTokenizer`. Where the harness gives a
wrong number silently, this raises an error or counts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bioinstruct.bench.models.forward import Decoder
from bioinstruct.bench.models.loglikelihood import Plan, Scorer
from bioinstruct.bench.models.token_tree import LoglikelihoodRequest
from bioinstruct.errors import ModelError

__all__ = ["Pair", "PairScores", "encode_pairs", "score_pairs"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Token ids of a context and of what follows it."""

    context: tuple[int, ...]
    continuation: tuple[int, ...]
    joined: bool = False
    """The tokenizer would join the end of the one and the start of the other: these ids are not
    those of the whole text."""
    truncated: bool = False
    """The context lost its first tokens, so that all fits the model."""


@dataclass(slots=True)
class PairScores:
    """Log-likelihoods, and how many pairs were out of the ordinary."""

    log_likelihoods: list[float]
    flags: Counter[str] = field(default_factory=Counter)
    """`joined` and `truncated`, as in `Pair`."""


def encode_pairs(
    tokenizer: Any,
    pairs: Sequence[tuple[str, str]],
    *,
    max_length: int,
    add_bos: bool | None = None,
) -> list[Pair]:
    """Token ids of texts, where white space at the end of a context goes to the continuation.

    Args:
        tokenizer: a tokenizer of transformers.
        pairs: contexts and continuations; an empty context stands for the first token of a text.
        max_length: of the model, in tokens; the first ones of a longer context are cut off.
        add_bos: whether special tokens are added; None leaves it to the tokenizer.

    Raises:
        ModelError: a continuation has no token of its own, or the tokenizer appends tokens.
    """
    _refuse_appended(tokenizer, add_bos)
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    texts = [_without_white_end(*pair) for pair in pairs]
    known = _encoded(tokenizer, texts, tokenizer.decode([first]), add_bos)
    found = []
    for context, continuation in texts:
        before, whole = known[context] if context else (first,), known[context + continuation]
        after = whole[len(before) :] if context or whole[:1] == before else whole
        if not after:
            raise ModelError(
                f"the continuation {continuation!r} of {context[-40:]!r} has no token of its own",
                hint="an empty one cannot be scored; one that the tokenizer joins to the context "
                "can, when it begins with a space",
            )
        joined = bool(context) and whole[: len(before)] != before
        found.append(_fitting(before, after, max_length, joined=joined))
    return found


def _encoded(
    tokenizer: Any, texts: Sequence[tuple[str, str]], mark: str, add_bos: bool | None
) -> dict[str, tuple[int, ...]]:
    """Token ids of each context and each whole text; special tokens are never put there twice."""
    kinds: dict[bool | None, dict[str, None]] = {}
    for context, continuation in texts:
        for text in (context, context + continuation):
            marked = bool(mark) and text.startswith(mark)
            kinds.setdefault(False if marked or not context else add_bos, {})[text] = None
    known: dict[str, tuple[int, ...]] = {}
    for special, some in kinds.items():
        options = {} if special is None else {"add_special_tokens": special}
        ids = tokenizer(list(some), return_attention_mask=False, verbose=False, **options)
        known.update(zip(some, map(tuple, ids["input_ids"]), strict=True))
    return known


def score_pairs(decoder: Decoder, pairs: Sequence[Pair], *, plan: Plan = Plan.AUTO) -> PairScores:
    """Log-likelihood of each continuation, in nats.

    Raises:
        ModelError: a log-likelihood is not a number.
    """
    questions = [LoglikelihoodRequest(pair.context, (pair.continuation,)) for pair in pairs]
    found = dict(Scorer(decoder, plan).score(questions))
    sums = [found[number][0] for number in range(len(pairs))]
    odd = [number for number, value in enumerate(sums) if not math.isfinite(value)]
    if odd:
        raise ModelError(
            f"{len(odd)} of {len(sums)} log-likelihoods are no numbers, pair {odd[0]} first",
            hint="the model's weights are damaged, or overflow in its precision",
        )
    flags: Counter[str] = Counter()
    for pair in pairs:
        flags["joined"] += pair.joined
        flags["truncated"] += pair.truncated
    return PairScores(sums, +flags)


def _without_white_end(context: str, continuation: str) -> tuple[str, str]:
    kept = context.rstrip()
    # A context of nothing but white space is then empty, which the harness encodes as a text.
    return kept, context[len(kept) :] + continuation


def _fitting(
    before: tuple[int, ...], after: tuple[int, ...], max_length: int, *, joined: bool
) -> Pair:
    if len(after) > max_length:
        raise ModelError(
            f"a continuation of {len(after):,} tokens does not fit the model's {max_length:,}"
        )
    room = max_length + 1 - len(after)  # the last token is not fed
    return Pair(before[-room:], after, joined, truncated=len(before) > room)


def _refuse_appended(tokenizer: Any, add_bos: bool | None) -> None:
    """The harness would take the end token for the last of the continuation, and drop its first."""
    options = {} if add_bos is None else {"add_special_tokens": add_bos}
    with_special = tokenizer.encode("a", **options)
    plain = tokenizer.encode("a", add_special_tokens=False)
    if plain and with_special[-len(plain) :] != plain:
        raise ModelError(
            f"the tokenizer puts {tokenizer.decode(with_special[-1:])!r} behind every text",
            hint="turn that off (add_eos_token), or score with bioinstruct's own encoding",
        )
