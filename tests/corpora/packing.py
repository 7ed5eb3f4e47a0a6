"""Archives made on the spot, in the layout of the official ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path


def tar_gz(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A gzip-compressed tar of these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return path


def workbook(path: Path, rows: list[list[str]]) -> Path:
    """An Excel workbook of one sheet with shared texts, as Excel writes it."""
    texts = list(dict.fromkeys(cell for row in rows for cell in row if cell))
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    cells = (
        f'<row r="{number}">'
        + "".join(
            f'<c r="{"ABCDEFG"[column]}{number}" t="s"><v>{texts.index(cell)}</v></c>'
            for column, cell in enumerate(row)
            if cell
        )
        + "</row>"
        for number, row in enumerate(rows, start=1)
    )
    strings = "".join(f'<si><t xml:space="preserve">{text}</t></si>' for text in texts)
    return parts(
        path,
        f"<worksheet {space}><sheetData>{''.join(cells)}</sheetData></worksheet>",
        f"<sst {space}>{strings}</sst>",
    )


def parts(path: Path, sheet: str, strings: str) -> Path:
    """A workbook of these two parts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", strings)
    return path
