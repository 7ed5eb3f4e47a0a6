"""Command-line options that choose tasks, formulations, examples and shots."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bioinstruct import corpora
from bioinstruct.bench.metrics import METRICS, Metric, bert_score, concept_f1, get_metric
from bioinstruct.bench.tasks.base import Task, known_tasks
from bioinstruct.bench.tasks.evaluation_set import (
    Evaluation,
    Unavailable,
    load_evaluations,
    varied,
    with_shots,
)
from bioinstruct.bench.tasks.formulation import ALIASES, Formulation, formulation_of
from bioinstruct.bench.tasks.fresh import seeded
from bioinstruct.bench.tasks.suites import ABOUT, SUITES, expand
from bioinstruct.bench.tasks.user_file import load_task_file
from bioinstruct.bench.tasks.variation import Variation
from bioinstruct.console import positive, say
from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.corpora.paths import folder_of, is_complete
from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category

__all__ = ["add_arguments", "add_variation", "chosen_evaluations", "listing"]

SPLITS = ("train", "validation", "test")


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options that `chosen_evaluations` reads."""
    group.add_argument(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="tasks or suites (see --list); default: tasks of `open` whose corpora are in "
        "$BIOINSTRUCT_DATA, or else the demonstration",
    )
    group.add_argument(
        "--task-file",
        type=Path,
        metavar="FILE",
        help="your own task: a Python file, or a JSON Lines file of records with --metric",
    )
    group.add_argument(
        "--metric",
        nargs="+",
        choices=list(METRICS),
        default=[],
        metavar="NAME",
        help=f"metrics for the records of --task-file, or additional metrics for written texts: "
        f"{', '.join(METRICS)}",
    )
    group.add_argument(
        "--lexicon",
        type=Path,
        metavar="FILE",
        help="also score the concepts in written texts; each line is a concept, a tab and a term",
    )
    group.add_argument(
        "--bertscore",
        nargs=2,
        action=_Layer,
        metavar=("PATH", "LAYER"),
        help="also score written texts with BERTScore, using this encoder (e.g. roberta-large 17)",
    )
    group.add_argument(
        "--as",
        dest="forms",
        nargs="+",
        choices=[*Formulation, *ALIASES],
        default=[Formulation.MULTIPLE_CHOICE.value],
        help="formulation of questions with options: multiple-choice (or letters), cloze, "
        "free-form (or generated); default: multiple-choice",
    )
    group.add_argument("--split", choices=SPLITS, help="score this split (default: test)")
    group.add_argument(
        "--shots", type=positive, default=0, metavar="K", help="number of few-shot examples"
    )
    group.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="score only a fixed random sample of N examples of each task",
    )


def add_variation(group: argparse._ArgumentGroup) -> None:
    """Add the options that ask the same items in several forms."""
    group.add_argument(
        "--orders",
        type=positive,
        default=1,
        metavar="K",
        help="ask questions with options in K cyclic orders of the options, and report how often "
        "the answer follows the text and how often the letter",
    )
    group.add_argument(
        "--wordings",
        type=positive,
        default=1,
        metavar="K",
        help="ask in the first K of the wordings that the corpus has, and report how often the "
        "answer stays the same",
    )


def listing() -> str:
    """List the tasks and the suites, one on each line, with what can run here."""
    tasks = known_tasks().values()
    width = max(len(task.name) for task in tasks)
    lines = [
        f"{task.name:{width}}  {task.group:5}  {_state(task):7}  {task.description}"
        for task in tasks
    ]
    suites = [
        f"{name:{width}}  suite  {'':7}  {ABOUT[name]} ({len(SUITES[name]())})" for name in SUITES
    ]
    return "\n".join([*lines, *suites])


def _state(task: Task) -> str:
    """Return `ready` for a task whose corpus has its files here, else `missing` or `gated`."""
    if not task.corpus:
        return "ready"
    corpus = corpora.get_corpus(task.corpus)
    try:
        there = is_complete(corpus, folder_of(corpus))
    except MissingError:
        there = False
    if there:
        return "ready"
    return "missing" if corpus.access is corpora.Access.OPEN else "gated"


