"""GAD: does a sentence say that a gene and a disease are associated?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct import parquet
from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

LABELS = described("gad").labels
COLUMNS = ("index", "sentence", "label")
# The instruction version of Llama2-MedTuned has it the other way round; 2,801 positives are GAD's.
POLARITY = {"1": "Positive", "0": "Negative"}
WORDINGS = wordings("gad")["relation-gene-disease"]


class _Line(NamedTuple):
    number: str
    sentence: str
    label: str
    line: int


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences in file order, of `tsv` or else of the Arrow copy."""
    path, lines = _lines(folder, split)
    for row in lines:
        if isinstance(row, DataError):
            yield row
            continue
        fault = _fault(row)
        if fault:
            yield DataError(fault, path=path, line=row.line)
            continue
        yield Instruction(
            instruction=choose(WORDINGS, row.sentence, seed),
            input=row.sentence,
            output=POLARITY[row.label],
            category=Category.IE,
            task="relation-gene-disease",
            provenance=CORPUS.provenance(split=split, document=row.number),
        )


def _fault(row: _Line) -> str | None:
    if row.label not in POLARITY:
        return f"label: unknown {row.label!r}; known: 0, 1"
    for mask in ("@GENE$", "@DISEASE$"):
        if row.sentence.count(mask) != 1:
            return f"sentence: expected {mask} once, found {row.sentence[:80]!r}"
    return None


def _lines(folder: Path, split: str) -> tuple[Path, Iterable[_Line | DataError]]:
    table = folder / "tsv" / f"{split}.tsv"
    arrow = folder / "arrow" / split / "data-00000-of-00001.arrow"
    try:
        path = resolve_gz(table)
    except MissingError:
        if not arrow.is_file():
            raise
        return arrow, _of_arrow(arrow)
    return path, _of_table(path)


def _of_arrow(path: Path) -> Iterator[_Line]:
    for place, row in enumerate(parquet.read_arrow(path, columns=COLUMNS), start=1):
        number, sentence, label = (str(row[name]) for name in COLUMNS)
        yield _Line(number, sentence, label, place)


def _of_table(path: Path) -> Iterator[_Line | DataError]:
    for row in tsv.rows(path, COLUMNS, header=True):
        if isinstance(row, DataError):
            yield row
        else:
            line, (number, sentence, label) = row
            yield _Line(number, sentence, label, line)


CORPUS = described("gad")
