"""Tables as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = ["aligned", "html_notes", "html_table"]


def aligned(lines: Sequence[Sequence[str]], *, left: int = 2) -> list[str]:
    """Return the rows with columns of equal width; the first `left` columns are left-aligned."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return text


def html_table(lines: Sequence[Sequence[str]], *, left: int = 2, notes: Sequence[str] = ()) -> str:
    """Return the rows as an HTML table, the first row as its head, and the notes below it."""

    def row(cells: Sequence[str], tag: str) -> str:
        style = ' style="text-align: left"'
        return "".join(
            f"<{tag}{style if i < left else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )

    head, *body = lines
    rows = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in body)
    table = f"<table><thead><tr>{row(head, 'th')}</tr></thead><tbody>{rows}</tbody></table>"
    return table + html_notes(notes)


def html_notes(notes: Sequence[str]) -> str:
    """Return each note that is not empty as an HTML paragraph, which keeps aligned columns."""
    style = "white-space: pre-wrap; font-family: monospace; margin: 0"
    return "".join(f'<p style="{style}">{escape(note)}</p>' for note in notes if note)
