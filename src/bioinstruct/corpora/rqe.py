"""RQE: does the answer to a frequent question answer a patient's or doctor's question as well?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats import xmltree
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import read_bytes, resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

ANSWERS = {"true": "yes", "false": "no"}
LABELS = described("rqe").labels
FILES = {
    "train": ("RQE_Train_8588_AMIA2016.xml", "RQE-med-train"),
    "test": ("RQE_Test_302_pairs_AMIA2016.xml", "RQE-med-test"),
}
WORDINGS = wordings("rqe")["question-entailment"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Read pairs of questions in file order.

    The document is question A, which up to several pairs share, named by its first pair.
    """
    name, root = FILES[split]
    path = resolve_gz(folder / name)
    pairs = [*xmltree.elements(read_bytes(path), path, root=root, tags={"pair"})]
    if not pairs:
        raise DataError("expected pairs, found none", path=path)
    firsts: dict[str, str] = {}
    for number, pair in enumerate(pairs, start=1):
        if isinstance(pair, DataError):
            yield pair
            continue
        try:
            yield _instruction(pair, split, seed, firsts)
        except ValueError as error:
            yield DataError(f"pair {number}: {error}", path=path)


def _instruction(pair: Element, split: str, seed: int, firsts: dict[str, str]) -> Row:
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
        provenance=CORPUS.provenance(split=split, document=firsts.setdefault(asked, pid)),
    )


def _text(pair: Element, tag: str) -> str:
    found = pair.find(tag)
    if found is None:
        raise ValueError(f"expected <{tag}> in <{pair.tag} {pair.get('pid')}>")
    return " ".join((found.text or "").split())


CORPUS = described("rqe")
