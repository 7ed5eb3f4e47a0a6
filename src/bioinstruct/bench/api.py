"""The Python API of the benchmark: load tasks and a model, evaluate, tune, evaluate again.

Each function calls `progress` now and then, logs to `logging.getLogger("bioinstruct")` what a user
must know (slow ways of computing, records that were left out), and keeps the progress bars and
warnings of other libraries out of the session.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.progress import OnProgress, Progress
from bioinstruct.prompts import Style
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.cache import Answers
    from bioinstruct.bench.models.base import Model, Tunable
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.results import Scores, TaskScores, Tuned
    from bioinstruct.bench.tasks.variation import Variation
    from bioinstruct.bench.training.recipe import Recipe
    from bioinstruct.bench.training.trainer import Progress as Step
    from bioinstruct.bench.training.trainer import Tuning
    from bioinstruct.filters import Rejection

__all__ = [
    "Named",
    "evaluate",
    "load_model",
    "load_tasks",
    "quietly",
    "read_evaluations",
    "suites",
    "tune",
]

logger = logging.getLogger("bioinstruct")
# Threads that wait for each other must not spin for long: on cores shared with other work, tuning
# the tiny model fell from 2,600 tokens a second to 100. Read when torch is loaded, so set first.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

Named: TypeAlias = Task | Evaluation | str
"""A task, a task with the way a run asks it, or the name of a task or suite."""


def load_tasks(*names: str) -> list[Evaluation]:
    """Return benchmark tasks by name; their corpora are read when they are scored.

    Args:
        names: tasks, suites (see `suites`), or a Python file that defines tasks of your own.

    Returns:
        Each task with the split that is scored. A suite may name a task twice: `medtuned` scores
        validation and test.

    Raises:
        UnknownNameError: there is no such task or suite.
        MissingError: there is no such file.
        BioinstructError: no name is given, or the file defines no task.
    """
    if not names:
        raise BioinstructError("no task is named", hint="such as load_tasks('pubmedqa'), or 'open'")
    return _expand(names)


def suites() -> dict[str, tuple[str, ...]]:
    """Return the names of the tasks of each suite."""
    from bioinstruct.bench.tasks.suites import SUITES

    return {
        name: tuple(dict.fromkeys(task.name for task in tasks())) for name, tasks in SUITES.items()
    }


def load_model(
    path: str | Path,
    *,
    adapter: Path | str | None = None,
    style: str | Style = "auto",
    device: str | None = None,
    dtype: str = "auto",
    quantize: str = "none",
    overflow: str = "shorten",
    max_thinking: int = 0,
) -> CausalLM:
    """Load a causal language model.

    Args:
        path: a folder that `save_pretrained` wrote, a Hub id, or `tiny`, which ships.
        adapter: a folder with an adapter for this model, to answer with it.
        style: prompt style: `alpaca`, `medtuned` or `chat`, the same for tuning and scoring;
            `auto` is that of the adapter, else the model's chat template if it has one, else
            `alpaca`.
        device: such as `cpu` or `cuda:1`; default: an accelerator if there is one.
        dtype: precision of the weights: `float32`, `bfloat16`, `float16`, or `auto`, that of the
            checkpoint where the device has instructions for it, else float32 (`tiny`: float32).
        quantize: `nf4` holds the weights in 4 bits, for QLoRA; needs `bioinstruct[quant]`.
        overflow: what to do with a prompt that does not fit the context: `shorten` its input, cut
            its `left`, or `skip` it.
        max_thinking: tokens of the thought of a reasoning model, besides those of its answer.

    Returns:
        The model in evaluation mode.

    Raises:
        ModelError: there is no such model, it is not a decoder, it does not fit in memory, or the
            adapter is not one for it.
        UnknownNameError: there is no such style, overflow or precision.
        MissingError: a library that 4 bits need is not installed.
    """
    from bioinstruct.bench.models.adapter import style_of
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.models.precision import PRECISIONS
    from bioinstruct.bench.models.tokenization import Overflow

    _check_known("style", style, ["auto", *(each.value for each in Style)])
    _check_known("overflow", overflow, [each.value for each in Overflow])
    _check_known("precision", dtype, PRECISIONS)
    tuned_in = style_of(Path(adapter)) if adapter is not None else None
    chosen = tuned_in if style == "auto" else Style(style)
    with quietly():
        model = CausalLM.load(
            str(path),
            style=chosen,
            device=device,
            dtype=dtype,
            quantize=quantize,
            overflow=Overflow(overflow),
        )
        model.max_thinking = max_thinking
        checked = [model.load_adapter(Path(adapter))] if adapter is not None else []
    for sentence in (*model.notes, *checked):
        logger.info("%s: %s", path, sentence)
    return model


def _check_known(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UnknownNameError(kind, str(name), known)


def evaluate(
    model: Model,
    tasks: Named | Iterable[Named],
    *,
    limit: int | None = None,
    shots: int = 0,
    variation: Variation | None = None,
    seed: int = 0,
    out: Path | str | None = None,
    progress: OnProgress | None = None,
) -> Scores:
    """Score a model on tasks, with its adapter if it has one.

    Args:
        model: from `load_model`, or any object with the members of `bench.models.Model`.
        tasks: from `load_tasks`, or names; an `Evaluation` chooses split and formulation.
        limit: at most this many items of each task: a random sample, always the same.
        shots: worked examples in front of every prompt, from the training split.
        variation: ask the items in several orders of their options and in several wordings, such
            as `Variation(orders=4)`; the rows then have the `stability` of the answers.
        seed: draws the items of fresh tasks, the worked examples, and the bootstrap samples of
            the intervals.
        out: a folder that keeps every answer as it comes; a second call with the same folder asks
            only what is not answered there. Default: nothing is kept.
        progress: called after each answer with the task and the number of answers.

    Returns:
        A value from 0 to 1 with its 95 % interval for each metric; prints as a table.

    Raises:
        UnknownNameError: there is no such task.
        MissingError: the corpus of a task is not there.
        ModelError: the model lacks a member of `Model`, or its likelihoods are not numbers.
        BioinstructError: there are no tasks, `limit` is less than 1, or `out` is in use.
    """
    from bioinstruct.bench.evaluation.cache import Answers
    from bioinstruct.bench.models.base import check_model, overflow_of
    from bioinstruct.bench.results import Scores

    check_model(model)
    evaluations = read_evaluations(tasks, limit, shots, seed, variation)
    with contextlib.ExitStack() as stack:
        stack.enter_context(quietly())
        stack.enter_context(model.adapter())
        folder = Path(out or stack.enter_context(tempfile.TemporaryDirectory()))
        answers = stack.enter_context(Answers(folder / "answers.jsonl"))
        scored = [_scored(model, evaluation, answers, progress) for evaluation in evaluations]
        fingerprint, style = model.fingerprint, model.style.value
    return Scores(model.name, fingerprint, style, scored, seed, overflow_of(model))


def tune(
    model: Tunable,
    records: Iterable[Instruction],
    recipe: str | Path | Recipe = "default",
    *,
    against: Named | Iterable[Named] = (),
    seed: int = 0,
    out: Path | str | None = None,
    progress: OnProgress | None = None,
) -> Tuned:
    """Tune a LoRA adapter on records; the model answers with it from now on.

    Args:
        model: from `load_model`.
        records: what to learn; the loss is of the outputs.
        recipe: a shipped recipe (`default`, `tiny`, `bioinstruct-2023`), a TOML file, or a
            `Recipe`.
        against: benchmark tasks; records that overlap what they score are left out. Without it
            every record is learnt.
        seed: seed of the order of records and of the initial weights.
        out: folder for the adapter (`adapter/`, safetensors) and for checkpoints; called again
            after a crash, tuning resumes from the last one. Default: the adapter is in memory only.
        progress: called after each step, with the loss in nats per token.

    Returns:
        Steps, tokens and losses, and the records that were left out; prints in a few lines.

    Raises:
        UnknownNameError: there is no such recipe or task.
        DataError: the recipe has a wrong value.
        ModelError: the model lacks a member of `Tunable`, or a layer that the recipe names.
        BioinstructError: there is nothing to train on, the loss is not a number, or memory ran out.
    """
    from bioinstruct.bench.models.base import Tunable, check_model
    from bioinstruct.bench.results import Tuned
    from bioinstruct.bench.training.recipe import Recipe, load_recipe

    check_model(model, Tunable)
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(str(recipe))
    named = [against] if isinstance(against, Named) else list(against)
    kept, rejected = _without_tests(records, named)
    if not kept:
        why = "every record overlaps a test" if rejected else "there are no records"
        raise BioinstructError(f"nothing to tune on: {why}", hint="give other records")
    folder = Path(out) if out else None
    with quietly():
        tuning = _train(model, kept, recipe, seed, folder, progress)
    adapter = folder / "adapter" if folder else None
    return Tuned(model.name, recipe, tuning, len(kept), rejected, adapter)


def _scored(
    model: Model,
    evaluation: Evaluation,
    answers: Answers,
    progress: OnProgress | None,
) -> TaskScores:
    from bioinstruct.bench.evaluation.evaluate import score
    from bioinstruct.bench.results import TaskScores

    def tell(done: int, of: int) -> None:
        if progress is not None:
            progress(Progress(f"scoring {evaluation.name}", done, of))

    outcome = score(model, evaluation, answers, progress=tell)
    for (by, why), count in outcome.ways.items():
        if why:
            logger.warning(
                "%s: %s answers by %s, a slow way: %s", evaluation.name, f"{count:,}", by, why
            )
    return TaskScores(evaluation, outcome)


def _train(
    model: Tunable,
    records: Sequence[Instruction],
    recipe: Recipe,
    seed: int,
    folder: Path | None,
    progress: OnProgress | None,
) -> Tuning:
    """Tune the model, and save its adapter in the folder."""
    from bioinstruct.bench.training.lora import save_adapter
    from bioinstruct.bench.training.trainer import check_tuning
    from bioinstruct.bench.training.trainer import tune as train

    def tell(step: Step) -> None:
        if progress is not None:
            detail = f"loss {step.loss:.3f}, {step.tokens_per_second:,.0f} tokens/s"
            progress(Progress("tuning", step.step, step.steps, detail))

    check_tuning(model, records, recipe)
    checkpoints = folder / "checkpoints" if folder else None
    tuning = train(model, records, recipe, seed=seed, progress=tell, checkpoints=checkpoints)
    if folder:
        save_adapter(model, folder / "adapter", {"tuning": asdict(tuning)})
    return tuning


def read_evaluations(
    tasks: Named | Iterable[Named],
    limit: int | None,
    shots: int,
    seed: int,
    variation: Variation | None,
) -> list[Evaluation]:
    """Read the items of the tasks, each task once."""
    from bioinstruct.bench.tasks.evaluation_set import load_evaluations, varied, with_shots
    from bioinstruct.bench.tasks.fresh import seeded

    if limit is not None and limit < 1:
        raise BioinstructError(f"limit={limit}: there is nothing to score", hint="1 or more")
    chosen = _expand([tasks] if isinstance(tasks, Named) else tasks)
    if not chosen:
        raise BioinstructError("no tasks to score", hint="name some with bench.load_tasks")
    evaluations, _ = load_evaluations([seeded(one, seed) for one in chosen], limit)
    if variation is not None:
        evaluations = [varied(evaluation, variation) for evaluation in evaluations]
    if shots:
        names = {evaluation.name for evaluation in evaluations}
        evaluations, _ = with_shots(evaluations, shots, seed=seed, must=names)
    return evaluations


def _expand(tasks: Iterable[Named]) -> list[Evaluation]:
    """Return the evaluations that tasks, names of tasks and suites, and Python files stand for."""
    from bioinstruct.bench.tasks.suites import expand
    from bioinstruct.bench.tasks.user_file import load_task_file

    found: list[str | Task | Evaluation] = []
    for task in tasks:
        own = isinstance(task, str) and task.endswith(".py")
        found += load_task_file(Path(str(task))) if own else [task]
    return expand(found)


def _without_tests(
    records: Iterable[Instruction], against: Sequence[Named]
) -> tuple[list[Instruction], list[Rejection]]:
    """Return the records that overlap no test, and the rejections."""
    from bioinstruct.bench.tasks import protected_texts
    from bioinstruct.filters import contamination_step, split

    if not against:
        return list(records), []
    protected = protected_texts(against)
    for corpus, why in protected.missing.items():
        logger.warning("not compared with %s: %s", corpus, why)
    kept, rejected = split(records, [contamination_step(protected.contaminated())])
    for reason, count in Counter(one.reason for one in rejected).most_common():
        logger.info("tune: left out %s: %s", f"{count:,}", reason)
    return kept, rejected


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the progress bars, advice and deprecation warnings of the libraries out of a session."""
    from transformers.utils import logging as theirs

    bars, level = theirs.is_progress_bar_enabled(), theirs.get_verbosity()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(transformers|peft|torch|accelerate)\b")
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        theirs.disable_progress_bar()  # type: ignore[no-untyped-call]
        theirs.set_verbosity_error()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            theirs.set_verbosity(level)
            if bars:
                theirs.enable_progress_bar()  # type: ignore[no-untyped-call]
