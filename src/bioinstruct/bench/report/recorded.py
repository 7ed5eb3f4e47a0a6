"""Count the recorded answers of a run again, with the gold of the corpus and without the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bioinstruct.bench.evaluation.evaluate import MetricCounts, TaskResult, pooled, score
from bioinstruct.bench.evaluation.runs import Counted
from bioinstruct.bench.models.constant import Constant
from bioinstruct.bench.tasks.base import get_task
from bioinstruct.bench.tasks.evaluation_set import (
    Evaluation,
    draw_shots,
    load_evaluations,
    varied,
)
from bioinstruct.bench.tasks.formulation import ALIASES, Formulation
from bioinstruct.bench.tasks.variation import Variation
from bioinstruct.checksums import read_sealed
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.journal import Journal
from bioinstruct.schema import Instruction

__all__ = [
    "PREDICTIONS",
    "Kept",
    "Recorded",
    "classifier_folder",
    "count_predictions",
    "evaluation_of",
    "predictions_of",
    "recount",
    "recount_encoder",
]

PREDICTIONS = "predictions.json"
"""What an encoder predicted for a task, in the folder of its classifier."""


class Kept:
    """The answers of a run, read from their file; nothing can be added."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            MissingError: there is no such file.
            DataError: no line is an answer.
        """
        self.damaged: list[int] = []
        """Numbers of the lines that are not as they were written."""
        start = b'{"key": "'
        of = {"what": "an answer of bioinstruct-bench", "starts": (start, start)}
        with Journal.read(path, enter=_check, damaged=self.damaged, **of) as journal:
            self._rows = {row.pop("key"): row for row in journal.rows()}

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._rows[key]

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Refuse: what is verified is not changed."""
        raise BioinstructError(f"no answer is added to a run that is verified: {key}")


def _check(row: dict[str, Any], place: int, number: int) -> None:
    if not row["key"] or not row.keys() & {"text", "log_likelihoods"}:
        raise KeyError("text")


@dataclass(frozen=True)
class Recorded(Constant):
    """A stand-in for a model whose answers are all in the answer file."""

    recorded: str = ""

    @property
    def fingerprint(self) -> str:
        return self.recorded

    def complete(self, examples: Sequence[Instruction], **_: Any) -> Iterator[Any]:
        raise MissingError(
            f"{len(examples):,} answers are missing, the first to item {examples[0].id}",
            hint="score the model first",
        )

    choose = complete


def evaluation_of(counted: Counted, shots: Sequence[str], items: int, seed: int) -> Evaluation:
    """Return what a run asked, read from the corpus again.

    Args:
        counted: what one of its systems answered.
        shots: ids of the worked examples that the run showed.
        items: how many items were asked, each in its orders and wordings.
        seed: of the run, which draws the worked examples.

    Raises:
        BioinstructError: the corpus is not there, or gives other items.
    """
    name = counted.how.partition(",")[0]
    known = {"likelihood": Formulation.MULTIPLE_CHOICE, "cloze": Formulation.CLOZE} | ALIASES
    known |= {"encoder": Formulation.MULTIPLE_CHOICE}
    if name not in known:
        raise BioinstructError(
            f"{counted.task} was read by {counted.how!r}", hint="a later version may know that way"
        )
    planned = Evaluation(get_task(counted.task), counted.split, known[name])
    [found], _ = load_evaluations([planned], items)
    found = varied(found, Variation(counted.orders, counted.wordings))
    if shots:
        found = replace(found, shots=draw_shots(found, len(shots), seed=seed))
        if [shot.id for shot in found.shots] != list(shots):
            raise BioinstructError(f"{counted.task}: the corpus gives other worked examples")
    ids = [example.id for example in found.examples]
    for place, (one, other) in enumerate(zip(ids, counted.ids, strict=False)):
        if one != other:
            raise BioinstructError(
                f"{counted.task}: item {place + 1} is {other}, and {one} in the corpus"
            )
    if len(ids) != len(counted.ids):
        raise BioinstructError(
            f"{counted.task}: {len(counted.ids):,} items, and {len(ids):,} in the corpus"
        )
    return found


def recount(evaluation: Evaluation, fingerprints: Sequence[str], kept: Any) -> TaskResult:
    """Return the counts of a system from its answers; several fingerprints are several seeds.

    Raises:
        MissingError: an answer is not there.
    """
    results = [score(Recorded(recorded=name), evaluation, kept) for name in fingerprints]
    return pooled(results)


def classifier_folder(task: str, number: int) -> str:
    """Return the name of the folder of an encoder's classifier, one for each seed."""
    return f"encoder-{task}{f'-repeat-{number + 1}' if number else ''}"


def predictions_of(kept: dict[str, Any]) -> list[Any]:
    """Return what an encoder predicted, read from the JSON of its file."""
    return [
        [Entity(*one) if isinstance(one, list) else one for one in found]
        if isinstance(found, list)
        else found
        for found in kept["predictions"]
    ]


def count_predictions(evaluation: Evaluation, found: list[Any]) -> TaskResult:
    """Count by each metric of the task but those of texts: an encoder writes none."""
    task = evaluation.task
    golds = [task.parse(example.output, example) for example in evaluation.examples]
    metrics = [metric for metric in task.metrics if not metric.of_texts]
    return TaskResult(
        [MetricCounts(metric, "encoder", metric.counts(golds, found), found) for metric in metrics]
    )


def recount_encoder(folder: Path, evaluation: Evaluation, seeds: int) -> TaskResult:
    """Return the counts of an encoder from its predictions, the mean of so many seeds.

    Raises:
        DataError: predictions are missing or damaged, or of another number of items.
    """
    results: list[TaskResult] = []
    for number in range(seeds):
        path = folder / classifier_folder(evaluation.name, number) / PREDICTIONS
        try:
            found = predictions_of(read_sealed(path))
            results.append(count_predictions(evaluation, found))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no predictions of {evaluation.name}: {error}", path=path) from error
    return pooled(results)
