"""What went wrong with a request: what is tried again, what is final, and what stops a run."""

from __future__ import annotations

from bioinstruct.errors import BioinstructError

__all__ = ["BudgetError", "ProviderError", "SchemaUnsupportedError"]


class ProviderError(BioinstructError):
    """The server refuses every request alike: a bad key, an unknown model, no money left."""


class SchemaUnsupportedError(ProviderError):
    """The server does not know `response_format` with a JSON schema.

    The answer to it is another request (without `schema`, with another prompt), so that what was
    asked stays what is on record: `--format delimited`.
    """


class BudgetError(BioinstructError):
    """The next request could cost more than is left; all before it were answered."""
