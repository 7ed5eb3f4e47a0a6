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


TRANSITIONAL = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
"""The name spaces of the two forms of Open XML."""


def workbook(path: Path, rows: list[list[str]], *, space: str = TRANSITIONAL) -> Path:
    """An Excel workbook of one sheet with shared texts, as Excel writes it."""
    texts = list(dict.fromkeys(cell for row in rows for cell in row if cell))
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
    sheet = f"<sheetData>{''.join(cells)}</sheetData>"
    return parts(path, sheet, strings, space=space)


def parts(path: Path, sheet: str, strings: str, *, space: str = TRANSITIONAL) -> Path:
    """A workbook of these two parts, in one of the two forms of Open XML."""
    base = "http://purl.oclc.org/ooxml" if space == STRICT else "http://schemas.openxmlformats.org"
    dated = "" if space == STRICT else "/2006"
    office = f"{base}/officeDocument{dated}/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{packed}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{office}"><sheets><sheet name="S" '
        'sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}">{sheet}</worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{space}">{strings}</sst>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
