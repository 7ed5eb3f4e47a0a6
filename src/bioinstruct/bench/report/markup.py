"""Pieces of HTML from texts that may hold anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from bioinstruct.text import visible

__all__ = ["card", "safe", "table"]


def safe(text: object) -> str:
    """Return a text for HTML: escaped, control characters and marks of direction visible.

    An at sign is escaped too, since the template has its placeholders between two.
    """
    plain = str(text).encode("utf-8", "replace").decode("utf-8")
    return escape(visible(plain)).replace("@", "&#64;")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, note: str = ""
) -> str:
    """Return a table of cells that are HTML already; it scrolls by itself where it is wide.

    Args:
        head: the names of the columns.
        rows: cells; the first of each row is its heading.
        left: how many columns are text; the others are numbers.
        note: HTML below the table.
    """

    def kind(place: int) -> str:
        return "" if place < left else ' class="n"'

    top = "".join(f'<th scope="col"{kind(at)}>{cell}</th>' for at, cell in enumerate(head))
    body = []
    for first, *cells in rows:
        parts = "".join(f"<td{kind(at)}>{cell}</td>" for at, cell in enumerate(cells, start=1))
        body.append(f'<tr><th scope="row">{first}</th>{parts}</tr>')
    below = f'<p class="note">{note}</p>' if note else ""
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="table"><table><thead><tr>'
        f"{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>{below}"
    )


def card(title: str, body: str, *, name: str = "") -> str:
    """Return a section with a heading, nothing if it is empty."""
    if not body:
        return ""
    anchor = f' id="{name}"' if name else ""
    return f'<section class="card"{anchor}><h2>{title}</h2>{body}</section>'
