"""Generate a dataset: from Python as from the command line, in a notebook too.

Importing this module is cheap; what generating needs is imported when it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bioinstruct.errors import BioinstructError
from bioinstruct.generation.recipes import Recipe, get_recipe
from bioinstruct.schema import Instruction, Provenance

if TYPE_CHECKING:
    from bioinstruct.filters import Contaminated
    from bioinstruct.generation.accept import Sieve
    from bioinstruct.generation.prompt import Plan
    from bioinstruct.generation.run import Tally
    from bioinstruct.llm.pricing import Budget
    from bioinstruct.llm.runner import Usage
    from bioinstruct.llm.types import Client

__all__ = ["Access", "Generated", "Progress", "Settings", "check_license", "generate", "prepare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is asked, and what stays of the answers."""

    recipe: str | Recipe = "bioinstruct"
    """A name, or a recipe of your own: `dataclasses.replace(get_recipe("alpaca"), tasks=5)`."""
    format: str = "auto"
    """`json`, `delimited`, or `auto`: by the name of the model."""
    seeds: Sequence[Instruction] | None = None
    """The examples to imitate; those that ship with the package where there are none."""
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of each, one value is drawn for each request: see `generation.attributes`."""
    seed: int = 42
    """Of the random draws."""
    rules: Sequence[str] | None = None
    """Names of rules in the place of the recipe's."""
    near_duplicates: float | None = None
    """A threshold in the place of the recipe's."""
    contaminated: Contaminated | None = None
    """Finds records that overlap benchmark tests: they are rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the teacher is reached, and where its answers are kept."""

    client: Client | None = None
    """By default an `OpenAIClient` of `OPENAI_BASE_URL` and `OPENAI_API_KEY`."""
    transcript: Path | None = None
    """By default `made.transcript.jsonl` beside `made.jsonl`."""
    replay: bool = False
    """Use what is on record, ask nothing: no network, no key."""
    concurrency: int = 16
    """Requests in flight at most."""
    budget: Budget | None = None
    """A hard cap over all runs of the transcript."""
    batch: bool = False
    """Ask by the provider's Batch API: half the price, and up to a day for each round."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands; told after each answer, and whenever a request changes its state."""

    tally: Tally
    usage: Usage | None
    """None in a replay, and before anything was asked."""


Watcher: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Generated:
    """What a run came to."""

    tally: Tally
    stopped: str
    """Why there are fewer records than were wanted; empty when there are not."""
    hint: str
    """What to do about that."""
    examples: list[Instruction]
    """The records, unless they went to a file."""


def generate(
    model: str,
    count: int,
    *,
    license: str,
    out: Path | str | None = None,
    settings: Settings | None = None,
    access: Access | None = None,
    watch: Watcher | None = None,
) -> Generated:
    """Have a teacher write `count` instructions; go on where an earlier run ended.

    Every answer is in the transcript before it is used, and everything else follows from that: run
    it again after a crash, and nothing that is on record is asked twice. The records go to `out`
    and what was rejected to `out.rejected.jsonl`, both at the end and whole, or, without `out`,
    into the result.

    Args:
        model: the teacher's name at the endpoint.
        count: how many records; exactly so many unless the result says why not.
        license: SPDX expression that the records may be published under. Your choice, and the
            teacher's terms bind it.
        out: a JSON Lines file.
        settings: what is asked, and what stays.
        access: how the teacher is reached; needed without `out`, to name the transcript.
        watch: is told of the progress.

    Raises:
        BioinstructError: the settings are wrong, the endpoint refuses, or another process is at
            work on the transcript. When the money runs out in the middle, nothing is raised: what
            was accepted is written, and the result says how to go on.
    """
    from bioinstruct.generation.drive import ask, replay
    from bioinstruct.generation.output import Files, Memory
    from bioinstruct.generation.run import Run
    from bioinstruct.llm.errors import BudgetError, ProviderError

    if count < 1:
        raise BioinstructError(f"{count} records are nothing to generate", hint="1 or more")
    access = access or Access()
    check_license(license)
    plan, sieve = prepare(model, settings or Settings())
    run = Run(plan, sieve, count=count, license=license)
    path = _transcript_path(out, access)
    stop: BioinstructError | None = None
    with Memory() if out is None else Files(Path(out)) as sink:
        try:
            (replay if access.replay else ask)(run, path, access, sink, watch)
        except (BudgetError, ProviderError) as error:
            if not run.tally.accepted:
                raise
            stop = error
        sink.finish()
        hint = stop.hint or "run the same command again: it goes on where it was" if stop else ""
        return Generated(run.tally, str(stop or run.stopped), hint, sink.examples)


def prepare(model: str, settings: Settings) -> tuple[Plan, Sieve]:
    """What settings mean for a model: which requests, and what records must pass.

    Raises:
        BioinstructError: there is no recipe, rule or format of a name, a threshold is not from 0
            to 1, or there are too few seeds.
    """
    from bioinstruct.filters import choose_rules
    from bioinstruct.filters.similarity import check_threshold
    from bioinstruct.generation.accept import Sieve
    from bioinstruct.generation.answer_format import choose_format
    from bioinstruct.generation.prompt import Plan
    from bioinstruct.seeds import load_seeds

    recipe = settings.recipe
    recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
    threshold = settings.near_duplicates
    plan = Plan(
        model=model,
        seeds=load_seeds() if settings.seeds is None else list(settings.seeds),
        recipe=recipe,
        format=choose_format(settings.format, model),
        attributes=settings.attributes,
        seed=settings.seed,
    )
    sieve = Sieve(
        rules=choose_rules(recipe.rules if settings.rules is None else settings.rules),
        near_duplicates=check_threshold(recipe.near_duplicates if threshold is None else threshold),
        contaminated=settings.contaminated,
    )
    return plan, sieve


def check_license(license: str) -> None:
    """Refuse what is not an SPDX expression.

    Raises:
        BioinstructError: it is none.
    """
    from pydantic import ValidationError

    try:
        Provenance(kind="compiled", origin="none", license=license)
    except ValidationError as error:
        raise BioinstructError(
            f"{license!r} is not an SPDX licence expression",
            hint="such as `CC-BY-4.0`; for terms of your own, `LicenseRef-` and a name",
        ) from error


def _transcript_path(out: Path | str | None, access: Access) -> Path:
    from bioinstruct.generation.output import transcript_path

    if access.transcript is not None:
        return access.transcript
    if out is None:
        raise BioinstructError(
            "no place for the transcript", hint="give `out`, or Access(transcript=...)"
        )
    return transcript_path(Path(out))
