"""ICD-10-CM: what a diagnosis code stands for, and which code a diagnosis has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

SHARES = {"train": 90, "validation": 5, "test": 5}
DESCRIPTION = (
    "What does this ICD-10-CM code stand for?",
    "Give the official long description of the following ICD-10-CM code.",
    "Write out the diagnosis that is coded as below in ICD-10-CM.",
    "A claim carries this ICD-10-CM diagnosis code. Describe the diagnosis.",
    "Translate the ICD-10-CM code into words.",
)
CODE = (
    "Give the ICD-10-CM code of this diagnosis.",
    "Which ICD-10-CM code has the following description? Answer with the code alone.",
    "Code the diagnosis below in ICD-10-CM.",
    "Look up this diagnosis in ICD-10-CM and write its code.",
    "Assign the ICD-10-CM code to the diagnosis as it is worded here.",
)
# Columns 1-5 the order, 7-13 the code, 15 whether it is valid for claims, 17-76 a short
# description, from 78 on the long one.
_LINE = re.compile(r"(\d{5}) ([A-Z0-9]{3,7}) *(?<=^.{13}) ([01]) (.{60}) (\S.*)")


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Codes in the order of the file, both ways; headings that no claim may carry are left out."""
    path = find(folder / "icd10cm_order_2026.txt")
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.rstrip())
        if not found:
            expected = f"expected order, code, 0 or 1, short and long description: {line[:80]!r}"
            yield DataError(expected, path=path, line=number)
        elif split_of(found[2][:3], SHARES) == split:
            yield from _instructions(found, split, seed)


def _instructions(found: re.Match[str], split: str, seed: int) -> Iterator[Row]:
    if found[3] == "0":
        yield Skipped("heading, not valid for claims")
        return
    code = found[2] if len(found[2]) == 3 else f"{found[2][:3]}.{found[2][3:]}"
    for task, wordings, input, output in (
        ("icd-description", DESCRIPTION, code, found[5]),
        ("icd-code", CODE, found[5], code),
    ):
        yield Instruction(
            instruction=choose(wordings, input, seed),
            input=input,
            output=output,
            category=Category.GEN if task == "icd-description" else Category.IE,
            task=task,
            provenance=CORPUS.provenance(split=split, document=code),
        )


CORPUS = Corpus(
    name="icd10cm",
    title="ICD-10-CM code descriptions",
    category=None,
    license="LicenseRef-US-public-domain",
    revision="2026",
    homepage="https://www.cms.gov/medicare/coding-billing/icd-10-codes",
    folder="icd10cm",
    # A code list has no splits: these are ours, by a hash of the three-character category.
    splits=tuple(SHARES),
    citation=(
        "Centers for Medicare and Medicaid Services, National Center for Health Statistics. "
        "ICD-10-CM, fiscal year 2026, code descriptions in tabular order."
    ),
    reader=read,
    checked=False,
)

CORPORA = (CORPUS,)
