"""MedQuAD: questions about diseases and drugs, with the answers of twelve NIH sites."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from xml.etree.ElementTree import Element

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.formats.xmltree import elements
from bioinstruct.corpora.hash_split import HELD_OUT, held_out, split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "Pair", "pairs"]

COLLECTIONS = (
    "1_CancerGov_QA",
    "2_GARD_QA",
    "3_GHR_QA",
    "4_MPlus_Health_Topics_QA",
    "5_NIDDK_QA",
    "6_NINDS_QA",
    "7_SeniorHealth_QA",
    "8_NHLBI_QA_XML",
    "9_CDC_QA",
    "10_MPlus_ADAM_QA",
    "11_MPlusDrugs_QA",
    "12_MPlusHerbsSupplements_QA",
)
# The question is the instruction, since it says what to do and filters compare instructions. With
# a wording of ours it becomes the input.
LAYOUTS = ("question", "worded")
WORDINGS = wordings("medquad")["health-question"]
# Five files have other names for the same elements: 4 of NINDS (16 pairs) and 1 of CDC.
_ROOTS = ("Document", "doc", "DiseaseFile")
_PAIRS = {"qapair", "pair"}
_HEADINGS = {"Topics", "Frequently Asked Queestions (FAQs)"}


class Pair(NamedTuple):
    """A question with its answer, which is empty if the authors had to remove it."""

    question: str
    answer: str
    type: str
    """Type of the question: information, treatment, side effects, ..."""
    document: str
    """Collection, file and number within it, since the ids in the files repeat."""
    page: str
    """Collection and file: the page of the site that has this and other questions."""


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield pairs in the order of the collections and files; skip those without an answer."""
    # Parsing the files takes most of the time: where `held_out` reads twice, keep the pairs.
    found = pairs(folder) if split == "test" else list(pairs(folder))
    return held_out(lambda split: _rows(found, split, layout, seed), split)


def _rows(found: Iterable[Pair | DataError], split: str, layout: str, seed: int) -> Iterator[Row]:
    for pair in found:
        if isinstance(pair, DataError):
            yield pair
        elif split_of(pair.document, HELD_OUT) != split:
            continue
        elif not pair.answer:
            yield Skipped("no answer is published")
        elif _is_heading(pair.answer):
            yield Skipped("the answer is nothing but a heading of the page")
        else:
            worded = layout == "worded"
            yield Instruction(
                instruction=choose(WORDINGS, pair.question, seed) if worded else pair.question,
                input=pair.question if worded else "",
                output=pair.answer,
                category=Category.QA,
                task="health-question",
                provenance=CORPUS.provenance(split=split, document=pair.page),
            )


def _is_heading(answer: str) -> bool:
    """Return whether an answer is only a heading of the page, such as `How is it treated?`."""
    is_short = (
        "\n" not in answer and len(answer.split()) < 10
    )  # the longest such heading has 8 words
    return answer in _HEADINGS or (is_short and answer.endswith(("?", ":")))


def pairs(folder: Path) -> Iterator[Pair | DataError]:
    """Yield all pairs of the twelve collections (folders or archives), and errors of bad files.

    Raises:
        MissingError: a collection is missing.
        DataError: an archive is incomplete.
    """
    for collection in COLLECTIONS:
        for member in members(folder / collection, "*.xml"):
            try:
                yield from _of_file(member, collection)
            except DataError as error:
                yield error


def _of_file(member: Member, collection: str) -> Iterator[Pair | DataError]:
    place = f"{collection}/{PurePosixPath(member.name).stem}"
    for element in elements(member.content, member.path, root=_ROOTS, tags=_PAIRS):
        if isinstance(element, DataError):
            yield element
        else:
            yield _pair(element, place, member.path)


def _pair(element: Element, place: str, path: Path) -> Pair | DataError:
    number = element.get("pid")
    parts = {part.tag.lower(): part for part in element}
    question, answer = parts.get("question"), parts.get("answer")
    if number is None or question is None or answer is None:
        return DataError(f"pair {number}: expected pid, Question and Answer", path=path)
    if not (question.text or "").strip():
        return DataError(f"pair {number}: the question is empty", path=path)
    return Pair(
        question=(question.text or "").strip(),
        answer=_unfolded(answer.text or ""),
        type=question.get("qtype", ""),
        document=f"{place}-{number}",
        page=place,
    )


def _unfolded(answer: str) -> str:
    """Return the answer without the page's white space, with list items on separate lines."""
    items = re.sub(r"\s{2,}-\s+", "\n- ", answer)
    lines = (" ".join(line.split()) for line in items.split("\n"))
    return "\n".join(line for line in lines if line)


CORPUS = described("medquad")
