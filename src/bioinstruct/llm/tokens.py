"""Count tokens with tiktoken if possible, or else estimate them."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import MissingError
from bioinstruct.llm.types import Answer, Outcome, Request

if TYPE_CHECKING:
    from tiktoken import Encoding

__all__ = [
    "Charged",
    "TokenCounter",
    "charged",
    "encoding_counter",
    "encodings",
    "prompt_bound",
]

_SOURCE = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"  # as tiktoken has it
_PATIENCE = 5.0  # seconds to download an encoding (1.7 or 3.6 MB)
_PER_MESSAGE = 4  # tokens around a turn and its role, as OpenAI counts chat prompts
_PER_PROMPT = 3  # tokens that start the turn of the answer
_MOST_BYTES = 8  # bytes per token, on average over a whole text
_BYTES_PER_TOKEN = 2.5  # lower than in any prompt that we measured, see docs/client.md


class TokenCounter:
    """Count tokens for a model.

    Takes the encoding from tiktoken's cache (`TIKTOKEN_CACHE_DIR`), or downloads it once with a
    timeout of a few seconds, unless `HF_HUB_OFFLINE=1` forbids it.
    """

    exact: bool
    """Whether tiktoken supports the model and its encoding is available."""
    method: str
    """Method of counting tokens, for display."""

    def __init__(self, model: str) -> None:
        import tiktoken

        name = ""
        try:
            name = tiktoken.encoding_name_for_model(model)
        except KeyError:
            self.method = f"at most, a token for each {_BYTES_PER_TOKEN} bytes: tiktoken does not "
            self.method += f"know {model}"
        self._encoding = _encoding(name) if name else None
        self.exact = self._encoding is not None
        if self.exact:
            self.method = f"by tiktoken, {name}"
        elif name:
            self.method = (
                f"at most, a token for each {_BYTES_PER_TOKEN} bytes: the encoding {name} "
            )
            self.method += "of tiktoken is not at hand"

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


def encodings() -> list[str]:
    """Return the names of tiktoken's encodings."""
    import tiktoken

    return sorted(tiktoken.list_encoding_names())


def encoding_counter(name: str) -> Callable[[str], int]:
    """Return a function that counts the tokens of a text with a tiktoken encoding.

    Raises:
        MissingError: the encoding is not cached and cannot be downloaded.
    """
    encoding = _encoding(name)
    if encoding is None:
        raise MissingError(
            f"the tiktoken encoding {name} is not available",
            hint="run once with a network connection, or put the file into TIKTOKEN_CACHE_DIR",
        )
    return lambda text: len(encoding.encode_ordinary(text))


@cache
def _encoding(name: str) -> Encoding | None:
    """Return an encoding that is cached or can be downloaded within the timeout, or None."""
    if not _cached(name) and os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}:
        return None
    found: list[Encoding] = []

    def load() -> None:
        import tiktoken

        try:
            found.append(tiktoken.get_encoding(name))
        except Exception as error:  # any network error: fall back to the estimate
            logging.getLogger(__name__).info("no encoding %s: %s", name, type(error).__name__)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(None if _cached(name) else _PATIENCE)
    return found[0] if found else None


def _cached(name: str) -> bool:
    """Return whether the file of an encoding is in tiktoken's cache."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        folder = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    key = hashlib.sha1(_SOURCE.format(name).encode()).hexdigest()
    return bool(folder) and (Path(folder) / key).is_file()


@dataclass(frozen=True, slots=True)
class Charged:
    """Token counts used to charge for an outcome."""

    prompt_tokens: int
    completion_tokens: int
    misreported: bool
    """Whether the server's counts were implausible and replaced by ours."""


def charged(request: Request, outcome: Outcome) -> Charged:
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
