"""Draw an analysis as PNG files with matplotlib."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bioinstruct.analysis.report import Analysis
from bioinstruct.analysis.sunburst import Arc, arcs, fitted
from bioinstruct.errors import MissingError
from bioinstruct.files import atomic_file

__all__ = ["FIGURES", "draw", "load_matplotlib"]

_BLUE = "#2f6fb0"
_INK = "#222222"
_GREY = "#6b6b6b"
_ROWS = 25  # bars of a chart
_LABELS = 12  # labels shown for a task
_LETTERS = 34  # longest label


def draw(analysis: Analysis, folder: Path) -> list[Path]:
    """Write the pictures into `folder` and return their paths.

    Raises:
        MissingError: matplotlib is not installed.
    """
    figure_of = load_matplotlib()
    written = []
    for name, picture in _PICTURES.items():
        figure = picture(figure_of, analysis)
        if figure is None:
            continue
        path = folder / f"{name}.png"
        with atomic_file(path) as file:
            # Without matplotlib's version in the file, the same data give the same bytes.
            figure.savefig(
                file, format="png", dpi=150, facecolor="white", metadata={"Software": None}
            )
        written.append(path)
    return written


def load_matplotlib() -> Any:
    """Return matplotlib's `Figure` class, which needs no display.

    Raises:
        MissingError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingError(
            "figures need matplotlib", hint="pip install 'bioinstruct[plots]'"
        ) from error
    return Figure


def _bars(axes: Any, counts: dict[str, int], title: str) -> None:
    shown = list(counts.items())
    if len(shown) > _ROWS:
        rest = shown[_ROWS - 1 :]
        shown = [*shown[: _ROWS - 1], (f"{len(rest):,} more", sum(count for _, count in rest))]
    names = [_short(name) for name, _ in shown]
    values = [count for _, count in shown]
    places = range(len(shown))
    axes.barh(places, values, color=_BLUE, height=0.72)
    axes.set_yticks(places, names, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, max(values) * 1.18)
    for place, value in zip(places, values, strict=True):
        axes.text(value, place, f" {value:,}", va="center", fontsize=8, color=_INK)
    _plain(axes, title)
    axes.set_xticks([])


def _plain(axes: Any, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=_INK)
    axes.tick_params(length=0, labelsize=8, labelcolor=_INK)
    for side in ("top", "right", "bottom", "left"):
        axes.spines[side].set_visible(False)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _counts(figure_of: Any, analysis: Analysis) -> Any:
    found = analysis.statistics
    tables = {
        "Sources": found.origins,
        "Tasks": found.tasks,
        "Categories": found.categories,
        "Licences": found.licenses,
    }
    rows = [min(len(counts), _ROWS) for counts in tables.values()]
    heights = [max(rows[0], rows[1]), max(rows[2], rows[3])]
    figure = figure_of(figsize=(11, 1.6 + 0.24 * sum(heights)), layout="constrained")
    grid = figure.subplots(2, 2, height_ratios=[height + 2 for height in heights])
    for axes, (title, counts) in zip(grid.flat, tables.items(), strict=True):
        _bars(axes, counts, title)
        # The same number of slots in both charts of a row makes all bars equally thick.
        at_least = heights[0] if title in {"Sources", "Tasks"} else heights[1]
        axes.set_ylim(at_least - 0.4, -0.6)
    figure.suptitle(f"{found.examples:,} instructions", fontsize=13, color=_INK)
    return figure


