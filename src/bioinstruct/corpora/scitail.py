"""SciTail: does a sentence from the web support a statement of school science?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.corpora.formats.archive import one
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

LABELS = ("entails", "neutral")
FILES = {
    "train": "tsv_format/scitail_1.0_train.tsv",
    "validation": "tsv_format/scitail_1.0_dev.tsv",
    "test": "tsv_format/scitail_1.0_test.tsv",
}
WORDINGS = (
    "Does the premise support the hypothesis? Answer entails if it does and neutral if not.",
    "Decide whether the hypothesis follows from the premise. Reply with entails or neutral.",
    "Is the statement in the hypothesis shown to be true by the premise? Answer entails (it is) "
    "or neutral (it is not).",
    "Classify the pair of premise and hypothesis as entails or neutral.",
    "Taking the premise as true, must the hypothesis be true as well? Answer entails if so, else "
    "neutral.",
)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Pairs in file order; the files have no header and do not quote."""
    file = one(folder, FILES[split])
    columns = ("premise", "hypothesis", "label")
    for row in tsv.rows_of(file.text, file.path, columns, header=False):
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


CORPUS = Corpus(
    name="scitail",
    title="SciTail",
    category=Category.OTHER,
    license="Apache-2.0",
    revision="1.1",
    homepage="https://allenai.org/data/scitail",
    folder="scitail",
    splits=tuple(FILES),
    citation=(
        "Khot T, Sabharwal A, Clark P. SciTail: A Textual Entailment Dataset from Science Question "
        "Answering. AAAI 2018."
    ),
    reader=read,
    checked=False,
)

CORPORA = (CORPUS,)
