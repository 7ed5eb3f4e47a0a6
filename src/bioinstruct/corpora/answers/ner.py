"""Named entities as instructions: the wordings, and how a sentence becomes a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from bioinstruct.corpora.answers import entities as layouts
from bioinstruct.corpora.base import Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats.iob import Sentence
from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.schema import Category, Instruction

__all__ = [
    "ANATOMY",
    "CHEMICAL",
    "CHEMICAL_CLASSES",
    "CHEMICAL_DISEASE",
    "CLINICAL_EVENT",
    "DISEASE",
    "GENE",
    "JNLPBA_TYPES",
    "SPECIES",
    "Entities",
    "Item",
    "Sentences",
    "instructions",
    "of_documents",
]

Item: TypeAlias = Sentence | Skipped | DataError
"""A sentence, or what is said of one that cannot be given."""
Sentences: TypeAlias = Iterable[Item]
"""Sentences in the order of their files."""

ONE_TYPE = {
    "mentions": (
        "List the {many} that the sentence mentions, one a line, in order of appearance and "
        "exactly as written. Write none if there is no {one}.",
        "Which {many} are named in this sentence? Give each mention on its own line, copied "
        "exactly and in order, or none.",
        "Extract every {one} mention from the text. Copy each one word for word onto a line of "
        "its own, in the order of the text; answer none if there are none.",
        "Find all mentions of {many} in the sentence below and write them one a line, just as "
        "they appear. If there are none, write none.",
        "Copy out the {one} names of this sentence in the order in which they occur, one to a "
        "line, repeating those that occur again. Without any, the answer is none.",
    ),
    "medtuned": (
        "Tag every word of the sentence for {one} names: B for the first word of {a}, I "
        "for its other words, O for all the rest. Write one line a word, as word : tag.",
        "Find the {one} mentions of this text. Go through it word by word and write word : tag, "
        "where B begins {a}, I continues it and O stands for everything else.",
        "Do {one} named-entity recognition on the sentence. Give each word its own line with "
        "its tag after a colon: B (beginning of {a}), I (inside of it) or O (outside).",
        "Label each word of the input as beginning (B), inside (I) or outside (O) of {a} "
        "name. Answer with a line word : label for every word, in order.",
        "Mark where {many} are mentioned. List all words of the sentence in order, one a line, "
        "each followed by a colon and B at the start of {a}, I within it, O elsewhere.",
    ),
}
SEVERAL_TYPES = {
    "mentions": (
        "List the {many} that the sentence mentions, one a line, in order of appearance. Copy each "
        "exactly and add its type: mention | type, where the type is {types}. Write none if there "
        "are none.",
        "Which {many} are named in this sentence? Answer with a line mention | type for each, in "
        "order; the type is {types}. If nothing is named, answer none.",
        "Extract every mention of {many} with its type. Copy the mention word for word, then write "
        "| and one of {types}, each mention on a line of its own; answer none if there are none.",
        "Find the {many} in the sentence below and classify each as {types}. Write one a line as "
        "mention | type, in the order of the text. If there are none, write none.",
        "Recognise and type the named entities of this sentence ({types}). One line for each "
        "mention in the order in which they occur, mention | type; without any, the answer is "
        "none.",
    ),
    "medtuned": (
        "Tag every word of the sentence for {many}: B-type for the first word of a mention, I-type "
        "for its other words, O for all the rest, where type is {types}. Write one line a word, as "
        "word : tag.",
        "Find the {many} of this text. Go through it word by word and write word : tag, where "
        "B-type begins a mention, I-type continues it and O stands for everything else. The type "
        "is {types}.",
        "Do named-entity recognition on the sentence for {many}. Give each word its own line with "
        "its tag after a colon: B-type (beginning), I-type (inside) or O (outside); types: "
        "{types}.",
        "Label each word of the input as beginning (B-type), inside (I-type) or outside (O) of a "
        "mention of type {types}. Answer with a line word : label for every word, in order.",
        "Mark where {many} are mentioned. List all words of the sentence in order, one a line, "
        "each followed by a colon and B-type at the start of a mention, I-type within it, O "
        "elsewhere; the type is {types}.",
    ),
}


@dataclass(frozen=True)
class Entities:
    """What is looked for, in the words of an instruction."""

    task: str
    one: str
    many: str
    a: str
    types: tuple[str, ...] = ()
    """Names of the types as the answer has them; empty where there is one, which is not said."""

    @property
    def typed(self) -> bool:
        """Whether the answer says the type of each mention."""
        return bool(self.types)

    @cached_property
    def wordings(self) -> dict[str, tuple[str, ...]]:
        """The wordings of each layout."""
        *most, last = self.types or ("",)
        types = f"{', '.join(most)} or {last}"
        templates = SEVERAL_TYPES if self.typed else ONE_TYPE
        return {
            layout: tuple(
                text.format(one=self.one, many=self.many, a=self.a, types=types) for text in texts
            )
            for layout, texts in templates.items()
        }


DISEASE = Entities("ner-disease", "disease", "diseases", "a disease")
CHEMICAL = Entities("ner-chemical", "chemical", "chemicals and drugs", "a chemical")
CHEMICAL_DISEASE = Entities(
    "ner-chemical-disease", "", "chemicals and diseases", "", ("Chemical", "Disease")
)
CHEMICAL_CLASSES = Entities(
    "ner-chemical-class",
    "",
    "chemical names",
    "",
    (
        "ABBREVIATION",
        "FAMILY",
        "FORMULA",
        "IDENTIFIER",
        "MULTIPLE",
        "SYSTEMATIC",
        "TRIVIAL",
        "NO_CLASS",
    ),
)
GENE = Entities("ner-gene", "gene or protein", "genes and proteins", "a gene or protein")
JNLPBA_TYPES = Entities(
    "ner-molecular-biology",
    "",
    "proteins, DNA, RNA, cell types and cell lines",
    "",
    ("protein", "DNA", "RNA", "cell_type", "cell_line"),
)
ANATOMY = Entities(
    "ner-anatomy", "anatomical entity", "anatomical entities", "an anatomical entity"
)
SPECIES = Entities("ner-species", "species", "species", "a species")
CLINICAL_EVENT = Entities(
    "ner-clinical-event",
    "",
    "clinically relevant events",
    "",
    ("PROBLEM", "TEST", "TREATMENT", "OCCURRENCE", "EVIDENTIAL", "CLINICAL_DEPT"),
)


def instructions(
    corpus: Corpus,
    entities: Entities,
    sentences: Sentences,
    *,
    split: str,
    layout: str,
    seed: int,
) -> Iterator[Row]:
    """A record for each sentence; what is no sentence goes through as it is.

    A sentence whose document has no name is known by the line of the file on which it begins.
    """
    wordings = entities.wordings[layout]
    typed = entities.typed
    document, provenance = "", None
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            yield sentence
            continue
        known = sentence.document or f"line {sentence.line}"
        if provenance is None or known != document:
            document, provenance = known, corpus.provenance(split=split, document=known)
        text = sentence.text
        try:
            output = layouts.to_text(layout, sentence.words, sentence.entities, typed=typed)
        except BioinstructError:
            # Such as the word `none`, alone, as a mention; there is no way to say it in `mentions`.
            yield Skipped(f"cannot be said in the layout {layout}")
            continue
        yield Instruction(
            instruction=choose(wordings, text, seed),
            input=text,
            output=output,
            category=Category.IE,
            task=entities.task,
            provenance=provenance,
        )


def of_documents(
    sentences: Sentences, texts: Iterable[tuple[str, str]], *, path: Path, original: Path
) -> Iterator[Item]:
    """The sentences with the names of their documents, each document once.

    The sentences of a document must make up its text, white space aside, and the documents must be
    in the order of the sentences: so nothing can be missing or in the wrong place. A sentence that
    is at fault may stand for any part of the text; its fault goes through.

    Raises:
        DataError: they do not.
    """
    rest = _Rest(sentences)
    done = set()
    for name, text in texts:
        for item in _of_document(name, "".join(text.split()), rest, path):
            again = name in done and isinstance(item, Sentence)
            yield Skipped("second copy of a document") if again else item
        done.add(name)
    for item in rest:
        if not isinstance(item, Sentence):
            yield item
            continue
        raise DataError(f"expected no more than {original}", path=path, line=item.line)


class _Rest(Iterator[Item]):
    """Items, of which the last one taken can be given back."""

    def __init__(self, items: Sentences) -> None:
        self._items = iter(items)
        self._back: list[Item] = []

    def __next__(self) -> Item:
        return self._back.pop() if self._back else next(self._items)

    def give_back(self, item: Item) -> None:
        self._back.append(item)


def _of_document(name: str, letters: str, rest: _Rest, path: Path) -> Iterator[Item]:
    """The next sentences, which make up the letters of the document."""
    place = 0
    gap = False
    for item in rest:
        if not isinstance(item, Sentence):
            yield item
            gap = True
            continue
        here = "".join(item.words)
        if gap:
            place = letters.find(here, place)
            if place < 0:  # the fault was the end of this document
                rest.give_back(item)
                return
            gap = False
        if not letters.startswith(here, place):
            found = f"expected a sentence of PMID {name}, found {item.text[:80]!r}"
            raise DataError(found, path=path, line=item.line)
        yield Sentence(item.words, item.entities, item.line, name)
        place += len(here)
        if place == len(letters):
            return
    if not gap:
        raise DataError(f"expected more sentences, of PMID {name}", path=path)
