"""Any server that speaks the chat completions of OpenAI, through the official package."""

from __future__ import annotations

from bioinstruct.client.limiter import Limits, Retries
from bioinstruct.client.request import Outcome, Request, Watch

__all__ = ["OPENAI", "OpenAIClient"]

OPENAI = "https://api.openai.com/v1"


class OpenAIClient:
    """A client of one endpoint; the official package's own retries are off.

    Raises (from `complete`):
        ProviderError: a bad key, an unknown model, no money left, a server that does not answer.
        SchemaUnsupportedError: the server does not know JSON schemas.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 300,
        limits: Limits | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Connect to nothing yet.

        Args:
            base_url: else `OPENAI_BASE_URL`, else OpenAI.
            api_key: else `OPENAI_API_KEY`; only OpenAI itself must have one.
            timeout: seconds for one attempt, from sending to the last byte.
            limits: what the provider allows.
            retries: how long one request is tried.

        Raises:
            MissingError: there is no key for OpenAI.
        """
        self.watches: list[Watch] = []
        raise NotImplementedError

    @property
    def base_url(self) -> str:
        """Without a key, a password or a query."""
        raise NotImplementedError

    async def complete(self, request: Request) -> Outcome:
        """The answer, or why there is none; retried as `Retries` says."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close the connections; `async with` does so too."""
        raise NotImplementedError

    async def __aenter__(self) -> OpenAIClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
