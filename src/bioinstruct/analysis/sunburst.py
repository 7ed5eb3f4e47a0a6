"""Sunburst chart of verbs and their objects: geometry and SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from bioinstruct.analysis.verbs import Openings

__all__ = ["HUES", "Arc", "arcs", "svg"]

HUES = (212, 28, 145, 350, 265, 48, 185, 320, 95, 10)
"""Hues of the verbs in degrees, used in rotation."""
INNER, MIDDLE, OUTER = 0.30, 0.62, 1.0
"""Radii that bound the ring of verbs and the ring of objects, relative to the chart."""
_SIZE = 720  # width and height of the view box
_LETTER = 7.4  # approximate width of a letter at font size 13
_LEAST = 15.0  # shortest arc, along its middle, that has room for a line of text


@dataclass(frozen=True, slots=True)
class Arc:
    """A segment of a ring; angles are fractions of a turn, clockwise from the top."""

    label: str
    parent: str
    """The verb that an object belongs to; empty for a verb."""
    count: int
    start: float
    end: float
    inner: float
    outer: float
    hue: int

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


def arcs(openings: Openings) -> list[Arc]:
    """Return each verb followed by its objects; a verb is as wide as its objects together."""
    total = openings.shown
    segments: list[Arc] = []
    at = 0.0
    for number, (verb, things) in enumerate(openings.objects.items()):
        hue = HUES[number % len(HUES)]
        width = sum(things.values()) / total
        segments.append(Arc(verb, "", sum(things.values()), at, at + width, INNER, MIDDLE, hue))
        for thing, count in things.items():
            end = at + count / total
            segments.append(Arc(thing, verb, count, at, end, MIDDLE, OUTER, hue))
            at = end
    return segments


def svg(openings: Openings) -> str:
    """Return the sunburst as an SVG element that inherits its colours from the page."""
    half = _SIZE / 2
    title = "Verbs of the instructions (inner ring) and their objects (outer ring)"
    parts = [
        f'<svg class="sunburst" viewBox="0 0 {_SIZE} {_SIZE}" role="img" '
        f'aria-label="{title}; the table next to it has the figures">'
    ]
    for arc in arcs(openings):
        level = "thing" if arc.parent else "verb"
        what = f"{arc.parent} {arc.label}".strip()
        parts.append(
            f'<g class="{level}" style="--hue:{arc.hue}">'
            f"<title>{escape(what)}: {arc.count:,}</title>"
            f'<path d="{_path(arc, half)}"/>{_text(arc, half)}</g>'
        )
    parts.append("</svg>")
    return "".join(parts)


def _point(turn: float, radius: float, half: float) -> str:
    angle = 2 * math.pi * turn
    return f"{half + radius * math.sin(angle):.1f} {half - radius * math.cos(angle):.1f}"


def _path(arc: Arc, half: float) -> str:
    inner, outer = arc.inner * half, arc.outer * half
    # A full circle would start where it ends, and SVG would draw nothing.
    end = min(arc.end, arc.start + 0.9999)
    large = int(end - arc.start > 0.5)
    return (
        f"M{_point(arc.start, outer, half)}"
        f"A{outer:.1f} {outer:.1f} 0 {large} 1 {_point(end, outer, half)}"
        f"L{_point(end, inner, half)}"
        f"A{inner:.1f} {inner:.1f} 0 {large} 0 {_point(arc.start, inner, half)}Z"
    )


def _text(arc: Arc, half: float) -> str:
    """Return the label, written along the radius; empty if the arc is too narrow."""
    middle = (arc.inner + arc.outer) / 2 * half
    if (arc.end - arc.start) * 2 * math.pi * middle < _LEAST:
        return ""
    label = fitted(arc, letters=int((arc.outer - arc.inner) * half / _LETTER))
    turned = 360 * arc.middle - 90
    if 0.5 < arc.middle < 1:
        turned += 180  # not upside down
    x, y = _point(arc.middle, middle, half).split(" ")
    return f'<text x="{x}" y="{y}" transform="rotate({turned:.1f} {x} {y})">{escape(label)}</text>'


def fitted(arc: Arc, *, letters: int) -> str:
    """Return the label, cut to `letters` characters."""
    return arc.label if len(arc.label) <= letters else f"{arc.label[: letters - 1]}…"
