"""What a report says besides its table: on the model, on slow ways, on what was left out."""

from __future__ import annotations

from bioinstruct.bench.evaluation.report import Data, Report

__all__ = ["left_out", "notes"]


def notes(report: Report) -> list[str]:
    """Return the notes above the table: on the model, what was slow, what was not tuned on."""
    lines = [f"model: {sentence}" for sentence in report.found]
    lines += [
        f"{way.answers:,} answers by {way.by}, the slow way: {way.why}"
        for way in (report.scoring.ways if report.scoring else ())
        if way.why
    ]
    if report.scoring and report.scoring.overflow != "skip" and (unfit := _unfit(report)):
        lines.append(
            f"{unfit:,} prompts did not fit the context and were not asked: show fewer --shots, or "
            "cut them with --overflow left"
        )
    if report.data and report.data.contamination != "drop":
        lines.append(f"tuning: {contaminated_by(report.data)}")
    elif report.data and report.data.contaminated:
        lines.append(f"tuning: left out {left_out(report.data)}")
    if report.tuning and (report.tuning.skipped or report.tuning.shortened):
        lines.append(
            f"tuning: {report.tuning.skipped:,} examples did not fit and were left out, "
            f"{report.tuning.shortened:,} inputs were shortened to fit"
        )
    return lines


def contaminated_by(data: Data) -> str:
    """Say what a run that did not leave out contaminated examples was tuned on."""
    if data.contamination == "off":
        return "NOT compared with the tests (--contamination off): scores may show memory"
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in data.overlaps.items())
    return (
        f"{data.contaminated:,} examples overlap a test and were KEPT (--contamination report)"
        + (f": {kinds}" if kinds else "")
    )


def left_out(data: Data) -> str:
    """Describe how many examples overlap a test and were left out of tuning, by kind."""
    if data.contamination != "drop":
        return f"none because of the tests: {contaminated_by(data)}"
    kinds = ", ".join(
        f"{count:,} {kind.removeprefix('contaminated-')}" for kind, count in data.overlaps.items()
    )
    return f"{data.contaminated:,} because they overlap a test" + (f" ({kinds})" if kinds else "")


def _unfit(report: Report) -> int:
    """Count the prompts of the base model that did not fit, each once for all its metrics."""
    asked = {(row.task, row.split, row.how.split(",")[0]): row for row in report.rows}
    return sum(row.base_flags.get("skipped", 0) for row in asked.values())
