"""Marks of tokenizers and prompt layouts, as they may stand in the text of a record."""

from __future__ import annotations

import re

__all__ = ["SPECIAL_TOKEN", "special_tokens"]

SPECIAL_TOKEN = re.compile(
    r"<\|[\w./-]{1,40}\|>"  # GPT, Llama 3, Qwen, Phi
    "|<\N{FULLWIDTH VERTICAL LINE}[^<>\n]{1,40}\N{FULLWIDTH VERTICAL LINE}>"  # DeepSeek
    r"|</?s>|<(?:unk|pad|bos|eos|cls|sep|mask)>"  # Llama 2, Gemma, RoBERTa, T5
    r"|<(?:start|end)_of_(?:turn|image)>|<unused\d{1,4}>|<extra_id_\d{1,3}>"  # Gemma, T5
    r"|\[(?:CLS|SEP|MASK|PAD|UNK)\]|\[/?INST\]|<</?SYS>>"  # BERT, Llama 2, Mistral
    r"|</?(?:think|tool_call|tool_response)>"  # reasoning models
)
"""A text that is one special token in a tokenizer in common use."""


def special_tokens(*texts: str) -> list[str]:
    """Return the special tokens that the texts spell, each once, in order."""
    found = (match.group() for text in texts for match in SPECIAL_TOKEN.finditer(text))
    return list(dict.fromkeys(found))
