"""What a command line says of servers: a model behind one, a judge, and what they may cost."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.bench.models.constant import Constant
from bioinstruct.cli.llm_options import add_money, price_and_budget
from bioinstruct.console import positive, say
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.report import Report
    from bioinstruct.bench.experiment import Watch
    from bioinstruct.bench.judge.judge import Cost, Judge, Written
    from bioinstruct.bench.models.endpoint import Asking
    from bioinstruct.bench.tasks.base import Task
    from bioinstruct.bench.tasks.evaluation_set import Tests
    from bioinstruct.llm.pricing import Price
    from bioinstruct.llm.rate_limit import Retries
    from bioinstruct.llm.types import Request
    from bioinstruct.schema import Instruction

__all__ = ["add_arguments", "judged", "measure_agreement", "score_endpoint", "usage_error"]

KEY = "BIOINSTRUCT_ENDPOINT_KEY"
ASKED, VERDICTS = "endpoint.transcript.jsonl", "judge.transcript.jsonl"
AGREEMENT = "agreement.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the functions here read."""
    served = parser.add_argument_group("a model behind a server")
    served.add_argument(
        "--endpoint",
        metavar="URL",
        help="an OpenAI-compatible server, such as http://localhost:8000/v1, that serves --model; "
        f"its key: ${KEY}",
    )
    served.add_argument(
        "--temperature",
        type=_temperature,
        default=0.0,
        metavar="X",
        help="for a model or a judge that takes no other than X; none: the server's (default: 0)",
    )
    served.add_argument("--concurrency", type=positive, default=16, metavar="N")
    served.add_argument(
        "--timeout", type=float, default=300, metavar="S", help="seconds for an answer"
    )
    judge = parser.add_argument_group("a judge of written answers")
    judge.add_argument(
        "--judge",
        metavar="MODEL",
        help="a model that gives points by a rubric, and prefers base or tuned; key and address: "
        "OPENAI_API_KEY and OPENAI_BASE_URL; needs --budget",
    )
    judge.add_argument(
        "--agreement",
        action="store_true",
        help="first say how the judge agrees with people on 400 summaries of MTS-Dialog",
    )
    add_money(
        judge,
        budget="never spend more: on the judge where there is one, else at the --endpoint",
    )


def usage_error(args: argparse.Namespace) -> str:
    """What does not go together; empty when all does."""
    if args.endpoint and (args.adapter or args.data or args.recipe or args.plan or args.merge):
        return "--endpoint scores what a server has: there is nothing to tune or to merge"
    if args.endpoint and (args.encoder or not args.model):
        return "--endpoint needs --model NAME, as the server calls it"
    if args.judge and args.budget is None:
        return "--judge needs --budget USD; where it is free: --price 0 0 --budget 1"
    if args.judge and args.encoder:
        return "--judge reads written answers, which an encoder does not give"
    if args.agreement and not args.judge:
        return "--agreement is of a judge: name one with --judge"
    return ""


def score_endpoint(args: argparse.Namespace, tests: Tests, watch: Watch) -> Report:
    """Score a model behind a server; its answers and the transcript are in the folder of the run.

    Raises:
        BioinstructError: it cannot be reached, refuses, or did not answer all: what it did answer
            is kept.
    """
    from bioinstruct.bench.experiment import readable_by, run
    from bioinstruct.bench.models.endpoint import Endpoint
    from bioinstruct.llm.openai import OpenAIClient

    client = OpenAIClient(
        base_url=args.endpoint, api_key=_key(args), timeout=args.timeout, retries=_patience(args)
    )
    client.watches.append(_RetryNotice(client.base_url))
    asking = _asking(args, args.model, client.base_url, paid=not args.judge)
    transcript = args.out / ASKED
    with Endpoint(client, args.model, transcript, style=args.style, asking=asking) as endpoint:
        readable = readable_by(endpoint, tests)
        closed = [task.name for task in tests if task.choices and task not in readable]
        if closed:
            say(
                f"no likelihoods from {client.base_url} in the style {args.style}: answers are "
                f"written, not chosen, in {', '.join(closed)}"
            )
        report = run(endpoint, readable, args.out, seed=args.seed, watch=watch)
        for reason, count in endpoint.odd.items():
            say(f"{count:,} questions were refused ({reason}) and count as empty answers")
        if endpoint.called - {args.model}:
            say(f"the server calls the model {', '.join(sorted(endpoint.called))}")
        if asking.budget:
            say(f"spent {asking.budget.spent:.4f} USD")
    return report


def judged(args: argparse.Namespace, report: Report, tests: Mapping[Task, Any]) -> Report:
    """The same report with a judge's verdicts, or with the reason why there are none."""
    from bioinstruct.bench.experiment import REPORT

    try:
        judge, price = _judge(args)
        written = _written(report, tests, args.out)
        if not written:
            raise BioinstructError("no task has written answers")
        _tell("judging", judge, judge.requests(written), price)
        verdict = judge.judge(written, seed=args.seed)
        path = args.out / AGREEMENT
        known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if (known.get("judge"), known.get("prompt")) == (verdict.judge, verdict.prompt):
            verdict = replace(verdict, agreement=known)
        report = replace(report, judge=verdict)
    except BioinstructError as error:
        say(f"not judged: {error}" + (f" ({error.hint})" if error.hint else ""))
        report = replace(report, judge=f"not judged: {error}")
    write_text(args.out / REPORT, report.as_json())
    return report


