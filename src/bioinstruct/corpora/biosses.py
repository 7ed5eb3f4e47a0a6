"""BIOSSES: how similar two sentences of the biomedical literature are, from 0 to 4."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.table import rows
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "HIGHEST"]

HIGHEST = 4.0
"""The score of two sentences that mean the same; 0 is that of unrelated ones."""

FILES = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
_SCALE = "from 0.0 (unrelated) to 4.0 (they mean the same)"
WORDINGS = (
    f"How similar in meaning are the two sentences? Give a score {_SCALE}, with one decimal.",
    f"Rate the semantic similarity of this pair of biomedical sentences {_SCALE}.",
    f"Compare the two sentences and say how much they agree in meaning, as a number {_SCALE}.",
    f"Score the pair of sentences for similarity of meaning {_SCALE}. Answer with the number only.",
    f"On a scale {_SCALE}, how close in meaning are sentence 1 and sentence 2?",
)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Pairs in file order, each under its row in the authors' own table, from 0 on."""
    path = find(folder / FILES[split])
    columns = ("old_index", "sentence1", "sentence2", "score")
    for line, row in rows(path, columns=columns, delimiter="\t"):
        score = row["score"]
        if not re.fullmatch(r"[0-3]\.\d|4\.0", score):
            found = f"score: expected 0.0 to 4.0 with one decimal, found {score!r}"
            yield DataError(found, path=path, line=line)
            continue
        first, second = (" ".join(row[name].split()) for name in ("sentence1", "sentence2"))
        input = f"Sentence 1: {first}\nSentence 2: {second}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=score,
            category=Category.OTHER,
            task="sentence-similarity",
            provenance=CORPUS.provenance(split=split, document=row["old_index"]),
        )


CORPUS = Corpus(
    name="biosses",
    title="BIOSSES (BLUE's split)",
    category=Category.OTHER,
    license="GPL-3.0-only",
    revision="c497c4196cd5",
    homepage="https://github.com/ncbi-nlp/BLUE_Benchmark",
    folder="biosses",
    splits=tuple(FILES),
    citation=(
        "Sogancioglu G, Ozturk H, Ozgur A. BIOSSES: a semantic sentence similarity estimation "
        "system for the biomedical domain. Bioinformatics 2017;33(14):i49-i58. "
        "doi:10.1093/bioinformatics/btx238"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
