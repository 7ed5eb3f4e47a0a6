"""Count the tokens of requests, for estimates, limits and charges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from bioinstruct.llm.types import Answer, Request, Response
from bioinstruct.tokens import encoding_name, tiktoken_encoding

__all__ = [
    "Charged",
    "TokenCounter",
    "charged",
    "prompt_bound",
]

_PER_MESSAGE = 4  # tokens around a turn and its role, as OpenAI counts chat prompts
_PER_PROMPT = 3  # tokens that start the turn of the answer
_MOST_BYTES = 8  # bytes per token, on average over a whole text
_BYTES_PER_TOKEN = 2.5  # lower than in any prompt that we measured, see docs/client.md


class TokenCounter:
    """Count tokens for a model by name: with tiktoken if possible, or else as an upper estimate."""

    exact: bool
    """Whether tiktoken supports the model and its encoding is available."""
    method: str
    """Method of counting tokens, for display."""

    def __init__(self, model: str) -> None:
        name = encoding_name(model)
        self._encoding = tiktoken_encoding(name) if name else None
        self.exact = self._encoding is not None
        if self.exact:
            self.method = f"by tiktoken, {name}"
        else:
            why = f"the encoding {name} of tiktoken is not available"
            why = why if name else f"tiktoken does not know {model}"
            self.method = f"at most, a token for each {_BYTES_PER_TOKEN} bytes: {why}"

    def text(self, text: str) -> int:
        """Return the number of tokens of a text."""
        if self._encoding is None:
            return math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN)
        return len(self._encoding.encode_ordinary(text))

    def prompt(self, request: Request) -> int:
        """Count the tokens of a request's messages and schema, with the chat format's additions."""
        content = sum(_PER_MESSAGE + self.text(text) for text in request.texts)
        return content + _PER_PROMPT + self.text(request.schema or "")


def prompt_bound(request: Request) -> int:
    """Return an upper bound of a prompt's tokens for any tokenizer: its bytes, plus roles."""
    texts = [*request.texts, request.schema or ""]
    # A tokenizer with byte fallback never splits a byte into two tokens.
    return sum(len(text.encode("utf-8", "replace")) + 16 for text in texts)


@dataclass(frozen=True, slots=True)
class Charged:
    """Token counts used to charge for an outcome."""

    prompt_tokens: int
    completion_tokens: int
    misreported: bool
    """Whether the server's counts were implausible and replaced by ours."""


def charged(request: Request, outcome: Response) -> Charged:
    """Return the server's token counts, corrected if they are implausible.

    Below one token per 8 bytes, our own count is used if it is larger. Above the bytes of the
    prompt, or above `max_tokens`, that upper bound is used, which the budget has reserved.
    """
    sent = sum(len(text.encode("utf-8", "replace")) for text in request.texts)
    text = outcome.text if isinstance(outcome, Answer) else ""
    prompt, completion = outcome.prompt_tokens, outcome.completion_tokens
    if isinstance(outcome, Answer) and prompt * _MOST_BYTES < sent:
        prompt = max(prompt, _counter(request.model).prompt(request))
    if completion * _MOST_BYTES < len(text.encode("utf-8", "replace")):
        completion = max(completion, _counter(request.model).text(text))
    prompt = min(prompt, prompt_bound(request))
    if request.max_tokens is not None:
        completion = min(completion, request.max_tokens)
    lied = (prompt, completion) != (outcome.prompt_tokens, outcome.completion_tokens)
    return Charged(prompt, completion, lied)


_counter = cache(TokenCounter)
