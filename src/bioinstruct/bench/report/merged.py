"""Several runs as one: their systems side by side, and their items, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.results import Table, between

__all__ = ["Item", "Merged", "System", "Task", "merge", "scores"]


@dataclass(frozen=True, slots=True)
class System:
    """A model as one run scored it."""

    name: str
    """`base` or `tuned`, with the folder of the run where several are shown."""
    run: int
    """Position of the run."""
    which: str
    """`base` or `tuned`, as the run calls it."""


@dataclass(slots=True)
class Task:
    """A task as some of the runs asked it."""

    name: str
    split: str
    how: str
    group: str
    metric: str
    frames: list[list[str]] = field(default_factory=list)
    """The layouts that its prompts have, each with an input and without."""
    frame_of: dict[int, int] = field(default_factory=dict)
    """Position of the layout by position of the run."""


@dataclass(slots=True)
class Item:
    """A question with the answers that it got."""

    task: int
    row: dict[str, Any]
    """The item as the first run has it."""
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Answers by position of the system."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Runs side by side."""

    runs: Sequence[Run]
    systems: list[System]
    tasks: list[Task]
    items: list[Item]


def merge(runs: Sequence[Run]) -> Merged:
    """Put runs side by side; a base that two of them share, answer by answer, is there once."""
    names = _names(runs)
    systems: list[System] = []
    tasks: dict[tuple[str, ...], Task] = {}
    places: dict[tuple[str, ...], int] = {}
    items: dict[tuple[Any, ...], Item] = {}
    known: dict[str, int] = {}
    for number, run in enumerate(runs):
        at, often = {}, Counter[tuple[Any, ...]]()
        taken: dict[tuple[str, ...], str] = {}
        for which in run.systems:
            same = known.get(mark) if (mark := _mark(run, which)) else None
            if same is None:
                name = f"{names[number]} {which}" if len(runs) > 1 else which
                systems.append(System(name, number, which))
                same = len(systems) - 1
                if mark:
                    known[mark] = same
            at[which] = same
        for row in run.items:
            place = _asked(row, taken)
            if "frame" in row:
                _add_task(tasks, places, place, row, number)
                continue
            item = items.setdefault(_key(row, places[place], often), Item(places[place], row))
            item.answers |= {at[which]: answer for which, answer in row["answers"].items()}
    return Merged(runs, systems, list(tasks.values()), list(items.values()))


def _add_task(
    tasks: dict[tuple[str, ...], Task],
    places: dict[tuple[str, ...], int],
    place: tuple[str, ...],
    row: dict[str, Any],
    number: int,
) -> None:
    if place not in tasks:
        places[place] = len(tasks)
        tasks[place] = Task(row["task"], row["split"], row["how"], row["group"], row["metric"])
    task, frame = tasks[place], row["frame"]
    if frame not in task.frames:
        task.frames.append(frame)
    task.frame_of[number] = task.frames.index(frame)


def _asked(row: dict[str, Any], taken: dict[tuple[str, ...], str]) -> tuple[str, ...]:
    """Return what a task is known by: a cloze, and a second way in the same run, are others."""
    usual = (row["task"], row["split"], "cloze" if "cloze" in row["how"] else "")
    return usual if taken.setdefault(usual, row["how"]) == row["how"] else (*usual, row["how"])


def _key(row: dict[str, Any], task: int, often: Counter[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return what an item is known by; one that a task asks twice is two items."""
    place = (task, row["id"], row["document"], *row.get("form", ()))
    often[place] += 1
    return (*place, often[place])


def _mark(run: Run, which: str) -> str:
    """Return what two runs share if they have the same system; empty if that is not known."""
    keys = [
        f"{row['task']} {row['id']} {row['answers'][which].get('key', '')}"
        for row in run.items
        if "frame" not in row and which in row["answers"]
    ]
    known = all(not key.endswith(" ") for key in keys)
    return "\n".join(sorted(keys)) if keys and known else ""


def _names(runs: Sequence[Run]) -> list[str]:
    names: list[str] = []
    for run in runs:
        name, number = run.name, 1
        while name in names:
            number += 1
            name = f"{run.name} ({number})"
        names.append(name)
    return names


def scores(merged: Merged) -> Table:
    """Return the score of each system by each metric of each task, with 95 % intervals."""
    lines: dict[tuple[str, str, str, str], dict[int, str]] = {}
    floors: dict[tuple[str, str, str, str], float] = {}
    for number, system in enumerate(merged.systems):
        for row in merged.runs[system.run].report["rows"]:
            place = (row["task"], row["split"], row["how"], row["metric"])
            floors.setdefault(place, max(row["majority"], row.get("floor") or 0.0))
            if row[system.which]:
                lines.setdefault(place, {})[number] = between(row[system.which])
    several = range(len(merged.systems))
    rows = [
        (
            *(place[0] if place[1] == "test" else f"{place[0]}, {place[1]}", place[3], place[2]),
            f"{floors[place]:.3f}",
            *(cells.get(number, "") for number in several),
        )
        for place, cells in lines.items()
    ]
    head = ("task", "metric", "read by", "floor", *(system.name for system in merged.systems))
    return Table("Scores side by side", head, tuple(rows), 3)
