"""What is asked of a model provider, and what can come back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, runtime_checkable

__all__ = ["Answer", "Failure", "Message", "Outcome", "Provider", "Request", "Watch", "Watched"]

_FINAL = frozenset({"bad-request", "content-filter", "refusal"})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """system, user or assistant."""
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question, complete: what is not in here cannot change the answer."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    """None leaves it to the server, as for all that follow."""
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: str | None = None
    """JSON schema that the answer must have, as JSON text with a `title`; None for free text."""
    sample: int = 0
    """Which of several answers to the same question: each is an entry of its own."""
    prompt: str | None = None
    """Text to go on from as it stands (`/completions`), where there are no messages."""
    echo: bool = False
    """Ask for the tokens of the prompt and how likely each is (`Answer.echoed`)."""

    @property
    def texts(self) -> tuple[str, ...]:
        """What a model is given to read."""
        return (*(turn.content for turn in self.messages), *filter(None, [self.prompt]))

    def key(self, base_url: str) -> str:
        """SHA-256 of everything in the request and of where it is sent, in hexadecimal digits."""
        return _key(self, base_url)

    def row(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        # What came later is left out where it is not used: keys on record stay what they are.
        later = [name for name in ("prompt", "echo") if not getattr(self, name)]
        row = {name: getattr(self, name) for name in self.__slots__ if name not in later}
        messages = [{"role": turn.role, "content": turn.content} for turn in self.messages]
        return row | {"messages": messages, "stop": list(self.stop)}


@lru_cache(maxsize=1024)  # asked for at each step of a request; those in flight are all that matter
def _key(request: Request, base_url: str) -> str:
    content = json.dumps([base_url, request.row()], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model wrote."""

    text: str
    finish_reason: str
    """`stop`, `length` and so on, as the server says."""
    model: str
    """As the server names it, often with its date."""
    prompt_tokens: int
    completion_tokens: int
    echoed: tuple[tuple[str, float | None], ...] = ()
    """With `echo`: each token of the prompt, and its log-probability in nats where the server says
    one; it says none of the first."""

    def row(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        left_out = () if self.echoed else ("echoed",)
        return {name: getattr(self, name) for name in self.__slots__ if name not in left_out}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request without an answer."""

    reason: str
    """A short code: `bad-request`, `content-filter`, `refusal` or `retries-exhausted`."""
    message: str
    """The server's own words, without secrets."""
    prompt_tokens: int = 0
    """What it may have cost all the same: a filtered answer has been written and is charged."""
    completion_tokens: int = 0

    @property
    def final(self) -> bool:
        """Whether asking again would be in vain; what is not final is asked again by a new run."""
        return self.reason in _FINAL


Outcome: TypeAlias = Answer | Failure


class Provider(Protocol):
    """Sends requests to a model provider, such as `llm.openai.OpenAIClient`."""

    @property
    def base_url(self) -> str:
        """Where the requests go, without a key."""
        ...

    async def complete(self, request: Request) -> Outcome:
        """Ask once, with all retries that the client's policy has."""
        ...


class Watch(Protocol):
    """What is told about the attempts inside `complete`; raising from it ends the request."""

    def sending(self, request: Request) -> None:
        """An attempt is about to go on the wire."""
        ...

    def retrying(self, request: Request, reason: str, *, charged: bool) -> None:
        """An attempt has failed and is made again; `charged`: the provider may count it."""
        ...


@runtime_checkable
class Watched(Protocol):
    """A client that retries and tells of it."""

    watches: list[Watch]
