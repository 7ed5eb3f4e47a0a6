"""ICD-10-CM: the meaning of a diagnosis code, and the code of a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.plain import numbered
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

SHARES = {"train": 90, "validation": 5, "test": 5}
DESCRIPTION = wordings("icd10cm")["icd-description"]
CODE = wordings("icd10cm")["icd-code"]
# Columns 1-5 the order, 7-13 the code, 15 whether it is valid for claims, 17-76 a short
# description, from 78 on the long one.
_LINE = re.compile(r"(\d{5}) ([A-Z0-9]{3,7}) *(?<=^.{13}) ([01]) (.{60}) (\S.*)")


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the codes in file order, both ways; leave out headings that no claim may carry."""
    path = resolve_gz(folder / "icd10cm_order_2026.txt")
    for entry in numbered(path):
        if isinstance(entry, DataError):
            yield entry
            continue
        number, line = entry
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
    for task, texts, input, output in (
        ("icd-description", DESCRIPTION, code, found[5]),
        ("icd-code", CODE, found[5], code),
    ):
        yield Instruction(
            instruction=choose(texts, input, seed),
            input=input,
            output=output,
            category=Category.GEN if task == "icd-description" else Category.IE,
            task=task,
            provenance=CORPUS.provenance(split=split, document=code),
        )


CORPUS = described("icd10cm")
