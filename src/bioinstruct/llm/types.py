"""Requests to a model provider, and their outcomes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = ["Answer", "Failure", "Message", "Provider", "Request", "Response", "Watch", "Watched"]

_FINAL = frozenset({"bad-request", "content-filter", "refusal", "other-model", "too-long"})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """system, user or assistant."""
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A complete request: nothing else can change the answer."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    """None uses the server's default, here and in the fields below."""
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: str | None = None
    """JSON schema that the answer must have, as JSON text with a `title`; None for free text."""
    sample: int = 0
    """Index that distinguishes several answers to the same question."""
    prompt: str | None = None
    """Text to continue (`/completions`), instead of messages."""
    echo: bool = False
    """Request the tokens of the prompt with their log-probabilities (`Answer.echoed`)."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the texts that the model reads."""
        return (*(turn.content for turn in self.messages), *filter(None, [self.prompt]))

    def key(self, base_url: str) -> str:
        """Return the SHA-256 of the request and the server's address, in hexadecimal digits."""
        return _key(self, base_url)

    def row(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        # Omit fields added later if they are not used, so that existing keys stay the same.
        later = [name for name in ("prompt", "echo") if not getattr(self, name)]
        row = {name: getattr(self, name) for name in self.__slots__ if name not in later}
        messages = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        return row | {"messages": messages, "stop": list(self.stop)}


@lru_cache(maxsize=1024)  # computed at each step of a request; only those in flight matter
def _key(request: Request, base_url: str) -> str:
    content = json.dumps([base_url, request.row()], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the model."""

    text: str
    finish_reason: str
    """Reported by the server, such as `stop` or `length`."""
    model: str
    """The server's name of the model, often with its date."""
    prompt_tokens: int
    completion_tokens: int
    echoed: tuple[tuple[str, float | None], ...] = ()
    """With `echo`, each token of the prompt with its log-probability in nats, or None if the server
    reports none, as for the first token."""
    reasoning_tokens: int = 0
    """Those of `completion_tokens` that the server says were a thought."""

    def row(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        optional = ("echoed", "reasoning_tokens")
        left_out = [name for name in optional if not getattr(self, name)]
        return {name: getattr(self, name) for name in self.__slots__ if name not in left_out}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request without an answer."""

    reason: str
    """A short code: `bad-request`, `content-filter`, `refusal`, `other-model`, `too-long` or
    `retries-exhausted`."""
    message: str
    """The server's message, without secrets."""
    prompt_tokens: int = 0
    """Tokens that may be charged nevertheless: a filtered answer was generated and costs money."""
    completion_tokens: int = 0

    @property
    def final(self) -> bool:
        """Whether a retry is pointless; a new run retries failures that are not final."""
        return self.reason in _FINAL


Response: TypeAlias = Answer | Failure


class Provider(Protocol):
    """Sends requests to a model provider, such as `llm.openai.OpenAIClient`."""

    @property
    def base_url(self) -> str:
        """The server's address, without a key."""
        ...

    async def complete(self, request: Request) -> Response:
        """Send a request, with the retries of the client's policy."""
        ...


class Watch(Protocol):
    """Observer of the attempts within `complete`; raising an exception ends the request."""

    def sending(self, request: Request) -> None:
        """Called before an attempt is sent."""
        ...

    def retrying(self, request: Request, reason: str, *, charged: bool) -> None:
        """Called before a retry; `charged` if the provider may charge the failed attempt."""
        ...


@runtime_checkable
class Watched(Protocol):
    """A client that reports its retries."""

    watches: list[Watch]
