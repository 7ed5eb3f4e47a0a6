"""Tell whether the model that answered is the one that was asked."""

from __future__ import annotations

import re

from bioinstruct.llm.types import Answer, Failure, Request, Response

__all__ = ["OTHER_MODEL", "by_asked", "is_model"]

OTHER_MODEL = "other-model"
"""Reason of a failure: another model answered."""

# A name is resolved to a version: `gpt-4o` to `gpt-4o-2024-08-06`, `llama3` to `llama3:latest`.
_ALIAS = re.compile(r"[-@:](?:latest|preview|stable|free|exp|experimental)$")
_VERSION = re.compile(r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{3,8}|v\d+(?::\d+)?)$")


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
