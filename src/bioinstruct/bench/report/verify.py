"""Recompute every figure of a run from its answers and data, without the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bioinstruct.bench.evaluation.evaluate import TaskResult
from bioinstruct.bench.evaluation.report import Report, Row, versions
from bioinstruct.bench.evaluation.runs import Counted, counted, read_counts
from bioinstruct.bench.evaluation.summary import groups_of, rows_of, with_verdicts
from bioinstruct.bench.models.adapter import read_about
from bioinstruct.bench.report.differences import differences
from bioinstruct.bench.report.folder import PAGE, REPORT, Run, read_run
from bioinstruct.bench.report.items import ITEMS, item_rows
from bioinstruct.bench.report.page import page
from bioinstruct.bench.report.recorded import Kept, evaluation_of, recount, recount_encoder
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.errors import BioinstructError
from bioinstruct.json_text import loads

__all__ = ["Checked", "Verifier"]

ANSWERS, CONTAMINATED, ADAPTER = "answers.jsonl", "contaminated.jsonl", "adapter"
_FIGURES = ("rows", "groups", "demonstration", "scoring")


@dataclass(slots=True)
class Checked:
    """What a verification found."""

    faults: list[str] = field(default_factory=list)
    """What does not agree, each with its place."""
    notes: list[str] = field(default_factory=list)
    """What could not be recomputed, and which versions are others than those of the run."""
    answers: int = 0
    """Answers that were counted again."""
    figures: int = 0
    """Numbers of the report that were recomputed."""


class Verifier:
    """The folder of a run. Each `check` reads its files again; corpora are read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked: dict[tuple[Any, ...], Evaluation] = {}
        self._rows: dict[tuple[Any, ...], list[Row]] = {}
        self._groups: dict[tuple[Any, ...], dict[str, Any]] = {}

    def check(self) -> Checked:
        """Recompute items, counts and figures from the answers, and name what does not agree.

        Figures are compared only where the answers, items and counts agree with each other: one
        wrong answer would show in many of them.

        Raises:
            MissingError: the folder is not that of a finished run.
            DataError: a file is damaged as a whole.
        """
        run, done = read_run(self.folder), Checked()
        kept = None if run.report["style"] == "encoder" else Kept(self.folder / ANSWERS)
        done.faults += [
            f"{ANSWERS}:{number}: not as it was written: its checksum is another"
            for number in (kept.damaged if kept else ())
        ]
        known = {name: read_counts(self.folder, name) for name in run.systems}
        items = _by_task(run.items)
        outcomes: dict[str, dict[Evaluation, TaskResult]] = {name: {} for name in known}
        for place, one in enumerate(known["base"]):
            own = {name: found[place] for name, found in known.items() if place < len(found)}
            try:
                evaluation = self._evaluation(run, one, items)
                for name, counts in own.items():
                    if kept is None:
                        outcome = recount_encoder(self.folder, evaluation, _seeds(run, one))
                    else:
                        names = _fingerprints(run, name, kept, items.get(_place(one), []))
                        outcome = recount(evaluation, names, kept)
                    outcomes[name][evaluation] = outcome
                    done.faults += _counts(evaluation, outcome, counts)
                    done.answers += len(evaluation.examples) * max(1, len(outcome.repeats))
            except BioinstructError as error:
                done.faults.append(f"{error} ({error.hint})" if error.hint else str(error))
        if done.faults:
            done.faults += self._items(run, outcomes, items)
            done.notes.append("figures are not compared: the answers do not agree")
            return done
        self._figures(run, outcomes, items, done)
        self._others(run, done)
        return done

    def _evaluation(
        self, run: Run, one: Counted, items: Mapping[tuple[str, ...], list[dict[str, Any]]]
    ) -> Evaluation:
        same = [row for row in run.report["rows"] if _place_of(row) == _place(one)]
        if not same:
            raise BioinstructError(f"{REPORT}: no row of {', '.join(_place(one))}")
        forms = {row["form"][0] for row in items.get(_place(one), ()) if "form" in row}
        shots, seed = tuple(same[0].get("shots", ())), run.report["seed"]
        if not isinstance(seed, int):
            raise BioinstructError(f"{REPORT}: seed is {seed!r}")
        number = len(forms) or len(one.ids)
        asked = (_place(one), one.ids, one.orders, one.wordings, shots, number, seed)
        if asked not in self._asked:
            self._asked[asked] = evaluation_of(one, shots, number, seed)
        return self._asked[asked]

    def _items(
        self,
        run: Run,
        outcomes: Mapping[str, Mapping[Evaluation, TaskResult]],
        items: Mapping[tuple[str, ...], list[dict[str, Any]]],
        seen: Mapping[Evaluation, Sequence[bool | None]] | None = None,
    ) -> Iterator[str]:
        """Yield what in the file of items is not as the answers and the corpus have it."""
        if not run.items:
            return
        for evaluation in outcomes["base"]:
            found = {
                name: each[evaluation] for name, each in outcomes.items() if evaluation in each
            }
            task, *expected = item_rows(evaluation, found, (seen or {}).get(evaluation, ()))
            rows = items.get((task["task"], task["split"], task["how"]), [])
            if len(rows) != len(expected):
                yield f"{ITEMS}: {len(rows):,} items of {task['task']}, and {len(expected):,} asked"
                continue
            for row, should in zip(rows, expected, strict=True):
                for path, value, right in differences(row, json.loads(json.dumps(should))):
                    if path == "seen" and seen is None:
                        continue
                    yield (
                        f"{ITEMS}: {task['task']}, item {should['id']}: {path} is {_short(value)}, "
                        f"recomputed {_short(right)}"
                    )

    def _figures(
        self,
        run: Run,
        outcomes: Mapping[str, Mapping[Evaluation, TaskResult]],
        items: Mapping[tuple[str, ...], list[dict[str, Any]]],
        done: Checked,
    ) -> None:
        report, seed = run.report, run.report["seed"]
        base, tuned = outcomes["base"], outcomes.get("tuned", {})
        rows = {e: self._rows_of(e, base[e], tuned.get(e), seed) for e in base}
        seen = {e: next((r.seen.by_item for r in found if r.seen), ()) for e, found in rows.items()}
        done.faults += self._items(run, outcomes, items, seen)
        mark = (seed, *map(_digest, base.values()), *map(_digest, tuned.values()))
        if mark not in self._groups:
            self._groups[mark] = _recomputed(base, tuned, rows, seed)
        expected = dict(self._groups[mark])
        if report["style"] == "encoder":
            expected["groups"] = []  # each task has an encoder of its own
        if report.get("scoring") is not None:
            expected["scoring"] = {
                "overflow": report["scoring"]["overflow"],
                "ways": _ways(outcomes),
            }
        for name in _FIGURES:
            if name not in expected:
                continue
            done.figures += _numbers(expected[name])
            for path, value, right in differences(report.get(name), expected[name], name):
                done.faults.append(
                    f"{REPORT}: {_named(path, report)} is {_short(value)}, "
                    f"recomputed {_short(right)}"
                )

    def _rows_of(
        self, evaluation: Evaluation, base: TaskResult, tuned: TaskResult | None, seed: int
    ) -> list[Row]:
        mark = (evaluation, seed, _digest(base), _digest(tuned) if tuned else "")
        if mark not in self._rows:
            self._rows[mark] = rows_of(evaluation, base, tuned, seed=seed)
        return self._rows[mark]

    def _others(self, run: Run, done: Checked) -> None:
        """Compare what other files of the folder say of the run, and its page."""
        report = run.report
        if data := report.get("data"):
            path = self.folder / CONTAMINATED
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            reasons = dict(Counter(loads(line)["reason"] for line in lines))
            right = {"contaminated": len(lines), "overlaps": reasons}
            shown = {name: data.get(name) for name in right}
            done.figures += 1 + len(reasons)
            for path_, value, expected in differences(shown, right, "data"):
                done.faults.append(
                    f"{REPORT}: {path_} is {_short(value)}, {CONTAMINATED} has {_short(expected)}"
                )
        if data and (tuning := report.get("tuning")):
            learnt = sum(source["examples"] for source in data.get("sources", ()))
            done.figures += len(data.get("sources", ()))
            if learnt != tuning["examples"] + tuning["skipped"]:
                done.faults.append(
                    f"{REPORT}: data.sources: {learnt:,} examples, and {tuning['examples']:,} were "
                    f"tuned on, {tuning['skipped']:,} skipped"
                )
        if report.get("tuning") and (self.folder / ADAPTER).is_dir():
            tuning = read_about(self.folder / ADAPTER).get("tuning")
            done.figures += _numbers(tuning)
            for path_, value, expected in differences(report["tuning"], tuning, "tuning"):
                done.faults.append(
                    f"{REPORT}: {path_} is {_short(value)}, the adapter has {_short(expected)}"
                )
        here = versions()
        done.notes += [
            f"{REPORT}: the run had {name} {found}, here it is {here.get(name)}"
            for name, found in report["versions"].items()
            if here.get(name) != found
        ]
        if not isinstance(report.get("judge", ""), str):
            done.notes.append("the judge's scores are not recomputed: they need the judge")
        shown_page = self.folder / PAGE
        if shown_page.is_file() and shown_page.read_bytes() != b"".join(page([run])):
            same = report["versions"].get("bioinstruct") == here["bioinstruct"]
            text = (
                f"{PAGE} is not the page of {REPORT} and {ITEMS}: write it with the report command"
            )
            (done.faults if same else done.notes).append(text)


