"""`bioinstruct cost`: say what the answers in a transcript have cost."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import sentence
from bioinstruct.cli.llm_options import given_price
from bioinstruct.cli.progress import money
from bioinstruct.console import show

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add", "cost_lines"]


def add(commands: Commands) -> None:
    text = "say what the answers in a transcript have cost"
    costing = commands.add_parser("cost", help=text, description=sentence(text))
    costing.add_argument("transcript", type=Path, metavar="TRANSCRIPT", help="JSON Lines")
    costing.add_argument(
        "--price",
        type=float,
        nargs=2,
        metavar=("IN", "OUT"),
        help="US dollars per million tokens, if the price is unknown or has changed",
    )
    costing.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    for line in cost_lines(args.transcript, given_price(args)):
        show(line)
    return 0


def cost_lines(path: Path, given: tuple[float, float] | None = None) -> Iterator[str]:
    """Yield a line for each model in a transcript: requests, tokens and cost, failed ones too.

    Raises:
        MissingError: there is no such file.
        DataError: it is not a transcript.
    """
    from bioinstruct.llm.pricing import Budget, known_price
    from bioinstruct.llm.transcript import Transcript, parse_entry

    with Transcript.read(path) as transcript:
        asked: Counter[str] = Counter()
        tokens_in: Counter[str] = Counter()
        tokens_out: Counter[str] = Counter()
        for row in transcript.history():
            if row["kind"] != "note":
                request, outcome = parse_entry(row)
                asked[request.model] += 1
                tokens_in[request.model] += outcome.prompt_tokens
                tokens_out[request.model] += outcome.completion_tokens
        for model, count in asked.most_common():
            price = known_price(model, base_url=transcript.base_url, given=given)
            cost = "price unknown: name it with --price IN OUT"
            if price is not None and len(asked) == 1:
                budget = Budget(math.inf, price)  # it counts batches and lost attempts as well
                budget.resume(transcript)
                cost = f"{money(budget.spent)} ({price.source})"
            elif price is not None:
                spent = price.cost(tokens_in[model], tokens_out[model])
                cost = f"{money(spent)} ({price.source})"
            yield (
                f"{model}: {count:,} requests, {tokens_in[model]:,} tokens in, "
                f"{tokens_out[model]:,} out: {cost}"
            )
        if not asked:
            yield "no answers: nothing was spent"
