"""How many tokens a text has: by tiktoken where it can, else an estimate that says so."""

from __future__ import annotations

from bioinstruct.client.request import Request

__all__ = ["TokenCounter", "prompt_bound"]


class TokenCounter:
    """Counts for one model.

    An encoding is taken from the cache of tiktoken (`TIKTOKEN_CACHE_DIR`), or fetched once, with a
    few seconds' patience, unless `HF_HUB_OFFLINE=1` forbids it.
    """

    exact: bool
    """Whether tiktoken knows this model and its encoding is at hand."""
    method: str
    """How it counts, in words to print."""

    def __init__(self, model: str) -> None:
        raise NotImplementedError

    def text(self, text: str) -> int:
        """Tokens of a text."""
        raise NotImplementedError

    def prompt(self, request: Request) -> int:
        """Tokens of a request's messages and schema, with what a chat adds to each message."""
        raise NotImplementedError


def prompt_bound(request: Request) -> int:
    """Tokens that a prompt cannot exceed, whatever the tokeniser: its bytes, and some for roles."""
    raise NotImplementedError
