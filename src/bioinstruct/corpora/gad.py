"""GAD: does a sentence say that a gene and a disease are associated?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct import parquet
from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

LABELS = ("Positive", "Negative")
COLUMNS = ("index", "sentence", "label")
# The instruction version of Llama2-MedTuned has it the other way round; 2,801 positives are GAD's.
POLARITY = {"1": "Positive", "0": "Negative"}
WORDINGS = (
    "Does the sentence say that the gene @GENE$ is associated with the disease @DISEASE$? Answer "
    "Positive if it does and Negative if not.",
    "Decide whether this sentence reports an association between @GENE$ and @DISEASE$. Answer "
    "Positive or Negative.",
    "Classify the relation of the gene (@GENE$) and the disease (@DISEASE$) in the text: Positive "
    "for an association, Negative for none.",
    "A gene is masked as @GENE$ and a disease as @DISEASE$. Is an association of the two stated? "
    "Reply with Positive or Negative.",
    "Read the sentence and label the gene-disease pair @GENE$ and @DISEASE$ as Positive (they are "
    "associated) or Negative (they are not).",
)


class _Line(NamedTuple):
    number: str
    sentence: str
    label: str
    line: int


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Sentences in file order, of `tsv` or else of the Arrow copy."""
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
        path = find(table)
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


CORPUS = Corpus(
    name="gad",
    title="GAD (BioBERT's first fold)",
    category=Category.IE,
    license="CC-BY-4.0",
    revision="de39be9fbf70",
    homepage="https://github.com/nlpie-research/BioInstTune-LLM",
    folder="gad",
    splits=("train", "test"),
    citation=(
        "Bravo A, Pinero J, Queralt-Rosinach N, Rautschka M, Furlong LI. Extraction of relations "
        "between genes and diseases from text and large-scale data analysis: implications for "
        "translational research. BMC Bioinformatics 2015;16:55. doi:10.1186/s12859-015-0472-9"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