def chosen_evaluations(
    args: argparse.Namespace,
) -> tuple[list[Evaluation], list[Unavailable]]:
    """Load the examples of the chosen tasks.

    Raises:
        BioinstructError: a task that the user named is not available, or no task of a suite is.
    """
    own = load_task_file(args.task_file, args.metric) if args.task_file else []
    if args.tasks:
        planned, must = expand([*args.tasks, *own]), {*args.tasks, *(task.name for task in own)}
    elif own:
        planned, must = expand(own), {task.name for task in own}
    else:
        planned, must = _present(args.split), set()
    planned = [seeded(evaluation, args.seed) for evaluation in planned]
    extra = _extra_metrics(args)
    planned = [
        Evaluation(_with_metrics(e.task, extra), args.split or e.split, formulation_of(form))
        for e in planned
        for form in args.forms
    ]
    evaluations, unavailable = load_evaluations(dict.fromkeys(planned), args.limit, must=must)
    variation = Variation(getattr(args, "orders", 1), getattr(args, "wordings", 1))
    evaluations = [varied(evaluation, variation) for evaluation in evaluations]
    _say_forms(evaluations, variation)
    if args.shots:
        evaluations, too_few = with_shots(evaluations, args.shots, seed=args.seed, must=must)
        unavailable += too_few
        say(
            f"{args.shots} few-shot examples, drawn with seed {args.seed}; the report has their ids"
        )
    _check(evaluations, unavailable)
    return evaluations, unavailable


def _say_forms(evaluations: Sequence[Evaluation], wanted: Variation) -> None:
    """Say which tasks are asked in fewer orders or wordings than wanted, and in how many."""
    for name in ("orders", "wordings"):
        most = getattr(wanted, name)
        had = {e.name: getattr(e.variation, name) for e in evaluations}
        fewer = [f"{task} {count}" for task, count in had.items() if count < most]
        if fewer:
            say(f"fewer than {most} {name}, since there are no more: {', '.join(fewer)}")


def _check(evaluations: Sequence[Evaluation], unavailable: Sequence[Unavailable]) -> None:
    for missing in unavailable:
        say(f"not available: {missing.task}, {missing.split}: {missing.why}")
    if not evaluations:
        hints = {missing.how: None for missing in unavailable}
        raise MissingError("none of the tasks is available", hint="; ".join(filter(None, hints)))


def _present(split: str | None) -> list[Evaluation]:
    """Return the tasks of `open` whose corpora are available, or else the demonstration."""
    folder = os.environ.get("BIOINSTRUCT_DATA")
    if folder:
        corpora.data_directory()  # raises if the folder does not exist
    present, missing = [], []
    for evaluation in SUITES["open"]():
        try:
            next(iter(evaluation.task.read(split or evaluation.split)))
        except BioinstructError:
            missing.append(evaluation.name)
        else:
            present.append(evaluation)
    if present:
        if missing:
            say(f"skipping tasks whose corpora are not in {folder}: {', '.join(missing)}")
        return present
    why = f"no corpora in {folder}" if folder else "BIOINSTRUCT_DATA is not set"
    say(f"{why}: running the demonstration tasks")
    return SUITES["demo"]()


def _extra_metrics(args: argparse.Namespace) -> tuple[Metric, ...]:
    """Return the additional metrics for written texts."""
    more = [get_metric(name) for name in args.metric]
    if args.lexicon:
        more.append(concept_f1(_lexicon(args.lexicon)))
    if args.bertscore:
        more.append(bert_score(*args.bertscore))
    return tuple(more)


class _Layer(argparse.Action):
    """Parse a path and the number of a layer."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: str | None = None) -> None:
        path, layer = values
        if not layer.isdecimal():
            raise argparse.ArgumentError(self, f"{layer!r} is not a layer number")
        setattr(namespace, self.dest, (path, int(layer)))


def _with_metrics(task: Task, extra: tuple[Metric, ...]) -> Task:
    """Add metrics to a generation task."""
    if task.group is not Category.GEN or task.choices:
        return task
    more = tuple(metric for metric in extra if metric not in task.metrics)
    return replace(task, metrics=(*task.metrics, *more))


def _lexicon(path: Path) -> dict[str, str]:
    """Read the concept of each term.

    Raises:
        DataError: a line is not a concept, a tab and a term.
    """
    concepts = {}
    for number, line in enumerate(read_lines(resolve_gz(path)), start=1):
        concept, tab, term = line.rstrip("\n").partition("\t")
        if line.strip() and not (concept.strip() and tab and term.strip()):
            raise DataError("expected a concept, a tab and a term", path=path, line=number)
        concepts[term.strip()] = concept.strip()
    return concepts
