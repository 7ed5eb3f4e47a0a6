"""Check at loading that what a model consists of fits together: weights, tokenizer, adapter.

transformers and peft fill what a file lacks with random numbers, leave out what they do not know,
and only warn. Here what would change answers is an error; the rest is a sentence for the report.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from bioinstruct.errors import ModelError

__all__ = [
    "check_adapter_weights",
    "check_tokenizer",
    "check_weights",
    "names",
    "template_marks",
    "unused_settings",
]

_SHOWN = 3  # names in a message
_MARK = re.compile(r"<\|[^<>|\s]+\|>|<[a-z]+_of_[a-z]+>|\[/?INST\]|</?s>")
_FEW = 0.9  # share of the embedding that a tokenizer of this model usually knows


def names(found: Iterable[str]) -> str:
    """Return the first names in order, and how many more there are."""
    ordered = sorted(found)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def check_weights(
    path: str,
    model: Any,
    info: Mapping[str, Any],
    *,
    optional: Callable[[str], bool] = lambda name: False,
) -> list[str]:
    """Check that a checkpoint filled the model; return sentences on what it had besides.

    Args:
        path: the model's name for messages.
        model: a model that transformers loaded.
        info: its `output_loading_info`.
        optional: true for a weight that may begin at random, such as a new classifier.

    Raises:
        ModelError: a weight is missing, or of another shape.
    """
    unexpected = sorted(info["unexpected_keys"])
    also = f"; the file has {len(unexpected):,} others ({names(unexpected)})" if unexpected else ""
    missing = [name for name in info["missing_keys"] if not optional(name)]
    total = len(model.state_dict())
    hint = "download or convert it again: missing weights would be random numbers"
    if missing:
        raise ModelError(
            f"{path}: {len(missing):,} of {total:,} weights are not in its files: "
            f"{names(missing)}{also}",
            hint=hint,
        )
    if wrong := sorted(info["mismatched_keys"]):
        name, there, wanted = wrong[0]
        raise ModelError(
            f"{path}: {len(wrong):,} of {total:,} weights have another shape than its config.json "
            f"says, such as {name}: {tuple(there)} instead of {tuple(wanted)}",
            hint="take weights and config.json from the same model",
        )
    if info["error_msgs"]:
        raise ModelError(f"{path}: {str(info['error_msgs'][0])[:200]}", hint=hint)
    found = [name for name in info["missing_keys"] if optional(name)]
    notes = [f"not in its files, so new: {names(found)}"] if found else []
    if unexpected:
        notes.append(
            f"{len(unexpected):,} weights of its files have no place in the model and are not used:"
            f" {names(unexpected)}"
        )
    return notes


def check_adapter_weights(
    folder: object, tensors: Collection[str], places: Collection[str], unknown: Collection[str]
) -> str:
    """Check that the tensors of an adapter fill its places in the model; return a sentence.

    Args:
        folder: of the adapter, for messages.
        tensors: names in its file.
        places: names of the places for them that stayed empty.
        unknown: names in the file that found no place.

    Raises:
        ModelError: they do not.
    """
    if not tensors:
        raise ModelError(f"the adapter in {folder} has no tensors", hint="save it again")
    if unknown or places:
        said = []
        if unknown:
            count = f"{len(unknown):,} of its {len(tensors):,}"
            said.append(f"{count} tensors found no place ({names(unknown)})")
        if places:
            said.append(f"{len(places):,} places of the model stayed empty ({names(places)})")
        raise ModelError(
            f"the adapter in {folder} does not fit this model: {'; '.join(said)}",
            hint="name the base that it was tuned from",
        )
    return f"all {len(tensors):,} tensors of the adapter have their place in the model"


def check_tokenizer(name: str, model: Any, tokenizer: Any) -> list[str]:
    """Compare a decoder with its tokenizer; return a sentence for each figure that differs.

    Raises:
        ModelError: the tokenizer gives ids for text that the embedding does not have.
    """
    rows = int(model.get_input_embeddings().weight.shape[0])
    known = tokenizer.get_vocab()
    beyond = {word: number for word, number in known.items() if number >= rows}
    special = set(tokenizer.all_special_tokens) | set(tokenizer.get_added_vocab())
    if lost := sorted(set(beyond) - special):
        raise ModelError(
            f"the tokenizer of {name} has {len(known):,} tokens, the embedding {rows:,} rows: "
            f"{len(lost):,} words have none, such as {lost[0]!r} ({beyond[lost[0]]})",
            hint="take tokenizer and weights from the same model",
        )
    if tokenizer.eos_token in beyond:
        raise ModelError(
            f"the end of sequence {tokenizer.eos_token!r} of the tokenizer is token "
            f"{tokenizer.eos_token_id}, the embedding of {name} has {rows:,} rows",
            hint="take tokenizer and weights from the same model",
        )
    return [
        *_sizes(rows, len(known), beyond),
        *_ends(model, tokenizer),
        *_lengths(model, tokenizer),
    ]


def _sizes(rows: int, known: int, beyond: Mapping[str, int]) -> Iterator[str]:
    if beyond:
        yield (
            f"the tokenizer has {known:,} tokens, the embedding {rows:,} rows: "
            f"{names(beyond)} cannot be read"
        )
    elif known < _FEW * rows:
        yield (
            f"the tokenizer has {known:,} tokens, the embedding {rows:,} rows: check that the "
            "tokenizer is the model's own"
        )


def _ends(model: Any, tokenizer: Any) -> Iterator[str]:
    """Compare the special tokens of configuration and tokenizer."""
    settings = getattr(model, "generation_config", None)
    for kind in ("bos", "eos"):
        own = getattr(tokenizer, f"{kind}_token_id")
        for file, config in (("config.json", model.config), ("generation_config.json", settings)):
            said = getattr(config, f"{kind}_token_id", None)
            ids = said if isinstance(said, list) else [said]
            if said is not None and own is not None and own not in ids:
                yield (
                    f"{file} has {kind}_token_id {said}, the tokenizer {own} "
                    f"({getattr(tokenizer, f'{kind}_token')!r}), which counts"
                )


def _lengths(model: Any, tokenizer: Any) -> Iterator[str]:
    """Compare the context of configuration and tokenizer."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    named = tokenizer.model_max_length
    if isinstance(context, int) and named < context:
        yield (
            f"the tokenizer names a length of {named:,} tokens, config.json {context:,}, which "
            "counts"
        )


