"""BC5CDR: the chemicals, the diseases, or both, that a sentence mentions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path

from bioinstruct.corpora.answers import entities, ner
from bioinstruct.corpora.base import Corpus, Reader, Row
from bioinstruct.corpora.formats import iob, pubtator
from bioinstruct.errors import MissingError
from bioinstruct.files import find
from bioinstruct.schema import Category

__all__ = ["CITATION", "CORPORA", "ORIGINAL", "ORIGINALS"]

ORIGINAL = "CDR.Corpus.v010516"
ORIGINALS = {
    "train": "CDR_TrainingSet.PubTator.txt",
    "validation": "CDR_DevelopmentSet.PubTator.txt",
    "test": "CDR_TestSet.PubTator.txt",
}
FILES = {"train": "train.tsv", "validation": "devel.tsv", "test": "test.tsv"}
CITATION = (
    "Li J, Sun Y, Johnson RJ, et al. BioCreative V CDR task corpus: a resource for chemical "
    "disease relation extraction. Database 2016;2016:baw068. doi:10.1093/database/baw068"
)


def _read(
    folder: Path, split: str, *, layout: str, seed: int, name: str, tagged: str
) -> Iterator[Row]:
    """Sentences in file order."""
    corpus, wanted = _ALL[name]
    path = find(folder / tagged / FILES[split])
    sentences = iob.sentences(path, types=wanted.types or (wanted.one.capitalize(),))
    return ner.instructions(
        corpus,
        wanted,
        _with_documents(sentences, path, folder / ORIGINAL / ORIGINALS[split]),
        split=split,
        layout=layout,
        seed=seed,
    )


def _with_documents(sentences: ner.Sentences, path: Path, original: Path) -> ner.Sentences:
    """With PMIDs where the original files are there too: the tagged ones have none."""
    try:
        original = find(original)
    except MissingError:
        return sentences
    # The sentences are in the order of the documents' file names.
    texts = sorted(pubtator.texts(original), key=itemgetter(0))
    return ner.of_documents(sentences, texts, path=path, original=original)


def _corpus(name: str, title: str, tagged: str) -> Corpus:
    reader: Reader = partial(_read, name=name, tagged=tagged)
    return Corpus(
        name=name,
        title=title,
        category=Category.IE,
        license="NCBI-PD",
        revision="df0df02fae6d",
        homepage="https://github.com/cambridgeltl/MTL-Bioinformatics-2016",
        folder="bc5cdr",
        splits=tuple(FILES),
        layouts=entities.LAYOUTS,
        citation=CITATION,
        reader=reader,
    )


_ALL = {
    corpus.name: (corpus, wanted)
    for corpus, wanted in (
        (
            _corpus("bc5cdr", "BC5CDR, chemicals and diseases", "BC5CDR-IOB"),
            ner.CHEMICAL_DISEASE,
        ),
        (_corpus("bc5cdr-chemical", "BC5CDR, chemicals", "BC5CDR-chem-IOB"), ner.CHEMICAL),
        (_corpus("bc5cdr-disease", "BC5CDR, diseases", "BC5CDR-disease-IOB"), ner.DISEASE),
    )
}

CORPORA = tuple(corpus for corpus, _ in _ALL.values())
