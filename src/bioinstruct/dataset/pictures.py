"""Pictures of a dataset card as SVG: records by category and by source, and lengths of texts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape

from bioinstruct.dataset.statistics import Quantiles, Statistics

__all__ = ["PICTURES", "pictures"]

PICTURES = ("categories.svg", "sources.svg", "lengths.svg")
"""The names of the files that `pictures` returns."""
_WIDTH, _LEFT, _RIGHT, _ROW = 720, 200, 90, 24
_BAR = _WIDTH - _LEFT - _RIGHT
_ROWS = 12  # bars of a picture; the others are counted together
_NAME = 28  # characters of a name


def pictures(statistics: Statistics) -> dict[str, str]:
    """Return the SVG of each picture by its file name; equal statistics give equal texts."""
    drawn = (
        _bars("Records by category", statistics.categories),
        _bars("Records by source", statistics.origins),
        _ranges("Length in words: 10 to 90 % of the texts, and the median", statistics.words),
    )
    return dict(zip(PICTURES, drawn, strict=True))


def _bars(title: str, counts: Mapping[str, int]) -> str:
    shown = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if rest := shown[_ROWS:]:
        shown = [*shown[:_ROWS], (f"{len(rest):,} more", sum(count for _, count in rest))]
    most = max((count for _, count in shown), default=1)
    rows = []
    for place, (name, count) in enumerate(shown):
        length = max(1.0, _BAR * count / most)
        rows.append(_name(place, name))
        rows.append(_rect(place, _LEFT, length))
        rows.append(_text(_LEFT + length + 6, place, f"{count:,}"))
    return _picture(title, rows, len(shown))


def _ranges(title: str, lengths: Mapping[str, Quantiles]) -> str:
    most = math.log1p(max((found.p90 for found in lengths.values()), default=1) or 1)
    rows = []
    for place, (field, found) in enumerate(lengths.items()):
        low, middle, high = (
            _LEFT + _BAR * math.log1p(value) / most
            for value in (found.p10, found.median, found.p90)
        )
        rows.append(_name(place, field))
        rows.append(_rect(place, low, max(1.0, high - low)))
        top = _top(place)
        rows.append(
            f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{top - 2}" y2="{top + 18}" '
            'stroke="#b03a2e" stroke-width="3"/>'
        )
        label = f"{found.p10:,} · {found.median:,} · {found.p90:,}"
        rows.append(_text(high + 6, place, label))
    return _picture(title, rows, len(lengths))


def _top(place: int) -> int:
    return 40 + place * _ROW


def _name(place: int, name: str) -> str:
    short = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    return _text(_LEFT - 8, place, short, anchor="end")


def _rect(place: int, left: float, length: float) -> str:
    return (
        f'<rect x="{left:.1f}" y="{_top(place)}" width="{length:.1f}" height="16" fill="#2f6fb0"/>'
    )


def _text(left: float, place: int, text: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{left:.1f}" y="{_top(place) + 13}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _picture(title: str, rows: list[str], count: int) -> str:
    height = _top(count) + 8
    return "\n".join(_lines(title, rows, height)) + "\n"


def _lines(title: str, rows: list[str], height: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13" '
        'fill="#222222">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="12" y="24" font-weight="bold">{escape(title)}</text>'
    yield from rows
    yield "</svg>"
