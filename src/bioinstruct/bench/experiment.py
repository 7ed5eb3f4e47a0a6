"""One experiment: score a model, tune it, score it again, and report the change."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import TaskResult, pooled, score
from bioinstruct.bench.evaluation.model_card import adapter_card
from bioinstruct.bench.evaluation.report import (
    Backend,
    Data,
    Report,
    Scoring,
    versions,
)
from bioinstruct.bench.evaluation.summary import groups_of, rows_of, with_verdicts
from bioinstruct.bench.models.base import (
    Model,
    as_tunable,
    check_model,
    notes_of,
    overflow_of,
)
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.endpoint import Endpoint
from bioinstruct.bench.models.fingerprint import key
from bioinstruct.bench.report.folder import keep_run, write_report
from bioinstruct.bench.tasks import Evaluation, Formulation, Unavailable, protected_texts
from bioinstruct.bench.training.folder import ADAPTER, tune_in
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Progress, Tuning, check_tuning
from bioinstruct.dataset.statistics import sources
from bioinstruct.errors import BioinstructError, DataError, MissingError, UnknownNameError
from bioinstruct.files import set_aside, write_text
from bioinstruct.filters import (
    Rejection,
    contamination_step,
    split,
    write_rejections,
)
from bioinstruct.journal import remove_journal
from bioinstruct.schema import Instruction

__all__ = [
    "Training",
    "Watch",
    "check_out",
    "follow",
    "load_training",
    "readable_by",
    "run",
    "without_tests",
]

ANSWERS, CONTAMINATED = "answers.jsonl", "contaminated.jsonl"
SHARED = "answers-"  # then a number: files of the other processes while they run

logger = logging.getLogger("bioinstruct")


@dataclass(frozen=True, slots=True)
class Training:
    """Recipe, training data and the examples left out because they overlap a test."""

    recipe: Recipe
    source: str
    examples: list[Instruction]
    contaminated: list[Rejection] = field(default_factory=list)
    contamination: str = "drop"
    """`drop`, `report` (they were kept) or `off` (nobody looked)."""
    repeats: int = 1
    """Tunings, each with the next seed."""

    @property
    def data(self) -> Data:
        """Summary for the report."""
        digest = key(*(example.id for example in self.examples))
        reasons = Counter(rejection.reason for rejection in self.contaminated)
        overlaps = dict(reasons.most_common())
        found = sources(self.examples)
        return Data(
            self.source, digest, len(self.contaminated), overlaps, found, self.contamination
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """Callbacks that follow the progress of a run."""

    scored: Callable[[str, str, int, int], None] = lambda which, task, done, of: None
    """`base` or `tuned` (further ones with their seed), the task, questions answered, questions."""
    tuned: Callable[[Progress], None] = lambda progress: None
    started: Callable[[], None] = lambda: None
    """Called once everything is checked, before the first question."""
    track: str | None = None
    """Tracker that also receives the steps of tuning, one of `TRACKERS`."""


def load_training(
    recipe: Recipe,
    evaluations: Sequence[Evaluation],
    examples: Iterable[Instruction] | None = None,
    source: str = "",
    *,
    contamination: str = "drop",
    found: Callable[[list[Rejection]], None] = lambda overlapping: None,
) -> Training:
    """Return what to tune on: the given examples, or each record of the tasks' training splits.

    What overlaps a test is passed to `found`; it is left out (`drop`), kept (`report`), or not
    looked for (`off`).

    Raises:
        BioinstructError: nothing is left that overlaps no test.
    """
    if examples is None:
        examples, without = _training_splits(evaluations)
        source = "the training splits of the tasks"
        source += f" (not there: {', '.join(without)})" if without else ""
    examples = list(examples)
    tests = () if contamination == "off" else evaluations
    kept, overlapping = without_tests(examples, tests)
    found(overlapping)
    if not (kept := kept if contamination == "drop" else examples):
        raise BioinstructError(
            f"nothing to tune on: each of the {len(overlapping):,} instructions from {source} "
            "overlaps a test",
            hint="give others with --data, keep them with --contamination report, or --no-tune",
        )
    return Training(recipe, source, kept, overlapping, contamination)


def _training_splits(
    evaluations: Sequence[Evaluation],
) -> tuple[Iterable[Instruction], list[str]]:
    """Return the training examples of all tasks, each once, and the tasks that have none.

    Raises:
        BioinstructError: none of them has any.
    """
    found: dict[str, Instruction] = {}
    errors: dict[str, BioinstructError] = {}
    for name, task in {e.name: e.task for e in evaluations}.items():
        try:
            found |= {example.id: example for example in task.read("train")}
        except (MissingError, UnknownNameError) as error:
            errors[name] = error
    if not found and errors:
        raise next(iter(errors.values()))
    return found.values(), list(errors)


def without_tests(
    training: Iterable[Instruction], evaluations: Iterable[Evaluation]
) -> tuple[list[Instruction], list[Rejection]]:
    """Return the training examples that overlap no test or scored split, and the rejections."""
    protected = protected_texts(evaluations)
    return split(training, [contamination_step(protected.contaminated())])


def readable_by(endpoint: Endpoint, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Return the evaluations in formulations that this server can be asked in.

    Where it gives no likelihoods every answer is free-form; the report then says `generated` where
    it would say `likelihood` or `letters`.
    """
    if not any(e.closed for e in evaluations) or endpoint.scores():
        return list(evaluations)
    return list(dict.fromkeys(replace(e, formulation=Formulation.FREE_FORM) for e in evaluations))


