"""`bioinstruct generate`: let a language model write instructions."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.cli.common import SOURCE, add_force, add_overlap, check_new, sentence
from bioinstruct.cli.cost import cost_lines
from bioinstruct.cli.llm_options import add_money, add_other_models, given_price, make_client
from bioinstruct.cli.progress import GenerationLine, money, summary
from bioinstruct.console import positive, say, show
from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError
from bioinstruct.generation import RECIPES, Generated, Settings, generate, get_recipe
from bioinstruct.generation.api import prepare
from bioinstruct.generation.attributes import choose_attributes
from bioinstruct.licenses import check_license

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands
    from bioinstruct.generation.documents import Document
    from bioinstruct.llm.client import Client
    from bioinstruct.rejection import Rejection

__all__ = ["add"]

# Terms of use that apply to the answers of a model, by the prefix of its name.
_TERMS = {
    "gpt-": "https://openai.com/policies/",
    "o1": "https://openai.com/policies/",
    "o3": "https://openai.com/policies/",
    "o4": "https://openai.com/policies/",
    "claude": "https://www.anthropic.com/legal/",
    "gemini": "https://ai.google.dev/gemini-api/terms",
    "llama": "https://www.llama.com/",
}
_OVERRIDES = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "max_tokens",
    "tasks",
)


def add(commands: Commands) -> None:
    text = "let a language model write instructions"
    generating = commands.add_parser(
        "generate",
        help=text,
        description=sentence(text)
        + " Every answer is saved to a transcript before it is used; to continue a stopped run, "
        "run the same command again.",
        usage="%(prog)s --model NAME --count N --license SPDX --out FILE [options]",
        epilog="endpoint and key: OPENAI_BASE_URL and OPENAI_API_KEY",
    )
    generating.add_argument(
        "--model", metavar="NAME", help="the teacher; required without --teacher-path"
    )
    generating.add_argument(
        "--count", type=positive, required=True, metavar="N", help="number of instructions"
    )
    generating.add_argument("--out", type=Path, metavar="FILE", help="JSON Lines")
    generating.add_argument(
        "--license",
        metavar="SPDX",
        help="licence of the records: your choice, within the terms of the teacher's provider",
    )
    add_force(generating)
    _add_asking(generating.add_argument_group("requests"))
    _add_keeping(generating.add_argument_group("what stays"))
    _add_reaching(generating.add_argument_group("connection to the teacher"))
    generating.set_defaults(command=run, usage_error=generating.error)


def _add_asking(group: argparse._ArgumentGroup) -> None:
    names = list(RECIPES)
    group.add_argument(
        "--recipe", choices=names, default=names[0], help=f"named settings (default: {names[0]})"
    )
    group.add_argument(
        "--seeds", default="seeds", metavar="SOURCE", help=f"examples to imitate: {SOURCE}"
    )
    group.add_argument(
        "--from",
        dest="documents",
        metavar="SOURCE",
        help="write tasks about these documents, which become the inputs: a file (JSON Lines, "
        "JSON, CSV, TSV or Parquet) or the name of an open corpus",
    )
    group.add_argument(
        "--from-column",
        default="",
        metavar="NAME",
        help="column of the documents' texts (default: text, note, input, … as the file has it)",
    )
    group.add_argument(
        "--format",
        choices=["auto", "json", "delimited"],
        default="auto",
        help="format of answers: a JSON schema or delimiters (default: by the model's name)",
    )
    group.add_argument(
        "--attributes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="attributes to vary: kind, specialty, audience, difficulty or all",
    )
    group.add_argument(
        "--seed", type=int, default=42, metavar="N", help="random seed (default: 42)"
    )
    for name in ("temperature", "top-p", "presence-penalty", "frequency-penalty"):
        group.add_argument(
            f"--{name}",
            type=_number,
            default=argparse.SUPPRESS,
            metavar="X",
            help="(default: the recipe's; `none`: the server's)",
        )
    for name in ("max-tokens", "tasks"):
        of = "tasks asked for in an answer" if name == "tasks" else "tokens of an answer"
        group.add_argument(
            f"--{name}", type=positive, default=argparse.SUPPRESS, metavar="N", help=of
        )


def _add_keeping(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--near-duplicates",
        type=float,
        metavar="F",
        help="drop an instruction whose ROUGE-L with a seed or an earlier one exceeds F "
        "(default: 0.7)",
    )
    group.add_argument(
        "--rules", nargs="+", metavar="NAME", help="rules by name, or all, published or none"
    )
    group.add_argument(
        "--check",
        nargs="+",
        default=[],
        metavar="CHECK",
        help="reject outputs by span (quotations that are not in the input), numbers (that are in "
        "neither input nor instruction), json (not JSON where it was asked for), or the functions "
        "of FILE.py, which is run; --from always checks span",
    )
    group.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="TASK",
        help="drop records that overlap the scored split of these tasks, of `all`, or a file",
    )
    add_overlap(group)


def _add_reaching(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--teacher-path",
        metavar="DIR",
        help="the teacher is a model of this machine: a folder, a Hub id, or `tiny`",
    )
    group.add_argument(
        "--transcript",
        type=Path,
        metavar="FILE",
        help="file of requests and answers (default: made.transcript.jsonl for made.jsonl)",
    )
    group.add_argument(
        "--replay", action="store_true", help="use only the transcript, without sending requests"
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print the first prompt and the expected cost"
    )
    add_money(group)
    add_other_models(group)
    group.add_argument(
        "--batch",
        action="store_true",
        help="use the provider's Batch API: half the price, up to a day for each round",
    )
    group.add_argument(
        "--concurrency",
        type=positive,
        default=16,
        metavar="N",
        help="requests in flight (default: 16)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=300,
        metavar="S",
        help="seconds to wait for an answer before a retry (default: 300)",
    )
    group.add_argument("--rpm", type=positive, metavar="N", help="maximum requests per minute")
    group.add_argument("--tpm", type=positive, metavar="N", help="maximum tokens per minute")


def _number(text: str) -> float | None:
    return None if text == "none" else float(text)


def run(args: argparse.Namespace) -> int:
    if args.license is not None:
        check_license(args.license)
    if args.model is None and args.teacher_path is None:
        args.usage_error("the following arguments are required: --model")
    if args.teacher_path is not None:
        args.model = args.model or Path(args.teacher_path).name
        args.price = args.price or [0.0, 0.0]
    if args.dry_run:
        return _dry_run(args)
    if args.out is None:
        args.usage_error("the following arguments are required: --out")
    if args.license is None:
        raise BioinstructError(
            "no licence for the records",
            hint=f"name it with --license SPDX, within {_terms(args.model)}",
        )
    check_new(args.out, force=True)  # a folder; `generate` knows the records of its own run
    settings = _settings(args)
    teacher = _local_client(args) if args.teacher_path else make_client(args)
    price = teacher.rates
    if args.batch and not args.replay:
        say("batches may take a day: you can stop now and run the same command again later")
    line = GenerationLine(price.in_batches() if price and args.batch else price)
    try:
        made = generate(
            teacher,
            args.count,
            license=args.license,
            out=args.out,
            settings=settings,
            watch=line,
            replace=args.force,
        )
    except KeyboardInterrupt:
        hint = "all answers are saved: run the same command again to continue"
        raise BioinstructError("stopped", hint=hint) from None
    finally:
        line.close()
    return _report(args, made)


def _local_client(args: argparse.Namespace) -> Client:
    """Return a client whose answers are those of a model of this machine."""
    from bioinstruct.llm.client import Client

    if args.batch:
        raise BioinstructError("a model of this machine has no batches", hint="leave --batch out")
    provider = None
    if not args.replay:
        from bioinstruct.bench.models.loading import quiet
        from bioinstruct.bench.models.teacher import LocalTeacher

        quiet()
        provider = LocalTeacher.load(args.teacher_path)
    return Client(
        args.model,
        budget=args.budget,
        price=given_price(args),
        transcript=args.transcript,
        concurrency=1,
        replay=args.replay,
        provider=provider,
    )


def _documents(args: argparse.Namespace) -> list[Document]:
    """Read the documents of `--from`."""
    from bioinstruct.generation.documents import read_documents

    if args.documents is None:
        return []
    rejected: list[Rejection] = []
    found = read_documents(args.documents, column=args.from_column, rejected=rejected)
    say(f"{len(found):,} documents from {args.documents}")
    if rejected:
        first = rejected[0]
        say(
            f"left out {len(rejected):,} rows that are no documents; the first, in line "
            f"{first.place['line']}: {first.reason}"
        )
    return found


def _report(args: argparse.Namespace, made: Generated) -> int:
    from bioinstruct.generation.output import rejected_path, transcript_path

    tally = made.tally
    for text in summary(tally):
        say(text)
    transcript = args.transcript or transcript_path(args.out)
    for line in cost_lines(transcript, given_price(args)) if transcript.is_file() else ():
        say(f"spent so far: {line}")
    if tally.accepted:
        say(f"{tally.accepted:,} instructions to {args.out}")
    if tally.rejected:
        say(f"rejected tasks, with reasons: {rejected_path(args.out)}")
    if tally.accepted >= tally.wanted:
        return 0
    if args.replay and tally.accepted:
        say(f"{tally.wanted:,} were requested; the transcript has {tally.requests:,} answers")
        return 0
    raise BioinstructError(made.stopped or "nothing was accepted", hint=made.hint)


def _settings(args: argparse.Namespace) -> Settings:
    from bioinstruct.cli.filter import contaminated_by

    given = {name: value for name, value in vars(args).items() if name in _OVERRIDES}
    return Settings(
        recipe=replace(get_recipe(args.recipe), **given),
        format=args.format,
        seeds=list(read_examples(args.seeds)),
        documents=_documents(args),
        checks=args.check,
        attributes=choose_attributes(*args.attributes),
        seed=args.seed,
        rules=args.rules,
        near_duplicates=args.near_duplicates,
        contaminated=(contaminated_by(args.against, level=args.overlap) if args.against else None),
    )


def _terms(model: str) -> str:
    """Name the terms of use that apply to a model's answers."""
    url = next((url for name, url in _TERMS.items() if model.lower().startswith(name)), "")
    return f"the terms of {url}" if url else f"the terms of whoever made and serves {model}"


