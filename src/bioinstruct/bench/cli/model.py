"""What a command line says of a model on this machine: how it is loaded and how it is asked."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bioinstruct.bench.models.tokenization import Overflow
from bioinstruct.prompts import Style

if TYPE_CHECKING:
    from bioinstruct.bench.models.causal_lm import CausalLM

__all__ = ["add_arguments", "load", "usage_error"]


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """The options that `load` reads."""
    group.add_argument(
        "--style",
        type=Style,
        choices=list(Style),
        help="prompt layout, the same for tuning and scoring (default: alpaca; with --endpoint: "
        "chat)",
    )
    group.add_argument(
        "--overflow",
        type=Overflow,
        choices=list(Overflow),
        help="a prompt that does not fit the context: shorten its input in the middle, cut its "
        "left, or skip it; counted in the table (default: shorten)",
    )
    group.add_argument(
        "--scorer",
        choices=("auto", "flat", "tree", "cascade"),
        help="how log-likelihoods are computed; the numbers are the same (default: auto, the "
        "fastest that is exact on the model)",
    )
    group.add_argument(
        "--trust-remote-code", action="store_true", help="run code that the model brings"
    )


def usage_error(args: argparse.Namespace) -> str:
    """What does not go together; empty when all does."""
    if (args.endpoint or args.encoder) and (args.overflow or args.scorer):
        return "--overflow and --scorer are for a model on this machine that writes"
    return ""


def load(args: argparse.Namespace, *, quantize: str) -> CausalLM:
    """The model that a command line names.

    Raises:
        ModelError: there is no such model, or it cannot be asked in this style.
        MissingError: 4 bits are asked for without bitsandbytes.
    """
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.models.loglikelihood import Plan

    return CausalLM.load(
        args.model,
        style=args.style,
        quantize=quantize,
        trust_remote_code=args.trust_remote_code,
        plan=Plan(args.scorer or "auto"),
        overflow=args.overflow or Overflow.SHORTEN,
    )