def _lengths(figure_of: Any, analysis: Analysis) -> Any:
    """Draw the 10th to 90th percentile as a bar and extend it to the 99th as a line."""
    found = analysis.statistics
    units = {"characters": found.characters, "words": found.words}
    if found.tokens:
        units[f"tokens of {found.tokenizer}"] = found.tokens
    figure = figure_of(figsize=(9, 0.6 + 1.3 * len(units)), layout="constrained")
    grid = figure.subplots(len(units), 1, squeeze=False)
    for axes, (unit, lengths) in zip(grid.flat, units.items(), strict=True):
        axes.set_yticks(range(len(lengths)), list(lengths))
        for place, values in enumerate(lengths.values()):
            axes.plot([max(values.p10, 1), max(values.p99, 1)], [place, place], color=_BLUE, lw=1.5)
            axes.plot(
                [max(values.p10, 1), max(values.p90, 1)],
                [place, place],
                color=_BLUE,
                lw=9,
                alpha=0.35,
                solid_capstyle="butt",
            )
            axes.plot(max(values.median, 1), place, "o", color=_BLUE, ms=7)
            axes.text(
                max(values.median, 1), place - 0.3, f"{values.median:,}", ha="center", fontsize=8
            )
        axes.set_ylim(len(lengths) - 0.5, -0.8)
        axes.set_xscale("log")
        _plain(axes, f"Length in {unit}")
        axes.grid(axis="x", color="#e4e4e4", lw=0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xticks([], minor=True)
        axes.set_xlim(left=0.8)
        axes.set_axisbelow(True)
    figure.supxlabel(
        "dot: median; bar: 10 % to 90 %; line: to 99 % (logarithmic; 0 is drawn at 1)",
        fontsize=8,
        color=_GREY,
    )
    return figure


def _answers(figure_of: Any, analysis: Analysis) -> Any:
    """Draw a small chart for each task with a closed set of answers; None if there is none."""
    balances = analysis.statistics.answers
    if not balances:
        return None
    columns = min(len(balances), 3)
    labels = [min(len(found.labels), _LABELS) for found in balances.values()]
    most = [max(labels[at : at + columns]) for at in range(0, len(labels), columns)]
    figure = figure_of(
        figsize=(4.4 * columns, sum(0.9 + 0.22 * rows for rows in most)), layout="constrained"
    )
    grid = figure.subplots(
        len(most), columns, squeeze=False, height_ratios=[rows + 3 for rows in most]
    )
    for axes in grid.flat[len(balances) :]:
        axes.set_axis_off()
    for number, (task, found) in enumerate(balances.items()):
        axes = grid.flat[number]
        shown = list(found.labels.items())[:_LABELS]
        shares = [count / found.examples for _, count in shown]
        axes.barh(range(len(shown)), shares, color=_BLUE, height=0.72)
        axes.set_yticks(range(len(shown)), [_short(name) for name, _ in shown], parse_math=False)
        axes.set_ylim(most[number // columns] - 0.4, -0.6)
        axes.set_xlim(0, max(shares) * 1.3)
        axes.set_xticks([])
        for place, share in enumerate(shares):
            axes.text(share, place, f" {share:.1%}", va="center", fontsize=8, color=_INK)
        more = len(found.labels) - len(shown)
        rest = f", {more} more" if more > 0 else ""
        _plain(axes, f"{_short(task)} ({found.examples:,}{rest})")
    return figure


def _verbs(figure_of: Any, analysis: Analysis) -> Any:
    """Draw the sunburst of verbs and objects; None if no instruction has both."""
    found = analysis.openings
    if not found.shown:
        return None
    figure = figure_of(figsize=(8, 8.5))
    axes = figure.add_axes((0.01, 0.05, 0.98, 0.93), polar=True)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.set_axis_off()
    axes.set_ylim(0, 1)
    for arc in arcs(found):
        _draw_arc(axes, arc)
    figure.text(
        0.5,
        0.02,
        f"{found.shown:,} of {found.examples:,} instructions: the {len(found.verbs)} most frequent "
        f"verbs and the four most frequent objects of each\n({found.method})",
        ha="center",
        fontsize=9,
        color=_GREY,
    )
    return figure


_TURN = 6.283185307179586


def _draw_arc(axes: Any, arc: Arc) -> None:
    lightness, saturation = (0.78, 0.55) if arc.parent else (0.62, 0.6)
    axes.bar(
        arc.middle * _TURN,
        arc.outer - arc.inner,
        width=(arc.end - arc.start) * _TURN,
        bottom=arc.inner,
        color=colorsys.hls_to_rgb(arc.hue / 360, lightness, saturation),
        edgecolor="white",
        linewidth=0.8,
    )
    middle = (arc.inner + arc.outer) / 2
    if (arc.end - arc.start) * _TURN * middle < 0.042:  # too narrow for a line of text
        return
    turned = 90 - 360 * arc.middle
    if arc.middle > 0.5:
        turned += 180  # not upside down
    axes.text(
        arc.middle * _TURN,
        middle,
        fitted(arc, letters=16),
        rotation=turned,
        rotation_mode="anchor",
        ha="center",
        va="center",
        fontsize=9,
        color=_INK,
        parse_math=False,
    )


def _near_duplicates(figure_of: Any, analysis: Analysis) -> Any:
    """Draw which source repeats which as a heat map; None if there are no near duplicates.

    Records of the row's source were dropped for an earlier record of the column's source.
    """
    found = analysis.near_duplicates
    if found is None or not found.total:
        return None
    names = [name for name in found.examples if found.dropped.get(name)]
    causes = list(dict.fromkeys(name for row in found.dropped.values() for name in row))
    columns = [name for name in found.examples if name in causes]
    shares = [
        [found.dropped[name].get(cause, 0) / found.examples[name] for cause in columns]
        for name in names
    ]
    figure = figure_of(
        figsize=(3.4 + 0.62 * len(columns), 2.2 + 0.36 * len(names)), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(len(names)), [_short(name) for name in names], parse_math=False)
    axes.set_xticks(
        range(len(columns)),
        [_short(name) for name in columns],
        rotation=40,
        ha="right",
        rotation_mode="anchor",
        parse_math=False,
    )
    for row, values in enumerate(shares):
        for column, share in enumerate(values):
            if share:
                text = f"{100 * share:.1f}" if share >= 0.0005 else "<0.1"
                color = "white" if share > 0.6 else _INK
                axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    _plain(axes, f"Near duplicates (above {found.threshold:g}), % of the source on the left")
    axes.set_xlabel("source of the earlier record", fontsize=8, color=_GREY)
    return figure


_PICTURES: dict[str, Callable[[Any, Analysis], Any]] = {
    "counts": _counts,
    "lengths": _lengths,
    "answers": _answers,
    "verbs": _verbs,
    "near-duplicates": _near_duplicates,
}
FIGURES = tuple(f"{name}.png" for name in _PICTURES)
"""The names of all files that `draw` may write."""
