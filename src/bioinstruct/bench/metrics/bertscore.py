"""BERTScore (Zhang et al., ICLR 2020, arXiv 1904.09675), without idf weights or rescaling."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from bioinstruct.bench.metrics.base import Metric, mean
from bioinstruct.bench.models.precision import default_device
from bioinstruct.errors import BioinstructError, ModelError

__all__ = ["bert_score"]

_NO_LIMIT = 10**6  # transformers uses a far larger number if a tokenizer has no maximum length


def bert_score(path: str, layer: int) -> Metric:
    """Return the mean F1 of BERTScore, computed from the output of one layer of an encoder.

    Args:
        path: a folder or Hub id with config, tokenizer and safetensors weights.
        layer: number of the layer, from 1. The authors found 17 best for roberta-large and 9 for
            bert-base.

    Raises:
        BioinstructError: the encoder has no such layer.
        ModelError: the encoder cannot be loaded.
    """
    encoder = _Encoder(path, layer)

    def count(gold: str, prediction: str | None) -> tuple[float, ...]:
        if not gold.strip():
            return (0.0, 0.0)
        given = (prediction or "").strip()
        return (_f1(encoder.read(gold.strip()), encoder.read(given)) if given else 0.0, 1.0)

    spec = (
        f"mean over items of the F1 of BERTScore by layer {layer} of {path}, not rescaled, not "
        f"weighted; texts are cut at {encoder.limit:,} tokens"
    )
    return Metric("BERTScore", spec, count, mean, left_out="without a gold text")


class _Read(NamedTuple):
    """An encoded text."""

    vectors: Any
    """Unit vectors of all tokens, including special tokens, shape (tokens, width)."""
    own: Any
    """Mask of the text's own tokens. Only these are averaged, but any token can be matched."""


def _f1(gold: _Read, given: _Read) -> float:
    same = gold.vectors @ given.vectors.T
    recall = float(same.amax(dim=1)[gold.own].mean())
    precision = float(same.amax(dim=0)[given.own].mean())
    score = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return 0.0 if math.isnan(score) else score  # a text of special tokens only has no mean


class _Encoder:
    def __init__(self, path: str, layer: int) -> None:
        import torch
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        from bioinstruct.bench.models.checks import check_weights
        from bioinstruct.bench.models.loading import context_length, encoder_errors, find_model
        from bioinstruct.bench.models.plain_text import PlainText

        source = find_model(path)
        with encoder_errors(path):
            config = AutoConfig.from_pretrained(source)
            if config.is_encoder_decoder:
                raise ModelError(f"{path} is an encoder-decoder ({config.model_type})")
            self.tokenizer = AutoTokenizer.from_pretrained(source)
            model, info = AutoModel.from_pretrained(
                source, dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
        # The pooler is not used: many checkpoints do not have it.
        check_weights(path, model, info, optional=lambda name: "pooler" in name)
        if not 1 <= layer <= config.num_hidden_layers:
            raise BioinstructError(
                f"{path} has no layer {layer}",
                hint=f"it has layers 1 to {config.num_hidden_layers}",
            )
        named = self.tokenizer.model_max_length
        # Two tokens fewer than positions: RoBERTa numbers positions after its padding index.
        self.limit: int = named if named < _NO_LIMIT else context_length(config) - 2
        self.device = default_device()
        self.model = model.to(self.device).eval()
        self.layer = layer
        # Byte-level BPE encodes a word differently without a space before it.
        self.begin = " " if self.tokenizer.tokenize(" a") != self.tokenizer.tokenize("a") else ""
        # What a text spells is text: no [MASK] or [SEP] in it is special.
        plain = PlainText(self.tokenizer).backend
        if plain is None:
            raise ModelError(f"the tokenizer of {path} is a slow one", hint="choose another model")
        plain.enable_truncation(self.limit)
        self.encode = plain.encode
        self.read = functools.lru_cache(maxsize=4)(self._read)

    def _read(self, text: str) -> _Read:
        import torch

        encoded = self.encode(self.begin + text)
        own = torch.tensor(encoded.special_tokens_mask) == 0
        ids = torch.tensor([encoded.ids], device=self.device)
        with torch.inference_mode():
            out = self.model(
                input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
            )
        vectors = out.hidden_states[self.layer][0].cpu()
        return _Read(torch.nn.functional.normalize(vectors, dim=-1), own)