def _dry_run(args: argparse.Namespace) -> int:
    from bioinstruct.generation.estimate import ACCEPTANCE, estimate
    from bioinstruct.llm.openai import OPENAI, clean_url
    from bioinstruct.llm.pricing import known_price
    from bioinstruct.llm.request_tokens import TokenCounter

    args.against = []  # slow to read, and changes no prompt
    plan, _ = prepare(args.model, _settings(args))
    counter = TokenCounter(args.model)
    first, short, long = estimate(plan, args.count, counter)
    base_url = clean_url(os.environ.get("OPENAI_BASE_URL") or OPENAI)
    base_url = f"local://{args.teacher_path}" if args.teacher_path else base_url
    for message in first.messages:
        show(message.content)
    recipe = plan.recipe
    say("")
    say(f"{args.count:,} instructions by {args.model} at {base_url}; recipe {recipe.prompt}:")
    say(f"  {recipe.source}; ours:")
    for text in recipe.ours:
        say(f"  - {text}")
    say(
        f"  temperature {recipe.temperature}, top_p {recipe.top_p}, {recipe.tasks} tasks per answer"
    )
    price = known_price(
        args.model,
        base_url=base_url,
        given=given_price(args),
        required=args.budget is not None,
    )
    price = price.in_batches() if price and args.batch else price
    for name, expected in (("published", short), ("seeds'", long)):
        cost = money(expected.cost(price)) if price else "price unknown"
        if price and args.budget is not None and expected.cost(price) > args.budget:
            cost += f"; WARNING: more than the budget of {money(args.budget)}"
        say(
            f"expected, with records of the {name} length ({expected.record_tokens} tokens): "
            f"{expected.requests:,} requests, {expected.prompt_tokens:,} tokens in, "
            f"{expected.completion_tokens:,} out: {cost}"
        )
    say(f"assumed: {ACCEPTANCE:.0%} of the tasks are accepted; tokens by {counter.method}")
    if price:
        say(f"price: {price.input:g} in, {price.output:g} out per million tokens; {price.source}")
    else:
        say("price: unknown; set --price IN OUT, in US dollars per million tokens")
    if args.license is None:
        say(f"a run needs --license SPDX, within {_terms(args.model)}")
    return 0
