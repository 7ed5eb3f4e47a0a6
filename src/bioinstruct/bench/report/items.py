"""The items of a run, one a line: question, choices, gold, and each system's answer and verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioinstruct.bench.baselines.floors import names_entities
from bioinstruct.bench.evaluation.evaluate import MetricCounts, TaskResult
from bioinstruct.bench.evaluation.report import Row
from bioinstruct.bench.models.base import Model
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.dataset.publish import obstacle
from bioinstruct.errors import DataError
from bioinstruct.files import atomic_file
from bioinstruct.json_text import loads
from bioinstruct.prompts import Style, few_shot_text, user_turn
from bioinstruct.schema import Category, Instruction, Provenance

__all__ = ["INPUT", "INSTRUCTION", "ITEMS", "frame_of", "item_rows", "read_items", "write_items"]

ITEMS = "items.jsonl"
"""The file of a run's folder with its items."""
INSTRUCTION, INPUT = "\ue000instruction\ue000", "\ue000input\ue000"
"""Where a frame, the prompt of a task, has the instruction and the input of an item."""
_FLAGS = ("shortened", "skipped", "truncated")

Systems = Mapping[str, Mapping[Evaluation, TaskResult]]


def write_items(
    path: Path,
    evaluations: Sequence[Evaluation],
    systems: Systems,
    rows: Mapping[Evaluation, Sequence[Row]],
    model: Model | None,
) -> None:
    """Write a line for each task, which has the frame of its prompts, and one for each item."""
    with atomic_file(path) as file:
        for evaluation in evaluations:
            found = {s: each[evaluation] for s, each in systems.items() if evaluation in each}
            seen = next((row.seen.by_item for row in rows[evaluation] if row.seen), ())
            for row in item_rows(evaluation, found, seen, frame_of(evaluation, model)):
                file.write(json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n")


def item_rows(
    evaluation: Evaluation,
    systems: Mapping[str, TaskResult],
    seen: Sequence[bool | None] = (),
    frame: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """Yield the line of a task, and that of each of its items."""
    first = next(iter(systems.values())).readouts[0]
    place: dict[str, Any] = {"task": evaluation.name, "split": evaluation.split, "how": first.how}
    group, metric = evaluation.task.group.value, first.metric.name
    shown_too = (*evaluation.examples, *evaluation.shots)
    origins = {(e.provenance.origin, e.provenance.license) for e in shown_too}
    private = sorted({why for origin in origins if (why := obstacle(*origin))})
    yield place | {"group": group, "metric": metric, "private": private, "frame": list(frame)}
    documents = evaluation.documents
    for at, example in enumerate(evaluation.examples):
        shown = evaluation.shown(example)
        row = place | {
            "id": example.id,
            "document": documents[at],
            "instruction": shown.instruction,
            "input": shown.input,
            "options": list(evaluation.options(example)),
            "gold": shown.output,
            "seen": seen[at] if seen else None,
        }
        if evaluation.variants:
            form = evaluation.variants[at]
            row |= {"form": [form.item, form.order, form.wording]}
        answers = {name: _answer(evaluation, found, at) for name, found in systems.items()}
        if names_entities(evaluation.task):
            gold = evaluation.parse(example.output, example)
            row["gold_spans"] = _spans(shown.input, gold)
            for name, answer in answers.items():
                read = systems[name].readouts[0].answers
                answer["spans"] = _spans(shown.input, read[at] if len(read) else None)
        yield row | {"answers": answers}


def _answer(evaluation: Evaluation, found: TaskResult, at: int) -> dict[str, Any]:
    """Return what a system answered to an item, and what it scored by the task's first metric."""
    first, example = found.readouts[0], evaluation.examples[at]
    kept = found.rows[at] if found.rows else {}
    answer: dict[str, Any] = {"score": _score(evaluation, first, at)}
    answer["counts"] = first.counts[at].tolist()
    if kept:
        answer["key"] = kept["key"]
    if found.repeats:
        answer["keys"] = [each.rows[at]["key"] for each in found.repeats if each.rows]
    if "log_likelihoods" in kept:
        answer["log_likelihoods"] = list(kept["log_likelihoods"])
        answer["answer"] = _chosen(evaluation.options(example), kept["log_likelihoods"])
    elif "text" in kept:
        answer["answer"] = kept["text"]
    elif len(first.answers):
        answer["answer"] = _said(first.answers[at], example)
    flags = [name for name in _FLAGS if kept.get(name)]
    return answer | ({"flags": flags} if flags else {})


def _score(evaluation: Evaluation, first: MetricCounts, at: int) -> float | None:
    """Return the score of one item, 0 to 1; None where nothing of it was counted and not right."""
    counts = first.counts[at]
    value = round(float(np.clip(np.nan_to_num(first.metric.value(counts)), 0.0, 1.0)), 4)
    if counts.any() or not len(first.answers):
        return value
    answer = first.answers[at]
    if first.metric.of_texts or answer is None:
        return None
    example = evaluation.examples[at]
    return 1.0 if answer == evaluation.parse(example.output, example) else 0.0


def _chosen(options: Sequence[str], likelihoods: Sequence[float]) -> str | None:
    return options[likelihoods.index(max(likelihoods))] if likelihoods else None


def _said(answer: Any, example: Instruction) -> str | None:
    """Return what an encoder predicted as text."""
    if not isinstance(answer, list):
        return None if answer is None else str(answer)
    words = example.input.split(" ")
    lines = [(" ".join(words[e.start : e.end]), e.type) for e in answer if isinstance(e, Entity)]
    return "\n".join(f"{text} | {type}" if type else text for text, type in lines)


def _spans(text: str, entities: Any) -> list[list[Any]]:
    """Return start, end and type of each entity that stands in a text, in characters."""
    starts, place = [], 0
    words = text.split(" ")
    for word in words:
        starts.append(place)
        place += len(word) + 1
    return [
        [starts[e.start], starts[e.end - 1] + len(words[e.end - 1]), e.type]
        for e in entities or ()
        if isinstance(e, Entity) and 0 <= e.start < e.end <= len(words)
    ]


def frame_of(evaluation: Evaluation, model: Model | None) -> list[str]:
    """Return the prompt of a task, with marks for instruction and input: with one and without.

    Of a model behind a server that is the turn of the user; it is empty for an encoder.
    """
    if model is None:
        return []
    shots = [evaluation.shown(shot) for shot in evaluation.shots]
    tokenizer = getattr(model, "prompt_tokenizer", None)
    found = []
    for text in (INPUT, ""):
        example = Instruction(
            instruction=INSTRUCTION,
            input=text,
            output="-",
            category=Category.OTHER,
            task="frame",
            provenance=Provenance(kind="own", origin="frame", license="CC0-1.0"),
        )
        if tokenizer is not None:
            found.append(tokenizer.rendered(example, shots))
        elif model.style is Style.CHAT:
            front = "".join(f"{user_turn(shot)}\n\n{shot.output}\n\n" for shot in shots)
            found.append(front + user_turn(example))
        else:
            found.append(few_shot_text(example, shots, model.style))
    return found


def read_items(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of items; nothing where there is no such file.

    Raises:
        DataError: a line is not one.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = loads(line)
                row["task"], row["split"], row["how"]
                row["frame"] if "frame" in row else (row["id"], row["answers"].items())
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DataError(
                    f"not an item of a run: {error!r}",
                    path=path,
                    line=number,
                    hint="delete the file and run the same command again: nothing is asked twice",
                ) from error
            yield row
