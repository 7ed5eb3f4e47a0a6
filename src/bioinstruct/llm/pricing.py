"""Prices of requests, and a budget for a run."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bioinstruct.errors import BioinstructError, BudgetError, MissingError
from bioinstruct.llm.request_tokens import charged, prompt_bound
from bioinstruct.llm.transcript import Transcript, parse_entry
from bioinstruct.llm.types import Answer, Failure, Request, Response

__all__ = ["Budget", "Price", "find_price", "known_price"]

_SNAPSHOT = re.compile(r"(.+?)-(\d{4}|\d{4}-\d{2}-\d{2})")  # -0613 or -2024-08-06


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    batch: float = 1.0
    """Factor of the Batch API, such as 0.5; 1 if there is none."""
    source: str = "given"
    """Source of the price with its date, for display."""

    def cost(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        """Return the cost in US dollars."""
        full = (prompt_tokens * self.input + completion_tokens * self.output) / 1_000_000
        return full * self.batch if batch else full

    def in_batches(self) -> Price:
        """Return the price with the Batch API."""
        source = f"{self.source}, times {self.batch:g} for batches"
        return Price(input=self.input * self.batch, output=self.output * self.batch, source=source)


def find_price(model: str, *, base_url: str, given: tuple[float, float] | None = None) -> Price:
    """Return the price of a model: `given` (input, output), or that of the table.

    Raises:
        MissingError: the model is not in the table, or the endpoint is not its vendor's.
        BioinstructError: a given price is negative.
    """
    vendor = next((v for v in _table().values() if v["endpoint"] == base_url), None)
    batch = vendor["batch"] if vendor else 1.0
    if given is not None:
        if not all(0 <= price < 1e6 for price in given):
            raise BioinstructError("a price is not below 0", hint="US dollars per million tokens")
        return Price(input=given[0], output=given[1], batch=batch)
    models = vendor["models"] if vendor else {}
    snapshot = _SNAPSHOT.fullmatch(model)
    name = snapshot[1] if snapshot and model not in models else model
    if vendor is None or name not in models:
        raise MissingError(
            f"the price of {model} at {base_url} is not known",
            hint="give it in US dollars per million tokens: --price IN OUT, or price=(IN, OUT) in "
            "Python; 0 and 0 if it is free",
        )
    source = f"{vendor['source']}, {vendor['date']}"
    return Price(input=models[name][0], output=models[name][1], batch=batch, source=source)


def known_price(
    model: str,
    *,
    base_url: str,
    given: tuple[float, float] | None = None,
    required: bool = False,
) -> Price | None:
    """Return the price of a model, or None if it is not known and not required.

    Raises:
        MissingError: it is required (there is a budget) and not known.
        BioinstructError: a given price is negative.
    """
    try:
        return find_price(model, base_url=base_url, given=given)
    except MissingError:
        if required:
            raise
        return None


class Budget:
    """A hard cap in US dollars over all runs of a transcript; requests in flight count in full.

    The worst case of a request is a token for each byte of its prompt and `max_tokens` of answer.
    """

    def __init__(self, usd: float, price: Price, *, batch: bool = False) -> None:
        self.usd = usd
        self._price = price
        self._batch = batch
        self._spent = 0.0
        self._reserved: dict[Request, float] = {}
        self._sum = 0.0
        self._pending: dict[str, list[float]] = {}

    @property
    def spent(self) -> float:
        """US dollars spent on answers, and on failed attempts, which count in full."""
        return self._spent

    @property
    def reserved(self) -> float:
        """US dollars that requests in flight may still cost."""
        return self._sum

    def worst(self, request: Request) -> float:
        """Return the maximum cost of a request in US dollars.

        Raises:
            BioinstructError: the request has no `max_tokens`, so its cost has no bound.
        """
        return self._cost(prompt_bound(request), _bound(request.max_tokens), batch=self._batch)

    def resume(self, transcript: Transcript) -> None:
        """Count the cost of earlier runs, and of requests in flight when one was killed."""
        pending: dict[str, list[float]] = {}
        spent = 0.0
        for row in transcript.history():
            note = row.get("note")
            value: Any = row.get("value")
            if row["kind"] != "note":
                spent += self._charge(*parse_entry(row), batch="batch" in row)
                spent += sum(pending.pop(row["key"], [])[:-1])
            elif note == "sent":
                cost = self._cost(value["prompt_tokens"], value["max_tokens"])
                pending.setdefault(value["key"], []).append(cost)
            elif note == "batch-planned":
                for key, (prompt, most) in value["requests"].items():
                    cost = self._cost(prompt, _bound(most), batch=True)
                    pending.setdefault(key, []).append(cost)
            elif note in {"unsent", "batch-ended"}:
                for key in value.get("uncharged", [value.get("key")]):
                    pending.get(key, [])[-1:] = []
        self._pending = {key: costs for key, costs in pending.items() if costs}
        self._spent = spent + sum(sum(costs) for costs in pending.values())

    def claim(self, request: Request, key: str) -> None:
        """Reserve the cost of a request that is in an open batch of an earlier run."""
        costs = self._pending.get(key)
        amount = self.worst(request)
        if costs:
            amount = costs.pop()
            self._spent -= amount
        self._set_aside(request, amount)

    def reserve(self, request: Request) -> bool:
        """Reserve the maximum cost of a request; return False if it does not fit."""
        worst = self.worst(request)
        if self._spent + self.reserved + worst > self.usd:
            return False
        self._set_aside(request, worst)
        return True

    def settle(self, request: Request, outcome: Response) -> None:
        """Replace the reservation of a request by its actual cost."""
        self.release(request)
        self._spent += self._charge(request, outcome, batch=self._batch)

    def release(self, request: Request) -> None:
        """Release the reservation of a request that was not sent or is not charged."""
        self._take_back(request)

    def lose(self, request: Request) -> None:
        """Count in full a request that may be charged although it has no answer."""
        self._spent += self._take_back(request)

    def short(self) -> BudgetError:
        """Return the error for when the next request does not fit and none is in flight."""
        return BudgetError(
            f"the budget of {self.usd:g} USD does not cover one more request "
            f"({self._spent:.4f} USD spent)",
            hint="all answers are saved: continue with a larger --budget",
        )

    def _set_aside(self, request: Request, amount: float) -> None:
        self._take_back(request)
        self._reserved[request] = amount
        self._sum += amount  # running total: summing a batch per request is slow

    def _take_back(self, request: Request) -> float:
        amount = self._reserved.pop(request, 0.0)
        self._sum = self._sum - amount if self._reserved else 0.0
        return amount

    def _charge(self, request: Request, outcome: Answer | Failure, *, batch: bool) -> float:
        tokens = charged(request, outcome)
        return self._cost(tokens.prompt_tokens, tokens.completion_tokens, batch=batch)

    def _cost(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        return self._price.cost(prompt_tokens, completion_tokens, batch=batch)


def _bound(max_tokens: int | None) -> int:
    if max_tokens is None:
        raise BioinstructError("a budget needs a bound on each answer", hint="set max_tokens")
    return max_tokens


@cache
def _table() -> dict[str, Any]:
    path = files("bioinstruct") / "data" / "prices.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