def template_marks(rendered: str, tokenizer: Any) -> list[str]:
    """Return a sentence for each mark of a chat template that the tokenizer cuts into pieces."""
    known = tokenizer.get_vocab()
    return [
        f"the chat template writes {mark}, for which the tokenizer has "
        f"{len(tokenizer(mark, add_special_tokens=False)['input_ids'])} tokens and not one"
        for mark in dict.fromkeys(_MARK.findall(rendered))
        if mark not in known
    ]


# Of generation_config.json: read here, or without effect on a text.
_READ = {
    "_from_model_config",
    "bos_token_id",
    "decoder_start_token_id",
    "eos_token_id",
    "max_length",
    "max_new_tokens",
    "pad_token_id",
    "transformers_version",
}
_WITHOUT_EFFECT = re.compile(r"use_cache|output_\w+|return_\w+|cache_\w+|compile_config|trust_\w+")


def unused_settings(model: Any) -> list[str]:
    """Return a sentence on the settings of generation that a folder brings and that are not used.

    Completions are greedy: no sampling, no penalties, no forced, banned or suppressed tokens.
    """
    config = getattr(model, "generation_config", None)
    found = config.to_diff_dict() if config is not None else {}
    odd = {
        name: value
        for name, value in found.items()
        if name not in _READ and not _WITHOUT_EFFECT.fullmatch(name) and value is not None
    }
    if not odd:
        return []
    said = ", ".join(f"{name} {_short(value)}" for name, value in sorted(odd.items()))
    return [f"generation_config.json sets {said}: not used, completions are greedy"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 30 else f"{text[:27]}..."
