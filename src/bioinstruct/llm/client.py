"""A model at an endpoint, with its price, its budget and the transcript of its answers."""

from __future__ import annotations

from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import BioinstructError
from bioinstruct.llm.pricing import Budget, Price, known_price
from bioinstruct.llm.types import Provider

if TYPE_CHECKING:
    from bioinstruct.llm.rate_limit import Limits

__all__ = ["Client"]


@dataclass
class Client:
    """A teacher model for `generate` and `label`.

    Only the name of the model is required: `Client("gpt-4o", budget=5)`. Creating a client
    connects to nothing. One client can serve several runs, one after the other.

    Raises:
        MissingError: the endpoint needs a key and there is none, or a budget needs a price and
            the price of the model is not known.
        BioinstructError: the price or the budget is negative.
    """

    model: str
    """The name of the model at the endpoint."""
    _: KW_ONLY
    budget: float | None = None
    """Most that may be spent, in US dollars, over all runs on one transcript; None for no limit."""
    price: tuple[float, float] | None = None
    """US dollars per million input and output tokens; default: the price table (`find_price`)."""
    transcript: Path | str | None = None
    """JSON Lines file that keeps every answer, and from which a stopped run resumes.

    Default: derived from the output file (`made.transcript.jsonl` for `made.jsonl`).
    """
    base_url: str | None = None
    """Address of an OpenAI-compatible server; default: `OPENAI_BASE_URL`, else OpenAI."""
    api_key: InitVar[str | None] = None
    """Default: `OPENAI_API_KEY`."""
    timeout: float = 300
    """Seconds to wait for one answer before the request is sent again."""
    limits: Limits | None = None
    """Requests and tokens per minute that the provider allows."""
    concurrency: int = 16
    """Most requests in flight."""
    batch: bool = False
    """Use the provider's Batch API: half the price, and up to a day for each round."""
    replay: bool = False
    """Use only the answers in the transcript: no network, no key."""
    other_models: bool = False
    """Accept answers by another model than `model`; by default they are failures, and counted."""
    provider: Provider | None = field(default=None, repr=False)
    """Object that sends the requests; default: an `OpenAIClient` for the address and key above."""
    rates: Price | None = field(init=False, default=None)
    """The price that applies; None if it is not known."""
    spending: Budget | None = field(init=False, default=None, repr=False)
    """Keeps count of the budget; None without one."""

    def __post_init__(self, api_key: str | None) -> None:
        if self.budget is not None and not self.budget >= 0:
            raise BioinstructError(f"a budget of {self.budget} USD", hint="0 or more")
        if self.replay:
            return
        if self.provider is None:
            from bioinstruct.llm.openai import OpenAIClient

            self.provider = OpenAIClient(
                base_url=self.base_url, api_key=api_key, timeout=self.timeout, limits=self.limits
            )
        self.base_url = self.provider.base_url
        self.rates = known_price(
            self.model,
            base_url=self.base_url,
            given=self.price,
            required=self.budget is not None,
        )
        if self.budget is not None and self.rates is not None:
            self.spending = Budget(self.budget, self.rates, batch=self.batch)

    def transcript_path(self, default: Path | None = None) -> Path:
        """Return the path of the transcript.

        Raises:
            BioinstructError: there is neither a transcript nor a default.
        """
        if self.transcript is not None:
            return Path(self.transcript)
        if default is None:
            raise BioinstructError(
                "no file for the transcript",
                hint="name one: --transcript FILE, or Client(..., transcript=FILE) in Python",
            )
        return default

    def reach(self) -> Provider:
        """Return the object that sends the requests.

        Raises:
            BioinstructError: the client only replays its transcript.
        """
        if self.provider is None:
            raise BioinstructError(
                "this client only replays its transcript",
                hint="leave `replay` out to send requests",
            )
        return self.provider
