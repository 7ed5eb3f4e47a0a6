"""Command-line options of a local model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bioinstruct.bench.models.precision import PRECISIONS
from bioinstruct.bench.models.tokenization import Overflow, style_for, style_reason
from bioinstruct.console import positive
from bioinstruct.prompts import Style

if TYPE_CHECKING:
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.training.recipe import Recipe

__all__ = ["add_arguments", "load", "usage_error"]


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options that `load` reads."""
    group.add_argument(
        "--style",
        choices=["auto", *list(Style)],
        default="auto",
        help="prompt layout for tuning and scoring (default: auto, that of the adapter or the "
        "recipe if it names one, else the model's chat template if it has one, else alpaca; chat "
        "with --endpoint)",
    )
    group.add_argument(
        "--overflow",
        type=Overflow,
        choices=list(Overflow),
        help="what to do with a prompt that exceeds the context: shorten its input in the middle, "
        "cut its left, or skip it; the table counts them (default: shorten)",
    )
    group.add_argument(
        "--scorer",
        choices=("auto", "flat", "tree", "cascade"),
        help="how to compute log-likelihoods; the results are the same (default: auto, the "
        "fastest that is exact for the model)",
    )
    group.add_argument(
        "--dtype",
        choices=PRECISIONS,
        default="auto",
        help="precision of the weights (default: auto, that of the checkpoint where the device has "
        "instructions for it, else float32; a run that is continued keeps its own)",
    )
    group.add_argument(
        "--max-thinking",
        type=positive,
        default=0,
        metavar="N",
        help="let a reasoning model think for N tokens in front of each written answer (default: "
        "its thought uses up the tokens of the answer)",
    )
    group.add_argument(
        "--trust-remote-code", action="store_true", help="run Python code from the model folder"
    )


def usage_error(args: argparse.Namespace) -> str:
    """Return what is wrong with the options, or an empty string."""
    if (args.endpoint or args.encoder) and (args.overflow or args.scorer):
        return "--overflow and --scorer need a local causal language model"
    if (args.endpoint or args.encoder) and args.dtype != "auto":
        return "--dtype needs a local causal language model"
    if args.encoder and args.max_thinking:
        return "--max-thinking needs a model that writes its answers"
    return ""


def load(args: argparse.Namespace, *, recipe: Recipe | None) -> CausalLM:
    """Load the model that the options name, as the recipe says if it is to be tuned.

    Raises:
        ModelError: the model cannot be loaded, or does not support the prompt style.
        MissingError: 4-bit quantization needs bitsandbytes, which is not installed.
    """
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.models.loglikelihood import Plan

    style, reason = _style(args, recipe)
    model = CausalLM.load(
        args.model,
        style=style,
        dtype=args.precision,
        quantize=recipe.quantize if recipe else "none",
        trust_remote_code=args.trust_remote_code,
        plan=Plan(args.scorer or "auto"),
        overflow=args.overflow or Overflow.SHORTEN,
    )
    args.precision = model.parts["precision"]
    model.max_thinking = args.max_thinking
    tokenizer = model.prompt_tokenizer.tokenizer
    if reason:  # which need not be told where the model would decide the same
        same = model.style is style_for(tokenizer)
        model.style_reason = style_reason(tokenizer) if same else reason
    return model


def _style(args: argparse.Namespace, recipe: Recipe | None) -> tuple[Style | None, str]:
    """Return the prompt style, None where the model decides, and why if nobody named it."""
    from bioinstruct.bench.models.adapter import style_of

    if args.style != "auto":
        return Style(args.style), ""
    if args.adapter and (tuned_in := style_of(args.adapter)):
        return tuned_in, "the adapter was tuned in it"
    if recipe and recipe.style != "auto":
        return Style(recipe.style), "the recipe names it"
    return None, ""
