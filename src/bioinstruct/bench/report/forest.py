"""The forest plot: the difference of each task with its interval, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.markup import safe

__all__ = ["Line", "forest", "lines_of"]

_WIDTH, _ROW, _LEFT, _RIGHT = 800, 26, 250, 195
_STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#1b1f24}.axis{stroke:#57606a}"
    ".span{stroke:#1f5fa8;stroke-width:2}.point{fill:#1f5fa8}.mean{fill:#8a2b0d}"
    ".floor{stroke:#8a2b0d;stroke-width:2}</style>"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the plot: a value with its interval."""

    name: str
    value: float
    low: float
    high: float
    mean: bool = False
    """Whether it is the mean of a group."""
    floor: float | None = None


def lines_of(run: Run) -> tuple[list[Line], bool]:
    """Return the lines of a run, and whether they are differences: else they are scores."""
    rows = [row for row in run.report["rows"] if row.get("verdict")]
    if rows:
        found = [_line(_named(row), row["difference"]) for row in rows]
        groups = [g for g in run.report["groups"] if g["difference"] and len(g["tasks"]) > 1]
        means = [_line(f"mean of {g['group']}", g["difference"], mean=True) for g in groups]
        return [*found, *means], True
    firsts = {(row["task"], row["split"], row["how"]): row for row in reversed(run.report["rows"])}
    plain = reversed(firsts.values())
    return [_line(_named(row), row["base"], floor=_floor(row)) for row in plain], False


def _named(row: dict[str, Any]) -> str:
    return row["task"] if row["split"] == "test" else f"{row['task']}, {row['split']}"


def _floor(row: dict[str, Any]) -> float:
    return float(max(row["majority"], row.get("floor") or 0.0))


def _line(
    name: str, found: dict[str, float], *, mean: bool = False, floor: float | None = None
) -> Line:
    return Line(name, found["value"], found["low"], found["high"], mean, floor)


def forest(lines: Sequence[Line], *, differences: bool, alone: bool = False) -> str:
    """Return the plot; empty without lines.

    Args:
        lines: what is drawn, from the top.
        differences: whether values are differences, drawn around 0, or scores from 0 to 1.
        alone: whether the plot is a file of its own, with its colours.
    """
    if not lines:
        return ""
    low = min([0.0, *(line.low for line in lines)])
    high = max([0.0, *(line.high for line in lines), *(line.floor or 0.0 for line in lines)])
    low, high = low - 0.02, max(high, low + 0.05) + 0.02
    height = _ROW * (len(lines) + 2)

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    what = "Difference, tuned less base" if differences else "Score"
    size = f'width="{_WIDTH}" height="{height}" ' if alone else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="forest" viewBox="0 0 {_WIDTH} {height}" '
        f'{size}role="img" aria-label="{what} with 95 % intervals; the table has the figures">',
        _STYLE if alone else "",
    ]
    for number, line in enumerate(lines):
        parts.append(_drawn(line, number, x, differences))
    bottom = _ROW * len(lines) + 6
    parts.append(f'<path class="axis" d="M{x(0):.1f} 0V{bottom}M{_LEFT} {bottom}H{x(high):.1f}"/>')
    for tick in _ticks(low, high):
        parts.append(
            f'<text x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>'
        )
    end = f'<text x="{_LEFT}" y="{bottom + 38}">{what}, 95 % interval'
    parts.append(f"{end}{'' if differences else '; the bar is the floor'}</text></svg>")
    return "".join(parts)


def _drawn(line: Line, number: int, x: Any, differences: bool) -> str:
    middle = _ROW * number + 16
    name = line.name if len(line.name) <= 34 else line.name[:33] + "…"
    sign = "+" if differences else ""
    value = f"{line.value:{sign}.3f} [{line.low:{sign}.3f}, {line.high:{sign}.3f}]"
    at = x(line.value)
    point = f'<circle class="point" cx="{at:.1f}" cy="{middle}" r="5"/>'
    if line.mean:
        point = f'<path class="mean" d="M{at - 7:.1f} {middle}l7 -6 7 6 -7 6z"/>'
    floor = ""
    if line.floor is not None:
        floor = f'<path class="floor" d="M{x(line.floor):.1f} {middle - 9}v18"/>'
    return (
        f'<g><title>{safe(line.name)}: {value}</title><text x="{_LEFT - 10}" y="{middle + 4}" '
        f'text-anchor="end">{safe(name)}</text>'
        f'<path class="span" d="M{x(line.low):.1f} {middle}H{x(line.high):.1f}"/>{floor}{point}'
        f'<text x="{_WIDTH - _RIGHT + 8}" y="{middle + 4}">{value}</text></g>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two, at most eight."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 10.0) if (high - low) / s <= 8)
    first = int(low / step) - 1
    found = [round((first + n) * step, 4) for n in range(12)]
    return [tick for tick in found if low <= tick <= high]
