"""Keep what can be looked at after a run in its folder, and read it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioinstruct.bench.evaluation.report import Report, Row
from bioinstruct.bench.evaluation.runs import write_run
from bioinstruct.bench.models.base import Model
from bioinstruct.bench.report.items import ITEMS, Systems, read_items, write_items
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads

__all__ = ["PAGE", "REPORT", "Run", "keep_run", "read_run", "write_report"]

REPORT, PAGE = "report.json", "report.html"
_NEEDED = {"model", "fingerprint", "style", "seed", "rows", "groups", "versions"}


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run as its folder has it."""

    name: str
    """Of the folder, which stands for the run where several are shown."""
    report: dict[str, Any]
    """The content of report.json."""
    items: list[dict[str, Any]]
    """The lines of items.jsonl; empty for a run of an earlier version."""
    settings: dict[str, Any]
    """The options of the command; empty for a run from Python."""

    @property
    def systems(self) -> list[str]:
        """`base`, and `tuned` if there is one."""
        tuned = any(row["tuned"] for row in self.report["rows"])
        return ["base", "tuned"] if tuned else ["base"]


def keep_run(
    out: Path,
    evaluations: Sequence[Evaluation],
    systems: Systems,
    rows: Mapping[Evaluation, Sequence[Row]],
    model: Model | None,
) -> None:
    """Write what each system answered, as counts and as items that a person can read."""
    write_run(out, evaluations, systems)
    write_items(out / ITEMS, evaluations, systems, rows, model)


def write_report(out: Path, report: Report) -> None:
    """Write the report of a run as JSON, and as a page."""
    from bioinstruct.bench.report.page import write_page

    write_text(out / REPORT, report.as_json())
    write_page(out / PAGE, [read_run(out)])


def read_run(folder: Path) -> Run:
    """Read the folder of a finished run.

    Raises:
        MissingError: it holds no report.
        DataError: the report is damaged, or is not one.
    """
    path = folder / REPORT
    if not path.is_file():
        raise MissingError(
            f"no {REPORT} in {folder}", hint="name the --out folder of a run that has ended"
        )
    try:
        report = loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"not a report: {error}", path=path) from error
    missing = _NEEDED - report.keys() if isinstance(report, dict) else _NEEDED
    if missing:
        raise DataError(
            f"not a report of this version: it lacks {', '.join(sorted(missing))}",
            path=path,
            hint="run the same command again: answers that are kept are not asked again",
        )
    try:
        settings = loads((folder / "settings.json").read_bytes())
    except (OSError, ValueError):
        settings = {}
    name = folder.resolve().name
    return Run(
        name,
        report,
        list(read_items(folder / ITEMS)),
        settings if isinstance(settings, dict) else {},
    )