def measure_agreement(args: argparse.Namespace) -> dict[str, Any]:
    """How the judge's points go with those of people; also written to the folder of the run.

    Raises:
        BioinstructError: there is no judge, or MTS-Dialog is not there.
    """
    from bioinstruct import corpora
    from bioinstruct.bench.judge.prompt import PROMPT
    from bioinstruct.corpora import mts_dialog

    judge, price = _judge(args)
    folder = corpora.data_directory() / "mts_dialog"
    summaries = list(mts_dialog.judged(folder))[: args.limit]
    _tell("agreement with people", judge, judge.requests_of(summaries), price)
    found = judge.agree(summaries, seed=args.seed)
    said = {"judge": args.judge, "prompt": PROMPT} | asdict(found)
    write_text(args.out / AGREEMENT, json.dumps(said, indent=2) + "\n")
    return said


def _judge(args: argparse.Namespace) -> tuple[Judge, Price | None]:
    from bioinstruct.bench.judge.judge import Judge
    from bioinstruct.llm.openai import OpenAIClient

    client = OpenAIClient(timeout=args.timeout, retries=_patience(args))
    client.watches.append(_RetryNotice(client.base_url))
    asking = _asking(args, args.judge, client.base_url, paid=True)
    price, _ = price_and_budget(args, args.judge, client.base_url)
    return Judge(client, args.judge, args.out / VERDICTS, asking), price


def _patience(args: argparse.Namespace) -> Retries:
    """A server that never answers ends the run in a few times what an answer may take."""
    from bioinstruct.llm.rate_limit import Retries

    return Retries(seconds=max(60, 4 * args.timeout))


class _RetryNotice:
    """Prints each kind of trouble once, so that no wait is unexplained."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._known: set[str] = set()

    def sending(self, request: Request) -> None:
        """Nothing is wrong yet."""

    def retrying(self, request: Request, reason: str, *, charged: bool) -> None:
        if reason not in self._known:
            self._known.add(reason)
            say(f"{self._base_url}: {reason}; such questions are asked again")


def _tell(what: str, judge: Judge, requests: Sequence[Any], price: Price | None) -> None:
    from bioinstruct.bench.judge.judge import estimate

    cost: Cost = estimate(requests)
    usd = f"at most {cost.usd(price):.4f} USD" if price else "price unknown"
    say(
        f"{what} by {judge.model}: {cost.requests:,} questions, {cost.prompt_tokens:,} tokens in, "
        f"at most {cost.completion_tokens:,} out ({cost.method}): {usd}"
    )


def _written(report: Report, tests: Mapping[Task, Any], out: Path) -> list[Written]:
    """The written answers of a run, out of its file of answers: nothing is asked again."""
    from bioinstruct.bench.evaluation.cache import Answers
    from bioinstruct.bench.experiment import ANSWERS
    from bioinstruct.bench.judge.judge import Written
    from bioinstruct.schema import Category

    base, plus, _ = report.fingerprint.partition("+")
    found = []
    with Answers(out / ANSWERS) as answers:
        for task, examples in tests.items():
            if task.group is Category.GEN and not task.choices:
                before = _recorded(base, task, examples, answers)
                after = _recorded(report.fingerprint, task, examples, answers) if plus else None
                found.append(Written(task.name, examples, before, after))
    return found


def _recorded(
    fingerprint: str, task: Task, examples: Sequence[Instruction], answers: Any
) -> list[str | None]:
    from bioinstruct.bench.evaluation.evaluate import score

    return score(_Recorded(recorded=fingerprint), task, examples, answers).written


@dataclass(frozen=True)
class _Recorded(Constant):
    """A model whose answers are all in the file already."""

    recorded: str = ""

    @property
    def fingerprint(self) -> str:
        return self.recorded

    def complete(self, examples: Sequence[Instruction], **_: Any) -> Any:
        raise BioinstructError("answers are missing: score the model first")

    choose = complete


def _asking(args: argparse.Namespace, model: str, base_url: str, *, paid: bool) -> Asking:
    from bioinstruct.bench.models.endpoint import Asking

    _, budget = price_and_budget(args, model, base_url) if paid else (None, None)
    return Asking(budget=budget, concurrency=args.concurrency, temperature=args.temperature)


def _key(args: argparse.Namespace) -> str:
    """The key of the endpoint; that of OpenAI goes nowhere but to its own address."""
    if key := os.environ.get(KEY):
        return key
    own = (os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1").rstrip("/")
    same = args.endpoint.rstrip("/") == own
    return os.environ.get("OPENAI_API_KEY", "") if same else "none"


def _temperature(text: str) -> float | None:
    return None if text == "none" else float(text)
