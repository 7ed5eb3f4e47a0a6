"""NCBI disease corpus: the disease mentions of a sentence, in either layout of entities."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats import iob, pubtator
from bioinstruct.corpora.registry import described
from bioinstruct.files import resolve_gz

__all__ = ["CORPUS"]

FILES = {
    "train": ("conll/train.tsv", "original-data/train/NCBItrainset_corpus.txt"),
    "validation": ("conll/devel.tsv", "original-data/devel/NCBIdevelopset_corpus.txt"),
    "test": ("conll/test.tsv", "original-data/test/NCBItestset_corpus.txt"),
}


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the sentences in file order, without the second copy of PMID 8528200 in train."""
    path, original = (resolve_gz(folder / name) for name in FILES[split])
    # The sentences are in the order of the documents' file names.
    texts = sorted(pubtator.texts(original), key=itemgetter(0))
    sentences = ner.of_documents(
        iob.sentences(path, types=("Disease",)), texts, path=path, original=original
    )
    return ner.instructions(CORPUS, ner.DISEASE, sentences, split=split, layout=layout, seed=seed)


CORPUS = described("ncbi-disease")
