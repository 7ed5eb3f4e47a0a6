"""Options of commands that use a model: price, budget and client."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bioinstruct.llm.client import Client
    from bioinstruct.llm.pricing import Budget, Price

__all__ = ["add_money", "add_other_models", "given_price", "make_client", "price_and_budget"]


def add_money(group: argparse._ArgumentGroup, *, budget: str = "spending limit") -> None:
    """Add `--budget` and `--price`."""
    group.add_argument("--budget", type=float, metavar="USD", help=budget)
    group.add_argument(
        "--price",
        type=float,
        nargs=2,
        metavar=("IN", "OUT"),
        help="US dollars per million tokens, if the price is unknown or has changed; 0 0 if "
        "it is free",
    )


def add_other_models(group: argparse._ArgumentGroup) -> None:
    """Add `--allow-other-models`."""
    group.add_argument(
        "--allow-other-models",
        action="store_true",
        help="accept answers by another model than was asked, as of a proxy or a deployment with a "
        "name of its own (default: they are refused and counted)",
    )


def given_price(args: argparse.Namespace) -> tuple[float, float] | None:
    """Return the price of `--price`, or None."""
    return (args.price[0], args.price[1]) if args.price else None


def make_client(args: argparse.Namespace) -> Client:
    """Return the client for `--model` and the options of a command.

    Raises:
        MissingError: the key is missing, or there is a budget but no price.
    """
    from bioinstruct.llm.client import Client
    from bioinstruct.llm.rate_limit import Limits

    options = vars(args)
    limits = Limits(requests_per_minute=options.get("rpm"), tokens_per_minute=options.get("tpm"))
    return Client(
        args.model,
        budget=args.budget,
        price=given_price(args),
        transcript=args.transcript,
        timeout=options.get("timeout", 300),
        limits=limits,
        concurrency=args.concurrency,
        batch=options.get("batch", False),
        replay=options.get("replay", False),
        other_models=args.allow_other_models,
    )


def price_and_budget(
    args: argparse.Namespace, model: str, base_url: str
) -> tuple[Price | None, Budget | None]:
    """Return the price of a model, if it is known, and the budget of `--budget`, if it is given.

    Raises:
        MissingError: there is a budget but no price.
    """
    from bioinstruct.llm.pricing import Budget, known_price

    price = known_price(
        model, base_url=base_url, given=given_price(args), required=args.budget is not None
    )
    budget = Budget(args.budget, price) if price and args.budget is not None else None
    return price, budget
