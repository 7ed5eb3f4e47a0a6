"""One experiment: score a model, tune it, score it again, and say what changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from bioinstruct.bench.adapter import save_adapter
from bioinstruct.bench.answers import Answers, key
from bioinstruct.bench.checkpoint import run_key
from bioinstruct.bench.compare import difference, interval
from bioinstruct.bench.model import ABOUT, CausalLM
from bioinstruct.bench.recipe import Recipe
from bioinstruct.bench.report import Data, Report, Row, adapter_card, versions
from bioinstruct.bench.score import Outcome, majority, score
from bioinstruct.bench.steps import Tuning
from bioinstruct.bench.task import Task
from bioinstruct.bench.tune import Progress, tune
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text
from bioinstruct.filters import Contaminated, Dropped, Screened, protected_texts, screen
from bioinstruct.schema import Instruction

__all__ = ["Training", "Watch", "check_out", "load_tests", "load_training", "run", "without_tests"]

SPLIT = "test"
ADAPTER, ANSWERS, CONTAMINATED = "adapter", "answers.jsonl", "contaminated.jsonl"
REPORT, CHECKPOINTS = "report.json", "checkpoints"
Tests = dict[Task, list[Instruction]]


@dataclass(frozen=True, slots=True)
class Training:
    """How to tune, on what, and what was left out of it because it overlaps a test."""

    recipe: Recipe
    source: str
    examples: list[Instruction]
    contaminated: list[Dropped] = field(default_factory=list)

    @property
    def data(self) -> Data:
        """What the report says of it."""
        digest = key(*(example.id for example in self.examples))
        overlaps = Screened(self.examples, self.contaminated).reasons()
        return Data(self.source, digest, len(self.contaminated), overlaps)


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


def load_training(
    recipe: Recipe, tests: Tests, examples: Iterable[Instruction] | None = None, source: str = ""
) -> Training:
    """What to tune on: the given examples, or the training splits of the tasks, each record once.

    Raises:
        BioinstructError: nothing is left that overlaps no test.
    """
    if examples is None:
        splits = (example for task in tests for example in task.read("train"))
        examples = {example.id: example for example in splits}.values()
        source = "the training splits of the tasks"
    screened = without_tests(examples, tests)
    if not screened.kept:
        raise BioinstructError(
            f"nothing to tune on: each of the {len(screened.dropped):,} instructions from {source} "
            "overlaps a test",
            hint="give other instructions with --data, or score only, with --no-tune",
        )
    return Training(recipe, source, screened.kept, screened.dropped)


def without_tests(training: Iterable[Instruction], tests: Tests) -> Screened:
    """The training examples that overlap no test, and those that do."""
    texts = (t for examples in tests.values() for e in examples for t in protected_texts(e))
    return screen(training, contaminated=Contaminated(texts))


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
    model: CausalLM,
    tests: Tests,
    out: Path,
    *,
    training: Training | None = None,
    adapter: Path | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> Report:
    """Score the model; tune it, or load an adapter, and score it again.

    Everything is written to `out`: answers.jsonl as they come, then the adapter and what was left
    out of its training, report.json last. Called again after a crash it asks nothing that was
    answered before.

    Raises:
        BioinstructError: `out` or the adapter cannot be used, or there is nothing to tune on.
    """
    check_out(out)
    if adapter is not None:
        model.load_adapter(adapter)
    watch = watch or Watch()
    tuning: Tuning | None = None
    with Answers(out / ANSWERS) as answers:
        with model.base():
            base = _score_all("base", model, tests, answers, watch)
        if training is not None:
            tuning = _tuned(model, training, out, seed, watch)
        tuned = _score_all("tuned", model, tests, answers, watch) if model.has_adapter else {}
    rows = [
        row
        for task, examples in tests.items()
        for row in _rows(task, examples, base[task], tuned.get(task), seed)
    ]
    report = Report(
        model=model.name,
        adapter=str(adapter) if adapter else None,
        fingerprint=model.fingerprint,
        style=model.encoder.style.value,
        seed=seed,
        demonstration=all(task.demonstration for task in tests),
        rows=rows,
        data=training.data if training else None,
        recipe=training.recipe if training else None,
        tuning=tuning,
        versions=versions(),
    )
    if training is not None and training.contaminated:
        Screened([], training.contaminated).write_dropped(out / CONTAMINATED)
    if training is not None:
        write_text(out / ADAPTER / "README.md", adapter_card(report))
    write_text(out / REPORT, report.as_json())
    return report


def _tuned(model: CausalLM, training: Training, out: Path, seed: int, watch: Watch) -> Tuning:
    """Tune from where an earlier run was stopped; not at all where that had ended."""
    key = run_key(model, training.examples, training.recipe, seed)
    about = out / ADAPTER / ABOUT
    known = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    if known.get("run") == key:
        model.load_adapter(out / ADAPTER)
        return Tuning(**known["tuning"])
    checkpoints = out / CHECKPOINTS
    tuning = tune(
        model,
        training.examples,
        training.recipe,
        seed=seed,
        progress=watch.tuned,
        checkpoints=checkpoints,
    )
    # On disk before it is scored, which may take longer than the tuning did.
    save_adapter(model, out / ADAPTER, {"run": key, "tuning": asdict(tuning)})
    shutil.rmtree(checkpoints, ignore_errors=True)
    return tuning


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
