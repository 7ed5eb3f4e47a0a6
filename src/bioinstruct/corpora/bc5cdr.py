"""BC5CDR: the chemicals, the diseases, or both, that a sentence mentions."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob, pubtator
from bioinstruct.corpora.registry import described
from bioinstruct.errors import MissingError
from bioinstruct.files import resolve_gz

__all__ = ["ORIGINAL", "ORIGINALS", "read"]

ORIGINAL = "CDR.Corpus.v010516"
ORIGINALS = {
    "train": "CDR_TrainingSet.PubTator.txt",
    "validation": "CDR_DevelopmentSet.PubTator.txt",
    "test": "CDR_TestSet.PubTator.txt",
}
ENTITIES = {
    "bc5cdr": ner.CHEMICAL_DISEASE,
    "bc5cdr-chemical": ner.CHEMICAL,
    "bc5cdr-disease": ner.DISEASE,
}
FILES = {"train": "train.tsv", "validation": "devel.tsv", "test": "test.tsv"}


def read(
    folder: Path, split: str, *, layout: str, seed: int, name: str, tagged: str
) -> Iterator[Row]:
    """Yield sentences in file order."""
    wanted = ENTITIES[name]
    path = resolve_gz(folder / tagged / FILES[split])
    sentences = iob.sentences(path, types=wanted.types or (wanted.one.capitalize(),))
    return ner.instructions(
        described(name),
        wanted,
        _with_documents(sentences, path, folder / ORIGINAL / ORIGINALS[split]),
        split=split,
        layout=layout,
        seed=seed,
    )


def _with_documents(sentences: ner.Sentences, path: Path, original: Path) -> ner.Sentences:
    """Add PMIDs if the original files are present, since the tagged files have none."""
    try:
        original = resolve_gz(original)
    except MissingError:
        return sentences
    # The sentences are in the order of the documents' file names.
    texts = sorted(pubtator.texts(original), key=itemgetter(0))
    return ner.of_documents(sentences, texts, path=path, original=original)
