"""Command-line options of a served model, a judge, and their budget."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.cli.llm_options import add_money, add_other_models, price_and_budget
from bioinstruct.console import positive, say
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.report import Report
    from bioinstruct.bench.experiment import Watch
    from bioinstruct.bench.judge.judge import Cost, Judge
    from bioinstruct.bench.judge.results import Written
    from bioinstruct.bench.models.endpoint import Asking
    from bioinstruct.bench.tasks.evaluation_set import Evaluation, Unavailable
    from bioinstruct.llm.pricing import Price
    from bioinstruct.llm.rate_limit import Retries
    from bioinstruct.llm.types import Request

__all__ = ["add_arguments", "judged", "measure_agreement", "score_endpoint", "usage_error"]

KEY = "BIOINSTRUCT_ENDPOINT_KEY"
ASKED, VERDICTS = "endpoint.transcript.jsonl", "judge.transcript.jsonl"
AGREEMENT = "agreement.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that the functions of this module read."""
    served = parser.add_argument_group("a model behind a server")
    served.add_argument(
        "--endpoint",
        metavar="URL",
        help="OpenAI-compatible server of --model, such as http://localhost:8000/v1; set its key "
        f"in ${KEY}",
    )
    served.add_argument(
        "--temperature",
        type=_temperature,
        default=0.0,
        metavar="X",
        help="sampling temperature, for a model or judge that requires X; `none` leaves it to the "
        "server (default: 0)",
    )
    served.add_argument(
        "--concurrency",
        type=positive,
        default=16,
        metavar="N",
        help="requests in flight (default: 16)",
    )
    served.add_argument(
        "--timeout",
        type=float,
        default=300,
        metavar="S",
        help="seconds to wait for an answer (default: 300)",
    )
    judge = parser.add_argument_group("a judge of written answers")
    judge.add_argument(
        "--judge",
        metavar="MODEL",
        help="model that scores answers by a rubric and compares base with tuned; uses "
        "OPENAI_API_KEY and OPENAI_BASE_URL; needs --budget",
    )
    judge.add_argument(
        "--agreement",
        action="store_true",
        help="first measure the judge's agreement with people on 400 summaries of MTS-Dialog",
    )
    add_money(
        judge,
        budget="spending limit for the judge, or without a judge for the --endpoint",
    )
    add_other_models(judge)


def usage_error(args: argparse.Namespace) -> str:
    """Return what is wrong with the options, or an empty string."""
    if args.endpoint and (
        args.adapter or args.data or args.recipe or args.plan or args.merge or args.repeats > 1
    ):
        return "--endpoint only scores: it cannot tune, merge or load an adapter"
    if args.endpoint and (args.encoder or not args.model):
        return "--endpoint needs --model NAME, the name of the model at the server"
    if args.judge and args.budget is None:
        return "--judge needs --budget USD; for a free server: --price 0 0 --budget 1"
    if args.judge and args.encoder:
        return "--judge needs written answers, which an encoder does not produce"
    if args.agreement and not args.judge:
        return "--agreement needs a judge: name one with --judge"
    return ""


def score_endpoint(
    args: argparse.Namespace,
    evaluations: Sequence[Evaluation],
    unavailable: Sequence[Unavailable],
    watch: Watch,
) -> Report:
    """Score a served model; answers and transcript are written to the folder of the run.

    Raises:
        BioinstructError: the server cannot be reached, refuses, or left requests unanswered. The
            answers it gave are kept.
    """
    from bioinstruct.bench.experiment import readable_by, run
    from bioinstruct.bench.models.endpoint import Endpoint
    from bioinstruct.llm.openai import OpenAIClient
    from bioinstruct.prompts import Style

    client = OpenAIClient(
        base_url=args.endpoint, api_key=_key(args), timeout=args.timeout, retries=_retries(args)
    )
    client.watches.append(_RetryNotice(client.base_url))
    asking = _asking(args, args.model, client.base_url, paid=not args.judge)
    transcript = args.out / ASKED
    style = Style.CHAT if args.style == "auto" else Style(args.style)
    with Endpoint(client, args.model, transcript, style=style, asking=asking) as endpoint:
        readable = readable_by(endpoint, evaluations)
        closed = [e.name for e in evaluations if e.closed and e not in readable]
        if closed:
            say(
                f"{client.base_url} gives no likelihoods in the style {style}: the model "
                f"writes its answers instead of choosing them in {', '.join(closed)}"
            )
        report = run(
            endpoint, readable, args.out, unavailable=unavailable, seed=args.seed, watch=watch
        )
        for reason, count in endpoint.odd.items():
            say(f"the server refused {count:,} requests ({reason}); they count as empty answers")
        if endpoint.called - {args.model}:
            say(f"the server calls the model {', '.join(sorted(endpoint.called))}")
        if asking.budget:
            say(f"spent {asking.budget.spent:.4f} USD")
    return report


