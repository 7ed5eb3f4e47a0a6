"""Models and questions for the benchmark of scoring: random weights, real abstracts of PubMedQA."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

__all__ = ["CASES", "FIXTURES", "Case", "Fixture", "cases", "load", "prompts", "tokenizer"]


@dataclass(frozen=True)
class Fixture:
    """A Llama with random weights."""

    name: str
    vocabulary: int
    width: int = 256
    inner: int = 688
    layers: int = 8
    heads: int = 4


FIXTURES = {
    fixture.name: fixture for fixture in (Fixture("15M-32k", 32_000), Fixture("46M-152k", 151_936))
}
CASES = ("letters_0", "terms_0", "letters_5", "terms_5")
"""Options of one token (A, B, C) and of several (four MeSH headings), without and with examples."""


@dataclass(frozen=True)
class Case:
    """Pairs of a context and an option, the options of a document one after the other."""

    pairs: list[tuple[str, str]]
    options: int


def documents(data: Path) -> list[dict[str, Any]]:
    with gzip.open(data / "pubmedqa" / "ori_pqal.json.gz", "rt", encoding="utf-8") as file:
        return list(json.load(file).values())


def tokenizer(data: Path) -> Any:
    """A byte-level BPE of 32,000 tokens (or as many as there are), of the abstracts themselves."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    trainer = trainers.BpeTrainer(
        vocab_size=32_000,
        special_tokens=[end, "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [
        f"{' '.join(d['CONTEXTS'])} {d['QUESTION']} {d['LONG_ANSWER']}" for d in documents(data)
    ]
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=end, bos_token=end, pad_token="<|pad|>"
    )


def load(fixture: Fixture, tokenizer: Any, dtype: torch.dtype, *, tied: bool = True) -> Any:
    """The model, with the same random weights each time, as a `CausalLM`.

    With tied embeddings it writes one word again and again, which no string would ever end.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    from bioinstruct import Style
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.models.tokenization import PromptTokenizer

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=fixture.vocabulary,
        hidden_size=fixture.width,
        intermediate_size=fixture.inner,
        num_hidden_layers=fixture.layers,
        num_attention_heads=fixture.heads,
        num_key_value_heads=fixture.heads,
        tie_word_embeddings=tied,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(config).to(dtype).eval()
    return CausalLM(model, PromptTokenizer(tokenizer, Style.ALPACA, 4096), name=fixture.name)


def cases(data: Path, count: int) -> dict[str, Case]:
    """Every case on the same documents, behind the same five others."""
    found = {}
    everything = documents(data)
    headings = sorted({name for d in everything for name in d["MESHES"]})
    for kind in ("letters", "terms"):
        chance = random.Random(0)
        asked = [_asked(d, kind, headings, chance) for d in everything[: count + 5]]
        for shots in (0, 5):
            front = "".join(f"{text} {gold}\n\n" for text, _, gold in asked[:shots])
            pairs = [
                (front + text, f" {option}") for text, options, _ in asked[5:] for option in options
            ]
            found[f"{kind}_{shots}"] = Case(pairs, len(asked[0][1]))
    return found


def prompts(data: Path, count: int, shots: int) -> list[str]:
    """Contexts of the terms alone, to be completed."""
    pairs = cases(data, count)[f"terms_{shots}"].pairs
    return list(dict.fromkeys(context for context, _ in pairs))


def _asked(
    document: dict[str, Any], kind: str, headings: list[str], chance: random.Random
) -> tuple[str, list[str], str]:
    """The text of a question, its options, and the one that is right."""
    lines = "\n".join(document["CONTEXTS"])
    text = f"Abstract: {lines}\nQuestion: {document['QUESTION']}\n"
    if kind == "letters":
        words = ["yes", "no", "maybe"]
        gold = "ABC"[words.index(document["final_decision"])]
        return f"{text}A. yes\nB. no\nC. maybe\nAnswer:", list("ABC"), gold
    own = set(document["MESHES"])
    right = chance.choice(sorted(own) or ["Humans"])
    options = [right, *chance.sample([h for h in headings if h not in own], 3)]
    chance.shuffle(options)
    return f"{text}Which MeSH heading indexes this article?\nAnswer:", options, right
