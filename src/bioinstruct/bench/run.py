"""One experiment: score a model, tune it, score it again, and say what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bioinstruct.bench.answers import Answers
from bioinstruct.bench.compare import difference, interval
from bioinstruct.bench.model import CausalLM
from bioinstruct.bench.report import Report, Row, adapter_card, versions, write_report
from bioinstruct.bench.score import Outcome, majority, score
from bioinstruct.bench.task import Task
from bioinstruct.bench.tune import Progress, Recipe, Tuning, save_adapter, tune
from bioinstruct.errors import BioinstructError
from bioinstruct.filters import Contaminated, Screened, protected_texts, screen
from bioinstruct.schema import Instruction

__all__ = ["Watch", "load_tests", "run", "training_examples", "without_tests"]

SPLIT = "test"
Tests = dict[Task, list[Instruction]]


@dataclass(frozen=True, slots=True)
class Watch:
    """What to call while a run goes on."""

    scored: Callable[[str, str, int, int], None] = lambda which, task, done, of: None
    """`base` or `tuned`, the task, questions answered, questions in all."""
    tuned: Callable[[Progress], None] = lambda progress: None


def load_tests(tasks: Iterable[Task], limit: int | None = None) -> Tests:
    """The test examples of each task, the first `limit` of them.

    Raises:
        MissingError: the corpus of a task is not there.
        BioinstructError: a task has no examples.
    """
    tests = {task: list(islice(task.read(SPLIT), limit)) for task in tasks}
    for task, examples in tests.items():
        if not examples:
            raise BioinstructError(f"task {task.name} has no examples in its {SPLIT} split")
    return tests


def training_examples(tasks: Iterable[Task]) -> list[Instruction]:
    """The training splits of the tasks, each record once, in the order of the tasks."""
    examples = (example for task in tasks for example in task.read("train"))
    return list({example.id: example for example in examples}.values())


def without_tests(training: Iterable[Instruction], tests: Tests) -> Screened:
    """The training examples that overlap no test, and those that do."""
    texts = (t for examples in tests.values() for e in examples for t in protected_texts(e))
    return screen(training, contaminated=Contaminated(texts))


def run(
    model: CausalLM,
    tests: Tests,
    out: Path,
    *,
    training: Screened | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> Report:
    """Score the model; with a recipe, tune it on `training` first and score both.

    A model that already has an adapter is scored with and without it. Everything is written to
    `out`: answers.jsonl as they come, adapter, report.json. Called again after a crash it asks
    nothing that was answered before.
    """
    watch = watch or Watch()
    training = training or Screened([], [])
    tuning: Tuning | None = None
    with Answers(out / "answers.jsonl") as answers:
        with model.base():
            base = _score_all("base", model, tests, answers, watch)
        if recipe is not None:
            tuning = tune(model, training.kept, recipe, seed=seed, progress=watch.tuned)
        tuned = _score_all("tuned", model, tests, answers, watch) if model.has_adapter else {}
    rows = [
        row
        for task, examples in tests.items()
        for row in _rows(task, examples, base[task], tuned.get(task), seed)
    ]
    report = Report(
        model=model.name,
        fingerprint=model.fingerprint,
        style=model.encoder.style.value,
        seed=seed,
        demonstration=all(task.demonstration for task in tests),
        rows=rows,
        recipe=recipe,
        tuning=tuning,
        removed=training.reasons() if tuning else {},
        versions=versions(),
    )
    if tuning is not None:
        save_adapter(model, out / "adapter", adapter_card(report))
    write_report(report, out / "report.json")
    return report


def _score_all(
    which: str, model: CausalLM, tests: Tests, answers: Answers, watch: Watch
) -> dict[Task, Outcome]:
    outcomes = {}
    for task, examples in tests.items():

        def progress(done: int, of: int, name: str = task.name) -> None:
            watch.scored(which, name, done, of)

        outcomes[task] = score(model, task, examples, answers, progress=progress)
    return outcomes


def _rows(
    task: Task, examples: list[Instruction], base: Outcome, tuned: Outcome | None, seed: int
) -> list[Row]:
    constant = dict(
        zip((metric.name for metric in task.metrics), majority(task, examples), strict=True)
    )
    rows = []
    for i, readout in enumerate(base.readouts):
        metric, counts = readout.metric, readout.counts
        after = tuned.readouts[i].counts if tuned else None
        rows.append(
            Row(
                task=task.name,
                group=task.group.value,
                split=SPLIT,
                metric=metric.name,
                how=readout.how,
                spec=metric.spec,
                n=len(examples),
                majority=constant[metric.name],
                base=interval(metric, counts, seed=seed),
                tuned=None if after is None else interval(metric, after, seed=seed),
                difference=None if after is None else difference(metric, counts, after, seed=seed),
                base_flags=dict(base.flags),
                tuned_flags=dict(tuned.flags) if tuned else {},
            )
        )
    return rows
