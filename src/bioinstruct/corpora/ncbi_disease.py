"""NCBI disease corpus: the disease mentions of a sentence, in either layout of entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bioinstruct.corpora import layouts
from bioinstruct.corpora.corpus import Corpus, choose
from bioinstruct.corpora.formats import iob, pubtator
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

FILES = {
    "train": ("conll/train.tsv", "original-data/train/NCBItrainset_corpus.txt"),
    "validation": ("conll/devel.tsv", "original-data/devel/NCBIdevelopset_corpus.txt"),
    "test": ("conll/test.tsv", "original-data/test/NCBItestset_corpus.txt"),
}
WORDINGS = {
    "mentions": (
        "List the diseases that the sentence mentions, one a line, in order of appearance and "
        "exactly as written. Write none if there is no disease.",
        "Which diseases are named in this sentence? Give each mention on its own line, copied "
        "exactly and in order, or none.",
        "Extract every disease mention from the text. Copy each one word for word onto a line of "
        "its own, in the order of the text; answer none if there are none.",
        "Find all mentions of diseases in the sentence below and write them one a line, just as "
        "they appear. If there are none, write none.",
        "Copy out the disease names of this sentence in the order in which they occur, one to a "
        "line, repeating those that occur again. Without any, the answer is none.",
    ),
    "medtuned": (
        "Tag every word of the sentence for disease names: B for the first word of a disease, I "
        "for its other words, O for all the rest. Write one line a word, as word : tag.",
        "Find the disease mentions of this text. Go through it word by word and write word : tag, "
        "where B begins a disease, I continues it and O stands for everything else.",
        "Do disease named-entity recognition on the sentence. Give each word its own line with "
        "its tag after a colon: B (beginning of a disease), I (inside of it) or O (outside).",
        "Label each word of the input as beginning (B), inside (I) or outside (O) of a disease "
        "name. Answer with a line word : label for every word, in order.",
        "Mark where diseases are mentioned. List all words of the sentence in order, one a line, "
        "each followed by a colon and B at the start of a disease, I within it, O elsewhere.",
    ),
}


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Instruction]:
    """Sentences in file order, without the second copy of PMID 8528200 in the training files."""
    for pmid, sentence in _sentences(folder, split):
        yield Instruction(
            instruction=choose(WORDINGS[layout], sentence.text, seed),
            input=sentence.text,
            output=layouts.to_text(layout, sentence.words, sentence.entities),
            category=Category.IE,
            task="ner-disease",
            provenance=CORPUS.provenance(split=split, document=pmid),
        )


def _sentences(folder: Path, split: str) -> Iterator[tuple[str, iob.Sentence]]:
    """Every sentence with its PMID, each document once."""
    path, original = (find(folder / name) for name in FILES[split])
    sentences = iob.sentences(path, types=("Disease",))
    # The sentences are in the order of the documents' file names.
    documents = sorted(pubtator.documents(original), key=lambda document: document.pmid)
    done = set()
    for document in documents:
        for sentence in _of_document(document, sentences, path):
            if document.pmid not in done:
                yield document.pmid, sentence
        done.add(document.pmid)
    for sentence in sentences:
        raise DataError(f"expected no more than {original}", path=path, line=sentence.line)


def _of_document(
    document: pubtator.Document, sentences: Iterable[iob.Sentence], path: Path
) -> Iterator[iob.Sentence]:
    """The next sentences, which make up the text of the document but for white space."""
    rest = "".join(document.text.split())
    for sentence in sentences:
        letters = "".join(sentence.words)
        if not rest.startswith(letters):
            found = f"expected a sentence of PMID {document.pmid}, found {sentence.text[:80]!r}"
            raise DataError(found, path=path, line=sentence.line)
        yield sentence
        rest = rest.removeprefix(letters)
        if not rest:
            return
    raise DataError(f"expected more sentences, of PMID {document.pmid}", path=path)


CORPUS = Corpus(
    name="ncbi-disease",
    title="NCBI disease corpus",
    category=Category.IE,
    license="NCBI-PD",
    revision="5a266c6fc76f",
    homepage="https://github.com/spyysalo/ncbi-disease",
    folder="ncbi_disease",
    splits=tuple(FILES),
    layouts=layouts.LAYOUTS,
    citation=(
        "Dogan RI, Leaman R, Lu Z. NCBI disease corpus: a resource for disease name recognition "
        "and concept normalization. J Biomed Inform 2014;47:1-10. doi:10.1016/j.jbi.2013.12.006"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
