"""What a request costs, and a cap on what a run may cost."""

from __future__ import annotations

from dataclasses import dataclass

from bioinstruct.client.request import Outcome, Request
from bioinstruct.client.transcript import Transcript

__all__ = ["Budget", "Price", "find_price"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    batch: float = 1.0
    """What the Batch API asks of the full price, 0.5 for half; 1 where there is none."""
    source: str = "given"
    """Where it is from, with the date, in words to print."""

    def cost(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        """US dollars."""
        raise NotImplementedError


def find_price(model: str, *, base_url: str, given: tuple[float, float] | None = None) -> Price:
    """The price of a model; `given` is what the user says, input and output.

    Raises:
        MissingError: the model is not in the table, or the endpoint is not its vendor's; the hint
            says `--price IN OUT`.
    """
    raise NotImplementedError


class Budget:
    """A hard cap in US dollars over all runs of a transcript; requests in flight count in full."""

    def __init__(self, usd: float, price: Price, *, batch: bool = False) -> None:
        raise NotImplementedError

    @property
    def spent(self) -> float:
        """US dollars for what came back, and for what was lost on the way, counted in full."""
        raise NotImplementedError

    @property
    def reserved(self) -> float:
        """US dollars that the requests in flight may still cost."""
        raise NotImplementedError

    def resume(self, transcript: Transcript) -> None:
        """Count what earlier runs spent, and what was in flight when one was killed."""
        raise NotImplementedError

    def reserve(self, request: Request) -> bool:
        """Set the worst case of a request aside; False: it does not fit now."""
        raise NotImplementedError

    def settle(self, request: Request, outcome: Outcome) -> None:
        """Put what it cost in the place of what was reserved."""
        raise NotImplementedError

    def lose(self, request: Request) -> None:
        """Count a request in full that may have been charged though no answer came."""
        raise NotImplementedError
