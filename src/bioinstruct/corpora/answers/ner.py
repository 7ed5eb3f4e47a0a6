"""Turn sentences with named entities into instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from bioinstruct.corpora.answers import entities as layouts
from bioinstruct.corpora.base import Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats.iob import Sentence
from bioinstruct.corpora.wordings import wordings
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

BLOCK = 10
"""Sentences per document where a file names none: about an abstract."""

Item: TypeAlias = Sentence | Skipped | DataError
"""A sentence, or the reason why it is missing."""
Sentences: TypeAlias = Iterable[Item]
"""Sentences in the order of their files."""

ONE_TYPE = wordings("ner_one_type")
SEVERAL_TYPES = wordings("ner_several_types")


@dataclass(frozen=True)
class Entities:
    """A kind of entity, with the words that an instruction uses for it."""

    task: str
    one: str
    many: str
    a: str
    types: tuple[str, ...] = ()
    """Names of the types in the answer; empty if there is a single, unnamed type."""

    @property
    def typed(self) -> bool:
        """Whether the answer names the type of each mention."""
        return bool(self.types)

    @cached_property
    def wordings(self) -> dict[str, tuple[str, ...]]:
        """Return the wordings of each layout."""
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
    """Turn each sentence into a record; pass other items on unchanged.

    Where a file does not name its documents, blocks of ten consecutive sentences replace them:
    `block 1`, `block 2` and so on. Sentences of one document are adjacent in these files.
    """
    wordings = entities.wordings[layout]
    typed = entities.typed
    document, provenance, nameless = "", None, 0
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            yield sentence
            continue
        nameless += not sentence.document
        known = sentence.document or f"block {(nameless - 1) // BLOCK + 1}"
        if provenance is None or known != document:
            document, provenance = known, corpus.provenance(split=split, document=known)
        text = sentence.text
        try:
            output = layouts.to_text(layout, sentence.words, sentence.entities, typed=typed)
        except BioinstructError:
            # For instance the single mention `none`, which `mentions` cannot express.
            yield Skipped(f"cannot be expressed in the layout {layout}")
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
    """Attach document ids to sentences by aligning them with the texts; skip repeated documents.

    The sentences of a document must equal its text, apart from white space, and the documents must
    be in the order of the sentences, so that nothing is missing or out of place. A bad sentence may
    stand for any part of the text; its error is passed on.

    Raises:
        DataError: sentences and texts do not match.
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
    """An iterator that can put back its last item."""

    def __init__(self, items: Sentences) -> None:
        self._items = iter(items)
        self._back: list[Item] = []

    def __next__(self) -> Item:
        return self._back.pop() if self._back else next(self._items)

    def give_back(self, item: Item) -> None:
        self._back.append(item)


def _of_document(name: str, letters: str, rest: _Rest, path: Path) -> Iterator[Item]:
    """Yield the next sentences, which together have the letters of the document."""
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
            if place < 0:  # the bad sentence was the last of this document
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
