"""Generate a dataset, from Python or from the command line.

Importing this module is cheap; what generating needs is imported when it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

from bioinstruct import jsonl
from bioinstruct.errors import BioinstructError
from bioinstruct.generation.recipes import get_recipe
from bioinstruct.generation.settings import Settings, Tally, Watcher
from bioinstruct.licenses import check_license
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.generation.accept import Sieve
    from bioinstruct.generation.output import Sink
    from bioinstruct.generation.prompt import Plan
    from bioinstruct.generation.run import Run
    from bioinstruct.llm.client import Client

__all__ = ["Generated", "generate", "prepare"]


@dataclass(frozen=True)
class Generated(Sequence[Instruction]):
    """The result of a run: a sequence of its records, with its counts."""

    tally: Tally
    stopped: str
    """Why there are fewer records than were wanted; empty if there are not."""
    hint: str
    """Hint for solving the problem."""
    source: Path | list[Instruction]
    """The file that has the records, or the records."""
    rejected: Sequence[Rejection] = ()
    """Parts of answers that gave no record; with a file they are in `rejected_path` of it."""

    @cached_property
    def examples(self) -> list[Instruction]:
        """The records; those in a file are read from it at first use."""
        if not isinstance(self.source, Path):
            return self.source
        return list(jsonl.read(self.source)) if self.tally.accepted else []

    @overload
    def __getitem__(self, index: int) -> Instruction: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Instruction]: ...

    def __getitem__(self, index: int | slice) -> Instruction | Sequence[Instruction]:
        return self.examples[index]

    def __iter__(self) -> Iterator[Instruction]:
        return iter(self.examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __str__(self) -> str:
        lines = [f"{self.tally.accepted:,} of {self.tally.wanted:,} records"]
        lines += [
            f"  rejected as {name:28} {n:>9,}" for name, n in self.tally.reasons.most_common()
        ]
        return "\n".join([*lines, *filter(None, [self.stopped, self.hint])])


def generate(
    teacher: Client | str,
    count: int,
    *,
    license: str,
    out: Path | str | None = None,
    settings: Settings | None = None,
    watch: Watcher | None = None,
    replace: bool = False,
) -> Generated:
    """Have a teacher model write `count` instructions; resume an earlier run of the transcript.

    Every answer is in the transcript before it is used, and the records follow from the answers
    alone: run it again after a crash, and nothing on record is asked twice. The records go to `out`
    and the rejected parts of answers to `out.rejected.jsonl`, both at the end and whole. Without
    `out` the records are in the result only.

    Args:
        teacher: the model: a `Client`, or a model name for `Client(name)`. Its transcript must be
            named if there is no `out`.
        count: number of records; the result says why if there are fewer.
        license: SPDX expression of the licence that the records may be published under. It is your
            choice, within the terms of the teacher's provider.
        out: JSON Lines file for the records.
        settings: what to ask for, and which records to keep.
        watch: called with the progress.
        replace: whether other records in `out` may be replaced; those of this run always are.

    Returns:
        The records, with the counts of the run.

    Raises:
        BioinstructError: the settings are wrong, the endpoint refuses, another process uses the
            transcript, or `out` has other records and `replace` is False. If the money runs out
            after some records were accepted, nothing is raised: those are written, and the result
            says how to continue.
    """
    from bioinstruct.generation.output import Files, Memory, transcript_path
    from bioinstruct.generation.run import Run
    from bioinstruct.llm.client import Client

    if count < 1:
        raise BioinstructError(f"{count} records are nothing to generate", hint="1 or more")
    check_license(license)
    settings = settings or Settings()
    plan, sieve = prepare(teacher if isinstance(teacher, str) else teacher.model, settings)
    teacher = Client(teacher) if isinstance(teacher, str) else teacher
    path = teacher.transcript_path(None if out is None else transcript_path(Path(out)))
    run = Run(plan, sieve, count=count, license=license)
    if out is None:
        return _carry_out(run, teacher, path, Memory(), watch)
    out = Path(out)
    if not replace and out.exists() and not path.exists():
        raise BioinstructError(
            f"{out} exists, and no transcript {path}: nothing was asked",
            hint="name another --out, or replace it with --force (`replace=True`)",
        )
    with Files(out, replace=replace) as sink:
        return _carry_out(run, teacher, path, sink, watch, out)


def _carry_out(
    run: Run,
    teacher: Client,
    transcript: Path,
    sink: Sink,
    watch: Watcher | None,
    out: Path | None = None,
) -> Generated:
    from bioinstruct.errors import BudgetError, ProviderError
    from bioinstruct.generation.run import ask_run, replay_run

    stop: BioinstructError | None = None
    try:
        if teacher.replay:
            replay_run(run, transcript, sink, watch, other_models=teacher.other_models)
        else:
            ask_run(run, transcript, teacher, sink, watch)
    except (BudgetError, ProviderError) as error:
        if not run.tally.accepted:
            raise
        stop = error
    sink.finish()
    hint = stop.hint or "run the same command again: it resumes" if stop else ""
    source = sink.examples if out is None else out
    return Generated(run.tally, str(stop or run.stopped), hint, source, sink.rejected)


def prepare(model: str, settings: Settings) -> tuple[Plan, Sieve]:
    """Return the plan of the requests, and the filters that records must pass.

    Raises:
        BioinstructError: a recipe, rule, check or format is not known, a threshold is not from 0
            to 1, or there are too few seeds.
    """
    from bioinstruct.filters import choose_rules
    from bioinstruct.filters.similarity import check_threshold
    from bioinstruct.generation.accept import Sieve
    from bioinstruct.generation.answer_format import choose_format
    from bioinstruct.generation.checks import choose_checks
    from bioinstruct.generation.prompt import Plan
    from bioinstruct.seeds import load_seeds

    recipe = settings.recipe
    recipe = get_recipe(recipe) if isinstance(recipe, str) else recipe
    threshold = settings.near_duplicates
    seeds = load_seeds() if settings.seeds is None else list(settings.seeds)
    documents = list(settings.documents)
    checks = choose_checks(["span", *settings.checks] if documents else settings.checks)
    plan = Plan(
        model=model,
        seeds=[seed for seed in seeds if seed.input or not documents],
        documents=documents,
        recipe=recipe,
        format=choose_format(settings.format, model),
        attributes=settings.attributes,
        seed=settings.seed,
    )
    sieve = Sieve(
        rules={
            **choose_rules(recipe.rules if settings.rules is None else settings.rules),
            **checks,
        },
        by_document=bool(documents),
        near_duplicates=check_threshold(recipe.near_duplicates if threshold is None else threshold),
        contaminated=settings.contaminated,
    )
    return plan, sieve
