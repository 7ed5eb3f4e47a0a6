"""BERTScore: how well each word of one text finds its like in the other, by an encoder's vectors.

After Zhang et al., ICLR 2020 (arXiv 1904.09675), without weights by rarity and without rescaling.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from bioinstruct.bench.metrics.base import Metric, mean
from bioinstruct.errors import BioinstructError, ModelError

__all__ = ["bert_score"]

_NO_LIMIT = 10**6  # what transformers puts where a tokenizer names no length is far above


def bert_score(path: str, layer: int) -> Metric:
    """The mean F1 of BERTScore, by the vectors that a layer of an encoder gives.

    Args:
        path: a folder, or an id of the Hub, with config, tokenizer and safetensors weights.
        layer: which layer's output, from 1. The authors found 17 best for roberta-large and 9 for
            bert-base.

    Raises:
        BioinstructError: there is no such layer.
        ModelError: there is no such encoder.
    """
    encoder = _Encoder(path, layer)

    def count(gold: str, prediction: str | None) -> tuple[float, ...]:
        if not gold.strip():
            return (0.0, 0.0)
        given = (prediction or "").strip()
        return (_f1(encoder.read(gold.strip()), encoder.read(given)) if given else 0.0, 1.0)

    spec = (
        f"mean over items of the F1 of BERTScore by layer {layer} of {path}, not rescaled, not "
        f"weighted; texts are cut at {encoder.limit:,} tokens; items without a gold text are left "
        "out"
    )
    return Metric("BERTScore", spec, count, mean)


class _Read(NamedTuple):
    """A text as the encoder sees it."""

    vectors: Any
    """A row of length 1 for each token, those that the tokenizer adds too."""
    own: Any
    """Which of them are of the text; only these are averaged, but any may be found."""


def _f1(gold: _Read, given: _Read) -> float:
    same = gold.vectors @ given.vectors.T
    recall = float(same.amax(dim=1)[gold.own].mean())
    precision = float(same.amax(dim=0)[given.own].mean())
    found = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return 0.0 if math.isnan(found) else found  # a text of nothing but added tokens has no mean


class _Encoder:
    def __init__(self, path: str, layer: int) -> None:
        import torch
        from transformers import AutoConfig, AutoModel, AutoTokenizer

        from bioinstruct.bench.models.loading import context_length, encoder_errors, find_model

        source = find_model(path)
        with encoder_errors(path):
            config = AutoConfig.from_pretrained(source)
            if config.is_encoder_decoder:
                raise ModelError(f"{path} is an encoder-decoder ({config.model_type})")
            self.tokenizer = AutoTokenizer.from_pretrained(source)
            model = AutoModel.from_pretrained(source, dtype=torch.float32, use_safetensors=True)
        if not 1 <= layer <= config.num_hidden_layers:
            raise BioinstructError(
                f"{path} has no layer {layer}",
                hint=f"it has layers 1 to {config.num_hidden_layers}",
            )
        named = self.tokenizer.model_max_length
        # Two tokens less than there are positions: RoBERTa begins to count them behind its padding.
        self.limit: int = named if named < _NO_LIMIT else context_length(config) - 2
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = model.to(self.device).eval()
        self.layer = layer
        # A word of byte-level BPE is another without the space before it.
        self.begin = " " if self.tokenizer.tokenize(" a") != self.tokenizer.tokenize("a") else ""
        self.read = functools.lru_cache(maxsize=4)(self._read)

    def _read(self, text: str) -> _Read:
        import torch

        encoded = self.tokenizer(
            self.begin + text,
            truncation=True,
            max_length=self.limit,
            return_special_tokens_mask=True,
            return_tensors="pt",
        )
        own = encoded.pop("special_tokens_mask")[0] == 0
        with torch.inference_mode():
            out = self.model(**encoded.to(self.device), output_hidden_states=True)
        vectors = out.hidden_states[self.layer][0].cpu()
        return _Read(torch.nn.functional.normalize(vectors, dim=-1), own)
