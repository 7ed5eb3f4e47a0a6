"""RQE: does the answer to a frequent question answer a patient's or doctor's question as well?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora.base import Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats import xmltree
from bioinstruct.errors import DataError
from bioinstruct.files import find, read_bytes
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

ANSWERS = {"true": "yes", "false": "no"}
LABELS = tuple(ANSWERS.values())
FILES = {
    "train": ("RQE_Train_8588_AMIA2016.xml", "RQE-med-train"),
    "test": ("RQE_Test_302_pairs_AMIA2016.xml", "RQE-med-test"),
}
WORDINGS = (
    "Does question A entail question B: is every answer to B also an answer to A, in full or in "
    "part? Answer yes or no.",
    "Decide whether answering question B would answer question A, at least partly. Reply with yes "
    "or no.",
    "Question A was asked, question B has been answered before. Would that answer serve for A too? "
    "Answer yes or no.",
    "Recognise question entailment: say yes if an answer to question B also answers question A, "
    "completely or in part, and no otherwise.",
    "Could the person who asks question A be helped with the answer to question B? Answer yes if "
    "B's answer is an answer to A, else no.",
)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Pairs of questions in file order."""
    name, root = FILES[split]
    path = find(folder / name)
    pairs = xmltree.parse(read_bytes(path), path, root=root)
    if not len(pairs):
        raise DataError("expected pairs, found none", path=path)
    for number, pair in enumerate(pairs, start=1):
        try:
            yield _instruction(pair, split, seed)
        except ValueError as error:
            yield DataError(f"pair {number}: {error}", path=path)


def _instruction(pair: Element, split: str, seed: int) -> Row:
    pid, value = xmltree.attributes(pair, "pid", "value")
    if value not in ANSWERS:
        raise ValueError(f"{pid}: unknown value {value!r}; known: {', '.join(ANSWERS)}")
    asked, frequent = (_text(pair, tag) for tag in ("chq", "faq"))
    if not asked or not frequent:
        return Skipped("a question that is empty")
    input = f"Question A: {asked}\n\nQuestion B: {frequent}"
    return Instruction(
        instruction=choose(WORDINGS, input, seed),
        input=input,
        output=ANSWERS[value],
        category=Category.OTHER,
        task="question-entailment",
        provenance=CORPUS.provenance(split=split, document=pid),
    )


def _text(pair: Element, tag: str) -> str:
    found = pair.find(tag)
    if found is None:
        raise ValueError(f"expected <{tag}> in <{pair.tag} {pair.get('pid')}>")
    return " ".join((found.text or "").split())


CORPUS = Corpus(
    name="rqe",
    title="RQE (recognising question entailment)",
    category=Category.OTHER,
    license="CC-BY-4.0",
    revision="9302fb9a55a4",
    homepage="https://github.com/abachaa/RQE_Data_AMIA2016",
    folder="rqe",
    splits=tuple(FILES),
    citation=(
        "Ben Abacha A, Demner-Fushman D. Recognizing Question Entailment for Medical Question "
        "Answering. AMIA Annual Symposium Proceedings 2016, 310-318."
    ),
    reader=read,
)

CORPORA = (CORPUS,)
