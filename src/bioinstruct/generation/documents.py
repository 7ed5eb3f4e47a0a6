"""The documents that generated tasks are about: notes in a file, or the texts of a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioinstruct import corpora, jsonl, parquet
from bioinstruct.corpora import Access
from bioinstruct.dataset.publish import obstacle
from bioinstruct.dataset.rows import Row, file_rows, numbered, peeked
from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.rejection import Rejection
from bioinstruct.schema import shown

__all__ = ["Document", "read_documents"]

_COLUMNS = ("text", "document", "note", "input", "abstract", "content", "body")
_IDS = ("id", "document_id", "note_id", "pmid")


@dataclass(frozen=True, slots=True)
class Document:
    """A text that tasks are written about."""

    id: str
    """Name of its source and its id there, such as `notes/17`; part of a record's provenance."""
    text: str


def read_documents(
    source: str,
    *,
    split: str = "train",
    column: str = "",
    rejected: list[Rejection] | None = None,
) -> list[Document]:
    """Read the documents of a file of JSON Lines, JSON, CSV, TSV or Parquet, or of a corpus.

    Documents without text are left out, and so are repeated ones.

    Args:
        source: a file, or the name of an open corpus, whose inputs are the documents.
        split: of a corpus.
        column: the column of the texts; by default the first of `text`, `document`, `note`,
            `input`, `abstract`, `content` and `body` that the file has.
        rejected: rows that hold no document; without it the first of them is an error.

    Raises:
        MissingError: there is no such file or corpus.
        BioinstructError: the corpus or a record may not be passed on, there is no such column, or
            no document.
    """
    if not Path(source).is_file() and source in corpora.names():
        found = _of_corpus(source, split)
    else:
        found = _of_file(Path(source), column, rejected)
    by_text = {one.text: one for one in found}
    if not by_text:
        raise BioinstructError(f"{source} has no document", hint="name a file with texts")
    return list(by_text.values())


def _of_corpus(name: str, split: str) -> Iterator[Document]:
    if corpora.get_corpus(name).access is not Access.OPEN:
        raise BioinstructError(
            f"{name} may not be passed on, and a teacher would get its texts",
            hint="name an open corpus",
        )
    for example in corpora.read(name, split, rejected=[]):
        if example.input.strip():
            yield Document(f"{name}/{example.provenance.document or example.id}", example.input)


def _of_file(path: Path, column: str, rejected: list[Rejection] | None) -> Iterator[Document]:
    if not path.is_file():
        raise MissingError(f"no file or corpus {str(path)!r}", hint="name documents with --from")
    name = path.name.split(".")[0]
    for row in _rows(path):
        try:
            if (document := _document(row, name, column, path)) is not None:
                yield document
        except DataError as error:
            if rejected is None:
                raise
            place = {"path": str(path), "line": row.line}
            rejected.append(Rejection(reason=error.reason, text=shown(row.value), place=place))


def _rows(path: Path) -> Iterator[Row]:
    with jsonl.open_bytes(path) as raw:
        head, file = peeked(raw)
        if head.startswith(b"PAR1"):
            yield from numbered(parquet.read_parquet([path]))
        else:
            yield from file_rows(file, head, str(path))


def _document(row: Row, name: str, column: str, path: Path) -> Document | None:
    """Return the document of a row; None if its text is empty.

    Raises:
        DataError: the row has no such column, or it may not be passed on.
    """
    value = row.value
    if isinstance(value, DataError):
        raise value
    if not isinstance(value, Mapping):
        raise DataError(f"no object with fields: {shown(value)}", path=path, line=row.line)
    chosen = column or next((c for c in _COLUMNS if isinstance(value.get(c), str)), "")
    text = value.get(chosen)
    if not isinstance(text, str):
        raise DataError(
            f"no text in {chosen or 'any of ' + ', '.join(_COLUMNS)}; the row has "
            f"{', '.join(map(str, value))[:80]}",
            path=path,
            line=row.line,
            hint="name the column of the texts with --from-column",
        )
    if why := _closed(value):
        raise DataError(f"it may not be passed on: {why}", path=path, line=row.line)
    id = next((str(value[key]) for key in _IDS if value.get(key) is not None), str(row.line))
    return Document(f"{name}/{id}", text) if text.strip() else None


def _closed(row: Mapping[str, Any]) -> str:
    made = row.get("provenance")
    if not isinstance(made, Mapping):
        return ""
    return obstacle(str(made.get("origin") or ""), str(made.get("license") or ""))