def check_out(out: Path) -> None:
    """Refuse a folder that a run could not write to without harm, before hours are spent.

    Raises:
        BioinstructError: it is a file, or holds something else under the adapter's name.
    """
    if out.exists() and not out.is_dir():
        raise BioinstructError(f"{out} is a file", hint="name a folder with --out")
    adapter = out / ADAPTER
    if adapter.exists() and not (adapter / "adapter_config.json").is_file():
        raise BioinstructError(
            f"{adapter} is in the way: it is not an adapter", hint="choose another --out"
        )


def run(
    model: Model,
    evaluations: Sequence[Evaluation],
    out: Path,
    *,
    unavailable: Sequence[Unavailable] = (),
    training: Training | None = None,
    adapter: Path | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> Report:
    """Score the model; tune it, or load an adapter, and score it again.

    Everything is written to `out`: answers.jsonl as they come, report.json last. Called again after
    a crash it asks nothing twice. With several processes, the first calls this, others `follow`.

    Raises:
        ModelError: the model lacks a member of `Model`, or of `Tunable` where it is to be tuned.
        BioinstructError: `out` or the adapter cannot be used, or there is nothing to tune on.
    """
    check_out(out)
    checked = _prepare(model, training, adapter)
    watch = watch or Watch()
    watch.started()
    tuning: Tuning | None = None
    with Answers(out / ANSWERS) as answers:
        _take_over(answers)
        base = _score_all("base", model, evaluations, answers, watch)
        found = []
        for number in _numbers(training):
            if training is not None:
                tuning = _tuned(model, training, _folder(out, number), seed + number, watch)
            which = f"tuned, seed {seed + number}" if number else "tuned"
            found.append(_score_all(which, model, evaluations, answers, watch))
    tuned = {e: pooled([each[e] for each in reversed(found)]) for e in found[0]}
    rows = {
        evaluation: rows_of(evaluation, base[evaluation], tuned.get(evaluation), seed=seed)
        for evaluation in evaluations
    }
    report = Report(
        model=model.name,
        adapter=str(adapter) if adapter else None,
        fingerprint=model.fingerprint,
        style=model.style.value,
        seed=seed,
        demonstration=all(e.task.demonstration for e in evaluations),
        rows=with_verdicts([row for found in rows.values() for row in found]),
        data=training.data if training else None,
        recipe=training.recipe if training else None,
        tuning=tuning,
        versions=versions(),
        groups=groups_of(evaluations, base, tuned, rows, seed=seed),
        unavailable=unavailable,
        scoring=_scoring(model, [*base.values(), *tuned.values()]),
        found=[*notes_of(model), *checked],
        **_details(model),
    )
    keep_run(out, evaluations, {"base": base, "tuned": tuned}, rows, model)
    _write(out, report, training)
    return report


def _write(out: Path, report: Report, training: Training | None) -> None:
    """Write the report, and for a tuned model the adapter's card and what was left out."""
    if training is not None:
        if training.contaminated:
            write_rejections(out / CONTAMINATED, training.contaminated)
        write_text(out / ADAPTER / "README.md", adapter_card(report))
    write_report(out, report)


def _details(model: Model) -> dict[str, Any]:
    """Return what only a local model states: its precision, and why prompts have their style."""
    parts = getattr(model, "parts", {})
    reason = getattr(model, "style_reason", "")
    return {"style_reason": reason, "precision": parts.get("precision", "")}


def follow(
    model: Model,
    evaluations: Sequence[Evaluation],
    out: Path,
    *,
    training: Training | None = None,
    adapter: Path | None = None,
    seed: int = 0,
) -> None:
    """Take this process's share of a run that the first process does with `run`.

    Its answers are in a file of its own until the first process has taken them over.
    """
    _prepare(model, training, adapter)
    own = out / f"{SHARED}{Devices().rank}.jsonl"
    with _own_answers(own) as answers:
        answers.load(out / ANSWERS)
        _answer_share(model, evaluations, answers, adapter=False)
        for number in _numbers(training):
            if training is not None:
                _tuned(model, training, _folder(out, number), seed + number, Watch())
            _answer_share(model, evaluations, answers, adapter=True)
    remove_journal(own)


def _own_answers(path: Path) -> Answers:
    """Open the answers of this process; a file of junk is renamed with a warning."""
    try:
        return Answers(path)
    except DataError as error:
        logger.warning("%s; it is set aside as %s", error, set_aside(path).name)
        return Answers(path)


def _numbers(training: Training | None) -> Iterable[int]:
    """Return the numbers of the tunings, the first one last: the model keeps its adapter."""
    return reversed(range(training.repeats if training else 1))


def _folder(out: Path, number: int) -> Path:
    """Return the folder of a tuning: that of the run for the first seed."""
    return out / f"repeat-{number + 1}" if number else out


def _prepare(model: Model, training: Training | None, adapter: Path | None) -> list[str]:
    """Load the adapter, or check that one can be tuned, before anything that takes long.

    Returns:
        What was checked of the adapter.
    """
    check_model(model)
    if training is not None:
        check_tuning(as_tunable(model), training.examples, training.recipe)
    return [as_tunable(model).load_adapter(adapter)] if adapter is not None else []


def _answer_share(
    model: Model,
    evaluations: Sequence[Evaluation],
    answers: Answers,
    *,
    adapter: bool,
    first: bool = False,
) -> None:
    """Answer this process's part of every task; the first process then takes over all parts."""
    devices = Devices()
    with model.adapter(on=adapter) as there:
        for evaluation in evaluations if there or not adapter else ():
            if share := devices.share(evaluation.examples):
                score(model, replace(evaluation, examples=tuple(share)), answers)
    devices.barrier()
    if first:
        _take_over(answers)
    devices.barrier()
    if not first:  # the first one counts, and asks what nobody has answered
        with model.adapter(on=adapter):
            pass


def _take_over(answers: Answers) -> None:
    """Keep what other processes have answered, those of an earlier run too that was stopped."""
    for other in sorted(answers.folder.glob(f"{SHARED}*.jsonl")):
        try:
            answers.load(other, merge=True)
        except DataError as error:
            if Devices().count == 1:  # else its own process does that
                logger.warning("%s; it is set aside as %s", error, set_aside(other).name)
        if Devices().count == 1:
            remove_journal(other)


def _tuned(model: Model, training: Training, out: Path, seed: int, watch: Watch) -> Tuning:
    return tune_in(
        out,
        as_tunable(model),
        training.examples,
        training.recipe,
        seed=seed,
        progress=watch.tuned,
        tracked=watch.track,
    )


def _score_all(
    which: str, model: Model, evaluations: Sequence[Evaluation], answers: Answers, watch: Watch
) -> dict[Evaluation, TaskResult]:
    """Score every task without the adapter (`base`) or with it; nothing if there is none."""
    adapter = which != "base"
    if Devices().count > 1:
        _answer_share(model, evaluations, answers, adapter=adapter, first=True)
    outcomes = {}
    with model.adapter(on=adapter) as there:
        for evaluation in evaluations if there or not adapter else ():

            def progress(done: int, of: int, name: str = evaluation.name) -> None:
                watch.scored(which, name, done, of)

            outcomes[evaluation] = score(model, evaluation, answers, progress=progress)
    return outcomes


def _scoring(model: Model, outcomes: Iterable[TaskResult]) -> Scoring | None:
    """Say how answers were computed; None for a model that does not state it."""
    overflow = overflow_of(model)
    ways: Counter[tuple[str, str]] = sum((outcome.ways for outcome in outcomes), Counter())
    found = [Backend(by, answers, why) for (by, why), answers in sorted(ways.items())]
    return Scoring(overflow, found) if overflow else None