def judged(args: argparse.Namespace, report: Report, evaluations: Sequence[Evaluation]) -> Report:
    """Add a judge's verdicts to the report, or the reason why there are none."""
    from bioinstruct.bench.report.folder import write_report

    try:
        judge, price = _judge(args)
        written = _written(report, evaluations, args.out)
        if not written:
            raise BioinstructError("no task has written answers")
        _print_cost("judging", judge, judge.requests(written), price)
        verdict = judge.judge(written, seed=args.seed)
        path = args.out / AGREEMENT
        known = _agreement(path)
        if (known.get("judge"), known.get("prompt")) == (verdict.judge, verdict.prompt):
            verdict = replace(verdict, agreement=known)
        report = replace(report, judge=verdict)
    except BioinstructError as error:
        say(f"not judged: {error}" + (f" ({error.hint})" if error.hint else ""))
        report = replace(report, judge=f"not judged: {error}")
    write_report(args.out, report)
    return report


def _agreement(path: Path) -> dict[str, Any]:
    """Return the agreement that was measured; nothing if it was not, or the file is damaged."""
    try:
        known = loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        say(f"{path} is damaged: measure the agreement again with --agreement")
        return {}
    return known


def measure_agreement(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the judge's agreement with people and write it to the folder of the run.

    Raises:
        BioinstructError: the judge fails, or MTS-Dialog is not available.
    """
    from bioinstruct import corpora
    from bioinstruct.bench.judge.prompt import PROMPT
    from bioinstruct.corpora import mts_dialog

    judge, price = _judge(args)
    folder = corpora.data_directory() / "mts_dialog"
    summaries = list(mts_dialog.judged(folder))[: args.limit]
    _print_cost("agreement with people", judge, judge.requests_of(summaries), price)
    measured = judge.agree(summaries, seed=args.seed)
    result = {"judge": args.judge, "prompt": PROMPT} | asdict(measured)
    write_text(args.out / AGREEMENT, json.dumps(result, indent=2) + "\n")
    return result


def _judge(args: argparse.Namespace) -> tuple[Judge, Price | None]:
    from bioinstruct.bench.judge.judge import Judge
    from bioinstruct.llm.openai import OpenAIClient

    client = OpenAIClient(timeout=args.timeout, retries=_retries(args))
    client.watches.append(_RetryNotice(client.base_url))
    asking = _asking(args, args.judge, client.base_url, paid=True)
    price, _ = price_and_budget(args, args.judge, client.base_url)
    return Judge(client, args.judge, args.out / VERDICTS, asking), price


def _retries(args: argparse.Namespace) -> Retries:
    """Give up on a server that never answers after four timeouts, or a minute if that is longer."""
    from bioinstruct.llm.rate_limit import Retries

    return Retries(seconds=max(60, 4 * args.timeout))


class _RetryNotice:
    """Print a notice at the first retry for each kind of error, to explain the wait."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._known: set[str] = set()

    def sending(self, request: Request) -> None:
        """Do nothing: only retries are reported."""

    def retrying(self, request: Request, reason: str, *, charged: bool) -> None:
        if reason not in self._known:
            self._known.add(reason)
            say(f"{self._base_url}: {reason}; retrying such requests")


def _print_cost(what: str, judge: Judge, requests: Sequence[Any], price: Price | None) -> None:
    from bioinstruct.bench.judge.judge import estimate

    cost: Cost = estimate(requests)
    usd = f"at most {cost.usd(price):.4f} USD" if price else "price unknown"
    say(
        f"{what} by {judge.model}: {cost.requests:,} requests, {cost.prompt_tokens:,} tokens in, "
        f"at most {cost.completion_tokens:,} out ({cost.method}): {usd}"
    )


def _written(report: Report, evaluations: Sequence[Evaluation], out: Path) -> list[Written]:
    """Read the written answers of a run from its answer file, without asking the model."""
    from bioinstruct.bench.evaluation.cache import Answers
    from bioinstruct.bench.experiment import ANSWERS
    from bioinstruct.bench.judge.results import Written
    from bioinstruct.schema import Category

    base, plus, _ = report.fingerprint.partition("+")
    found = []
    with Answers(out / ANSWERS) as answers:
        for evaluation in evaluations:
            if evaluation.task.group is Category.GEN and not evaluation.task.choices:
                # Each item is judged once, in whatever wordings it was asked.
                evaluation = replace(evaluation, examples=tuple(evaluation.items), variants=())
                before = _recorded(base, evaluation, answers)
                after = _recorded(report.fingerprint, evaluation, answers) if plus else None
                examples = list(evaluation.examples)
                found.append(Written(evaluation.name, examples, before, after))
    return found


def _recorded(fingerprint: str, evaluation: Evaluation, answers: Any) -> list[str | None]:
    from bioinstruct.bench.report.recorded import recount

    return recount(evaluation, [fingerprint], answers).written


def _asking(args: argparse.Namespace, model: str, base_url: str, *, paid: bool) -> Asking:
    from bioinstruct.bench.models.endpoint import Asking

    _, budget = price_and_budget(args, model, base_url) if paid else (None, None)
    return Asking(
        budget=budget,
        concurrency=args.concurrency,
        temperature=args.temperature,
        other_models=args.allow_other_models,
        max_thinking=args.max_thinking,
    )


def _key(args: argparse.Namespace) -> str:
    """Return the key of the endpoint; OPENAI_API_KEY is sent only to its own server."""
    if key := os.environ.get(KEY):
        return key
    own = (os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
    same = args.endpoint.rstrip("/") == own
    return os.environ.get("OPENAI_API_KEY", "") if same else "none"


def _temperature(text: str) -> float | None:
    return None if text == "none" else float(text)
