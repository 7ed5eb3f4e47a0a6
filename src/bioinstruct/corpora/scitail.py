"""SciTail: does a sentence from the web support a statement of school science?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.corpora.formats.archive import one
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

LABELS = described("scitail").labels
FILES = {
    "train": "tsv_format/scitail_1.0_train.tsv",
    "validation": "tsv_format/scitail_1.0_dev.tsv",
    "test": "tsv_format/scitail_1.0_test.tsv",
}
WORDINGS = wordings("scitail")["science-inference"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the pairs in file order; the files have no header and no quoting."""
    file = one(folder, FILES[split])
    columns = ("premise", "hypothesis", "label")
    for row in tsv.rows_of(file.lenient_text, file.path, columns, header=False):
        if isinstance(row, DataError):
            yield row
            continue
        line, (premise, hypothesis, label) = row
        if label not in LABELS:
            found = f"label: unknown {label!r}; known: {', '.join(LABELS)}"
            yield DataError(found, path=file.path, line=line)
            continue
        input = f"Premise: {premise.strip()}\nHypothesis: {hypothesis.strip()}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=label,
            category=Category.OTHER,
            task="science-inference",
            provenance=CORPUS.provenance(split=split, document=f"line {line}"),
        )


CORPUS = described("scitail")
