"""The report of a run: its rows, as a table to read, as JSON, and on the adapter's card."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from bioinstruct.bench.baselines.memory import Seen
from bioinstruct.bench.evaluation.evaluate import FLAGS
from bioinstruct.bench.evaluation.sections import (
    BELOW,
    marks,
    memory_lines,
    spread,
    stability_lines,
)
from bioinstruct.bench.evaluation.stability import Stability
from bioinstruct.bench.judge.results import Judgement
from bioinstruct.bench.metrics.comparisons import PairedTest, Verdict
from bioinstruct.bench.metrics.intervals import Interval
from bioinstruct.bench.tasks.evaluation_set import Unavailable
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Tuning
from bioinstruct.dataset.statistics import Source
from bioinstruct.schema import Category
from bioinstruct.tables import aligned, html_table

__all__ = [
    "DEMONSTRATION",
    "Backend",
    "Data",
    "Group",
    "Report",
    "Row",
    "Scoring",
    "table",
    "table_cells",
    "versions",
]

DEMONSTRATION = (
    "This is the demonstration, on short notes and sentences written for it. "
    "It shows that the pipeline runs end to end; it says nothing about model quality."
)
NOT_JUDGED = "not judged: written answers are counted by the metrics above only (see --judge)"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one task, before and after tuning."""

    task: str
    group: str
    split: str
    metric: str
    how: str
    spec: str
    n: int
    """Items that the base was counted on."""
    majority: float
    """Score of the best constant answer."""
    base: Interval
    tuned: Interval | None
    difference: Interval | None
    base_flags: dict[str, int]
    tuned_flags: dict[str, int]
    shots: tuple[str, ...] = ()
    """Ids of the worked examples in front of every prompt."""
    base_said: dict[str, int] = field(default_factory=dict)
    """Counts of each answer of a closed set; by A, B, C if the options differ by item."""
    tuned_said: dict[str, int] = field(default_factory=dict)
    documents: int = 0
    """Number of documents of the items, the units of resampling."""
    nameless: int = 0
    """Items whose document is not known: each counts as a document of its own."""
    floor: float | None = None
    """Score of the best method without a language model; None if there is none."""
    floor_name: str = ""
    """That way, or why there is none."""
    asked: int = 0
    """Questions asked: more than items where they are asked in several orders or wordings."""
    repeats: tuple[float, ...] = ()
    """Score with each seed of tuning, where there are several; `tuned` is then of all together."""
    stability: Sequence[Stability] = ()
    """How the answers change with order and wording, for a task's first metric only."""
    seen: Seen | None = None
    """Scores on items seen in training and others, for a task's first metric only."""
    comparison: PairedTest | None = None
    """Comparison of the tuned with the base model."""
    verdict: Verdict | None = None
    """Verdict on a task's first metric, corrected over the tasks of the table."""
    left_out: str = ""
    """Which items the metric cannot count, in words; empty if it counts all."""

    @property
    def below_floor(self) -> bool:
        """True if a tuned model scores below a method without a language model."""
        tuned = self.base if self.how == "encoder" else self.tuned
        floors = [self.majority, *([] if self.floor is None else [self.floor])]
        return tuned is not None and tuned.value < max(floors)

    @property
    def specification(self) -> str:
        """Metric, formulation, number of items and split of the score."""
        shown = f"{len(self.shots)} worked examples in front" if self.shots else "no examples shown"
        items = f"{self.n:,} items in {self.documents:,} documents of the {self.split} split"
        items += f", {self.nameless:,} of them of no known document" if self.nameless else ""
        items += f", asked in {self.asked:,} forms" if self.asked > self.n else ""
        about = f"{items}; read by: {self.how}; {shown}"
        said = _shares(self.base_said) + (f", tuned {s}" if (s := _shares(self.tuned_said)) else "")
        about += f"; items {self.left_out} are left out" if self.left_out else ""
        return f"{self.metric}: {self.spec}; {about}" + (f"; answers given: {said}" if said else "")


@dataclass(frozen=True, slots=True)
class Group:
    """The mean over the tasks of a group, each by its first metric and weighing the same."""

    group: str
    split: str
    form: str
    """Empty for the usual form of each task."""
    how: tuple[str, ...]
    """Method of reading each task."""
    tasks: tuple[str, ...]
    metrics: tuple[str, ...]
    majority: float
    base: Interval
    tuned: Interval | None
    difference: Interval | None
    floor: float | None = None
    """The mean of the tasks' best floors, the majority where a task has none."""
    spec: str = (
        "mean over tasks of the first metric of each, every task weighing the same; the interval "
        "combines those of the tasks, taken as independent"
    )


