"""Parse server responses, complete or not, into outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bioinstruct.json_text import loads
from bioinstruct.llm.errors import classify_error, words
from bioinstruct.llm.request_tokens import prompt_bound
from bioinstruct.llm.types import Answer, Failure, Request, Response

__all__ = ["Reply", "TryAgainError", "exhausted", "read_reply"]

_UNFINISHED = frozenset({"abort", "error"})  # server errors, in vLLM and in routers


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP response."""

    status: int
    body: str
    headers: Mapping[str, str]


class TryAgainError(Exception):
    """An attempt failed for a transient reason."""

    def __init__(
        self, reason: str, message: str, *, charged: bool = False, wait: float | None = None
    ) -> None:
        """Store the reason, whether the provider may charge it, and the wait in seconds."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.charged = charged
        self.wait = wait


def exhausted(request: Request, message: str, *, charged: bool) -> Failure:
    """Return the failure of a request whose retries are exhausted.

    `charged` if the provider may charge the last attempt.
    """
    return Failure(
        reason="retries-exhausted",
        message=message,
        prompt_tokens=prompt_bound(request) if charged else 0,
        completion_tokens=(request.max_tokens or 0) if charged else 0,
    )


def read_reply(
    body: str, request: Request, *, redact: Callable[[str], str] = lambda text: text
) -> Response:
    """Parse the body of a response of status 200.

    Args:
        body: the body as text.
        request: what was asked.
        redact: removes secrets from texts that the parser put together from several parts.

    Raises:
        TryAgainError: the body is truncated, empty, or contains an error.
    """
    content = _content(body)
    choices = content.get("choices")
    if content.get("error") or not isinstance(choices, list):
        verdict = classify_error(_code(content), body)
        reason = verdict.reason if verdict.fate == "fail" else "error-in-body"
        message = redact(words(body))
        if verdict.fate == "fail" and content.get("error"):
            return Failure(reason=reason, message=message)
        raise TryAgainError(reason, message, charged=True)
    if not choices or not isinstance(choices[0], dict):
        raise TryAgainError("empty-choices", "an answer without choices", charged=True)
    return _outcome(choices[0], content, request, redact)


def _outcome(
    choice: dict[str, Any],
    content: dict[str, Any],
    request: Request,
    redact: Callable[[str], str],
) -> Response:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = redact(_text(message.get("content") if request.prompt is None else choice.get("text")))
    finish = str(choice.get("finish_reason") or "unknown")
    usage = content.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    if finish in _UNFINISHED:
        raise TryAgainError("unfinished", f"finish_reason is {finish}", charged=True)
    if finish == "content_filter" or message.get("refusal"):
        reason = "content-filter" if finish == "content_filter" else "refusal"
        said = redact(words(_text(message.get("refusal")) or text or "no words"))
        return Failure(
            reason=reason, message=said, prompt_tokens=counts[0], completion_tokens=counts[1]
        )
    return Answer(
        text=text,
        finish_reason=finish,
        model=str(content.get("model") or request.model),
        prompt_tokens=counts[0],
        completion_tokens=counts[1],
        echoed=_echoed(choice.get("logprobs"), redact) if request.echo else (),
        reasoning_tokens=_reasoning(usage),
    )


def _reasoning(usage: dict[str, Any]) -> int:
    details = usage.get("completion_tokens_details")
    return _count(details.get("reasoning_tokens")) if isinstance(details, dict) else 0


def _echoed(said: object, redact: Callable[[str], str]) -> tuple[tuple[str, float | None], ...]:
    """Return tokens with their log-probabilities, if the server reports them, and no secret."""
    said = said if isinstance(said, dict) else {}
    tokens, values = said.get("tokens"), said.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        return ()
    text = "".join(map(str, tokens))
    if redact(text) != text:
        return ()
    numbers = [float(v) if isinstance(v, int | float) else None for v in values]
    return tuple(zip(map(str, tokens), numbers, strict=True))


def _content(body: str) -> dict[str, Any]:
    try:
        content = loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        message = f"the body is not whole JSON: {body[:80]!r}"
        raise TryAgainError("half-json", message, charged=True)
    return content


def _code(content: dict[str, Any]) -> int:
    """Return the status of an error inside a body, or 500 if it has none."""
    error = content.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _text(content: object) -> str:
    """Return the text of a message, which some servers split into parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _count(value: object) -> int:
    """Return a reported number of tokens, or 0 if it is not a number."""
    return value if isinstance(value, int) and value > 0 else 0