def _place(one: Counted) -> tuple[str, str, str]:
    return one.task, one.split, one.how


def _place_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["task"], row["split"], row["how"]


def _by_task(items: Sequence[dict[str, Any]]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in items:
        if "frame" not in row:
            found.setdefault(_place_of(row), []).append(row)
    return found


def _fingerprints(run: Run, name: str, kept: Kept, items: Sequence[dict[str, Any]]) -> list[str]:
    """Return the fingerprint of a system, one for each seed of tuning."""
    whole = run.report["fingerprint"]
    if name == "base":
        return [whole.partition("+")[0] if "tuned" in run.systems else whole]
    keys = items[0]["answers"].get("tuned", {}).get("keys", ()) if items else ()
    return [kept[key]["model"] for key in keys if key in kept] or [whole]


def _seeds(run: Run, one: Counted) -> int:
    """Return with how many seeds an encoder was fine-tuned on a task."""
    rows = run.report["rows"]
    return max(1, *(len(row["repeats"]) for row in rows if _place_of(row) == _place(one)))


def _counts(evaluation: Evaluation, outcome: TaskResult, known: Counted) -> Iterator[str]:
    """Yield the items whose counts are not those of their answers."""
    right = counted(evaluation, outcome, known.system)
    place = f"{known.task}, {known.system}"
    if known.counts.shape != right.counts.shape:
        yield f"counts.jsonl: {place}: counts of shape {known.counts.shape}"
        return
    for at in np.flatnonzero(np.abs(known.counts - right.counts).max(axis=1) > 1e-9):
        yield (
            f"counts.jsonl: {place}, item {known.ids[at]}: {known.counts[at].tolist()}, "
            f"recomputed {right.counts[at].tolist()}"
        )
    for name in ("metric", "how", "shots", "documents"):
        if getattr(known, name) != getattr(right, name):
            yield f"counts.jsonl: {place}: {name} is not that of the corpus"


def _recomputed(
    base: Mapping[Evaluation, TaskResult],
    tuned: Mapping[Evaluation, TaskResult],
    rows: dict[Evaluation, list[Row]],
    seed: int,
) -> dict[str, Any]:
    """Return rows and groups as a report has them."""
    made = Report(
        model="",
        adapter=None,
        fingerprint="",
        style="",
        seed=seed,
        demonstration=all(e.task.demonstration for e in base),
        rows=with_verdicts([row for found in rows.values() for row in found]),
        data=None,
        recipe=None,
        tuning=None,
        versions={},
        groups=groups_of(list(base), base, tuned, rows, seed=seed),
    )
    values = json.loads(made.as_json())
    return {name: values[name] for name in ("rows", "groups", "demonstration")}


def _ways(outcomes: Mapping[str, Mapping[Evaluation, TaskResult]]) -> list[dict[str, Any]]:
    ways: Counter[tuple[str, str]] = Counter()
    for each in outcomes.values():
        for outcome in each.values():
            ways += outcome.ways
    return [{"by": by, "answers": n, "why": why} for (by, why), n in sorted(ways.items())]


def _digest(outcome: TaskResult) -> tuple[Any, ...]:
    """Return what the figures of a task depend on."""
    return (
        *(readout.counts.tobytes() for readout in outcome.readouts),
        json.dumps([readout.predicted for readout in outcome.readouts], sort_keys=True),
        json.dumps(outcome.flags, sort_keys=True),
        repr([list(readout.answers) for readout in outcome.readouts[:1]]),
        *(_digest(each) for each in outcome.repeats),
    )


def _named(path: str, report: Mapping[str, Any]) -> str:
    """Return a path with the task and metric of its row in front."""
    number = path.removeprefix("rows[").partition("]")[0]
    if not path.startswith("rows[") or not number.isdigit():
        return path
    row = report["rows"][int(number)]
    return f"{row['task']}, {row['metric']}: {path}"


def _numbers(value: Any) -> int:
    """Count the numbers in a JSON value."""
    if isinstance(value, dict | list):
        return sum(map(_numbers, value.values() if isinstance(value, dict) else value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."