@dataclass(frozen=True, slots=True)
class Data:
    """Training data."""

    source: str
    """As the user named it."""
    digest: str
    """Digest of the examples' ids in order: equal for equal data."""
    contaminated: int
    """Examples that overlap a test: they were left out, unless `contamination` says otherwise."""
    overlaps: dict[str, int] = field(default_factory=dict)
    """Counts of them by kind of overlap."""
    sources: Sequence[Source] = ()
    """Sources and licences of the examples."""
    contamination: str = "drop"
    """`drop`; `report` if the examples that overlap a test were kept; `off` if nobody looked."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Method that computed some of the answers."""

    by: str
    """A plan of `Scorer` or an engine of `Generator`."""
    answers: int
    """Answers of the base and the tuned model."""
    why: str
    """Why a faster one is not exact on this model, where a slow one was taken; else empty."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scoring settings of a local model."""

    overflow: str
    """Treatment of prompts that do not fit the context."""
    ways: Sequence[Backend]


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a run, with all that is needed to repeat it."""

    model: str
    adapter: str | None
    """The folder of the adapter that was scored; None for one that was tuned in this run."""
    fingerprint: str
    style: str
    seed: int
    demonstration: bool
    rows: Sequence[Row]
    data: Data | None
    recipe: Recipe | None
    tuning: Tuning | None
    versions: dict[str, str]
    groups: Sequence[Group] = ()
    unavailable: Sequence[Unavailable] = ()
    scoring: Scoring | None = None
    """None for a model behind a server, and for an encoder."""
    found: Sequence[str] = ()
    """Sentences on what was found when the model was loaded: what does not fit or was not used."""
    precision: str = ""
    """Of the weights, such as float32; empty for a model behind a server."""
    style_reason: str = ""
    """Why prompts have their style, where no one named it."""
    judge: Judgement | str = NOT_JUDGED
    """Judge's scores of the written answers, or the reason for their absence."""

    def __str__(self) -> str:
        return table(self)

    def _repr_html_(self) -> str:
        lines, more = table_cells(self)
        return html_table(lines, notes=more)

    def as_json(self) -> str:
        """Return the report as indented JSON with a final line break."""
        values = asdict(self)
        for row, said in zip(self.rows, values["rows"], strict=True):
            said["specification"] = row.specification
            if said["seen"]:
                del said["seen"]["by_item"]
        values["recipe"] = self.recipe.model_dump() if self.recipe else None
        return json.dumps(values, indent=2) + "\n"


def versions() -> dict[str, str]:
    """Return the versions of the packages that compute a score."""
    names = ("bioinstruct", "torch", "transformers", "peft", "tokenizers", "numpy", "rouge-score")
    return {"python": platform.python_version()} | {n: importlib.metadata.version(n) for n in names}


def table(
    report: Report, *, specified: bool = False, columns: Mapping[str, str] | None = None
) -> str:
    """Return the rows as a table: task, metric, items, base, tuned, and their difference.

    Each kind of odd answer has a column if there are any; `specified` adds the metrics below the
    table; `columns` are other names for `base` and `tuned`.
    """
    lines, more = table_cells(report, specified=specified, columns=columns)
    return "\n".join([*aligned(lines), *more])


