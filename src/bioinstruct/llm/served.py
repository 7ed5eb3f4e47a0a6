"""Tell whether an answer is of the model that was asked, and of a length that it can have."""

from __future__ import annotations

import re

from bioinstruct.llm.types import Answer, Failure, Request, Response

__all__ = ["OTHER_MODEL", "TOO_LONG", "by_asked", "is_model", "within_bounds"]

OTHER_MODEL = "other-model"
"""Reason of a failure: another model answered."""
TOO_LONG = "too-long"
"""Reason of a failure: the answer is far longer than the tokens that were asked for."""
_BYTES = 16  # a token, on average over a whole text: at most 8 in any that we measured
_SLACK = 4096  # bytes, for a short limit whose tokens are all long

# A name is resolved to a version: `gpt-4o` to `gpt-4o-2024-08-06`, `llama3` to `llama3:latest`.
_ALIAS = re.compile(r"[-@:](?:latest|preview|stable|free|exp|experimental)$")
# A server may add the revision: transformers serve 5.23 says `model@main`.
_VERSION = re.compile(
    r"@[\w.+-]+$|[-@:](?:\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{3,8}|v\d+(?::\d+)?)$"
)


def is_model(asked: str, answered: str) -> bool:
    """Return whether a server may call the model so: by a date, a tag or the path of its file."""
    one, other = _parts(asked), _parts(answered)
    same_version = not one[1] or not other[1] or one[1] == other[1]
    return one[0] == other[0] and same_version


def _parts(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the name without owner, versions and tags, and its versions."""
    stem = re.split(r"[/\\]", name.strip().casefold().rstrip("/\\"))[-1]
    stem = re.sub(r"\.(?:gguf|bin|safetensors)$", "", stem)
    versions: list[str] = []
    while True:
        if found := _ALIAS.search(stem):
            stem = stem[: found.start()]
        elif found := _VERSION.search(stem):
            versions.append(found[0][1:])
            stem = stem[: found.start()]
        else:
            return stem, tuple(versions)


def by_asked(request: Request, outcome: Response) -> Response:
    """Return the outcome, or a failure in place of an answer by another model."""
    if not isinstance(outcome, Answer) or is_model(request.model, outcome.model):
        return outcome
    return Failure(
        reason=OTHER_MODEL,
        message=f"{outcome.model!r} answered, where {request.model!r} was asked",
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
    )


def within_bounds(request: Request, outcome: Response) -> Response:
    """Return the outcome, or a failure in place of a text that `max_tokens` tokens cannot be."""
    if not isinstance(outcome, Answer) or request.max_tokens is None:
        return outcome
    size = len(outcome.text.encode("utf-8", "surrogatepass"))
    if size <= _BYTES * request.max_tokens + _SLACK:
        return outcome
    return Failure(
        reason=TOO_LONG,
        message=f"{size:,} bytes, where {request.max_tokens:,} tokens were asked for",
        prompt_tokens=outcome.prompt_tokens,
        completion_tokens=outcome.completion_tokens,
    )