def table_cells(
    report: Report, *, specified: bool = False, columns: Mapping[str, str] | None = None
) -> tuple[list[list[str]], list[str]]:
    """Return the cells of `table`, the head first, and the lines below it."""
    odd = [name for name in FLAGS if any(_odd(row, name) for row in report.rows)]
    head = ["task", "metric", "n", "documents", "majority", "floor"]
    head += ["base", "tuned", "difference (95 % interval)", "verdict", "detectable"]
    ways = {row.task: {r.how for r in report.rows if r.task == row.task} for row in report.rows}
    splits = {row.split for row in report.rows} != {"test"}
    lines = [head + odd]
    for row in report.rows:
        name = f"{row.task}, {row.split}" if splits else row.task
        metric = f"{row.metric}, {row.how}" if len(ways[row.task]) > 1 else row.metric
        flags = [_odd(row, flag) for flag in odd]
        lines.append([name, metric, f"{row.n:,}", f"{row.documents:,}", *_numbers(row), *flags])
    lines += [_group_cells(group, splits) + [""] * len(odd) for group in _shown_groups(report)]
    if seeds := max((len(row.repeats) for row in report.rows), default=0):
        cells = [f"mean and sd of {seeds} seeds", *(spread(row) for row in report.rows)]
        cells += [""] * (len(lines) - len(cells))
        lines = [[*line, cell] for line, cell in zip(lines, cells, strict=True)]
    if all(row.tuned is None for row in report.rows):
        lines = [[*line[:7], *line[11:]] for line in lines]
    if report.style == "encoder":
        lines[0][6] = "encoder"
    lines[0] = [(columns or {}).get(name, name) for name in lines[0]]
    more = [
        *_layout(report),
        *marks(report),
        *_uncounted(report),
        *stability_lines(report),
        *memory_lines(report),
        *_judged(report),
        *_missing(report),
        *(_specified(report) if specified else []),
    ]
    return lines, more


def _layout(report: Report) -> list[str]:
    """Name the prompt style that nobody asked for, and why it was taken."""
    reason = report.style_reason
    return ["", f"prompt style: {report.style}, because {reason}"] if reason else []


def _numbers(row: Row | Group) -> list[str]:
    floor = "" if row.floor is None else f"{row.floor:.3f}"
    mark = BELOW if isinstance(row, Row) and row.below_floor else ""
    cells = [f"{row.majority:.3f}", floor]
    if row.tuned is None or row.difference is None:
        return [*cells, f"{row.base.value:.3f}{mark}", "", "", "", ""]
    d = row.difference
    between = f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})"
    cells += [f"{row.base.value:.3f}", f"{row.tuned.value:.3f}{mark}", between]
    if not isinstance(row, Row) or row.verdict is None or row.comparison is None:
        return [*cells, "", ""]
    return [*cells, f"{row.verdict.words}{_p(row.verdict.p)}", f"{row.comparison.detectable:.3f}"]


def _p(p: float | None) -> str:
    if p is None:
        return ""
    return ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"


def _odd(row: Row, flag: str) -> str:
    """Format the number of flagged answers, of the base and the tuned model; empty for none."""
    base, tuned = row.base_flags.get(flag, 0), row.tuned_flags.get(flag, 0)
    if not base and not tuned:
        return ""
    return f"{base:,}" if row.tuned is None else f"{base:,}/{tuned:,}"


def _shown_groups(report: Report) -> list[Group]:
    """Return the groups of more than one task; a smaller one only repeats its row."""
    return [group for group in report.groups if len(group.tasks) > 1]


def _group_cells(group: Group, splits: bool) -> list[str]:
    said = [group.group, *([group.split] if splits else []), *([group.form] if group.form else [])]
    name = f"mean of {', '.join(said)}"
    return [name, f"first metric of {len(group.tasks)} tasks", "", "", *_numbers(group)]


def _judged(report: Report) -> list[str]:
    """Describe the judge's scores of written texts, or state that no judge was asked."""
    if isinstance(report.judge, str):
        texts = any(row.group == Category.GEN for row in report.rows) and report.style != "encoder"
        return ["", report.judge] if texts else []
    return ["", *report.judge.lines()]


def _uncounted(report: Report) -> list[str]:
    """Name the items that a metric cannot count."""
    lines = [
        f"left out: {row.task}, {row.metric}: {found} items {row.left_out}"
        for row in report.rows
        if row.left_out and (found := _odd(row, "left out"))
    ]
    return ["", *lines] if lines else []


def _missing(report: Report) -> list[str]:
    if not report.unavailable:
        return []
    lines = ["", "not available:"]
    for missing in report.unavailable:
        how = f"; {missing.how}" if missing.how else ""
        lines.append(f"  {missing.task}, {missing.split}: {missing.why}{how}")
    return lines


def _specified(report: Report) -> list[str]:
    lines = ["", "what is counted:"]
    lines += [f"  {row.task}, {row.specification}" for row in report.rows]
    return [*lines, *(f"  mean of {g.group}: {g.spec}" for g in _shown_groups(report)[:1])]


def _shares(said: dict[str, int]) -> str:
    """List the commonest answers with their shares."""
    most = sorted(said.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(most) - 6} others" if len(most) > 6 else ""
    return ", ".join(f"{name} {count:,}" for name, count in most[:6]) + more
