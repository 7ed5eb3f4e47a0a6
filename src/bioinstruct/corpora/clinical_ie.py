"""Clinical IE on re-annotated CASI notes: the status of medications, and pronoun coreference."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bioinstruct.answer_text import line_forms
from bioinstruct.corpora.answers.labels import parse_one
from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats import table
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.parquet import read_parquet
from bioinstruct.schema import Category, Instruction

__all__ = ["COREFERENCE", "LABELS", "MEDICATIONS", "parse_medications"]

LABELS = ("active", "discontinued", "neither")
SPLITS = ("validation", "test")
NONE = "none"
MEDICATION_WORDINGS = wordings("clinical_ie")["medication-status"]
COREFERENCE_WORDINGS = wordings("clinical_ie")["pronoun-coreference"]


def medications(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each excerpt; its medications are in order of first mention."""
    columns = ("snippet", *(f"{label}_medications" for label in LABELS))
    for number, path, row in _rows(folder / "medication_status", split, columns):
        if isinstance(row, DataError):
            yield row
            continue
        snippet = str(row["snippet"])
        try:
            named = [
                (name, label) for label in LABELS for name in _names(row[f"{label}_medications"])
            ]
        except ValueError as error:
            yield DataError(f"row {number}: {error}", path=path)
            continue
        place = {name: snippet.casefold().find(name.casefold()) for name, _ in named}
        named.sort(key=lambda item: (place[item[0]] < 0, place[item[0]]))
        lines = "\n".join(f"{name} | {label}" for name, label in named)
        yield _instruction(
            MEDICATIONS,
            MEDICATION_WORDINGS,
            (snippet, lines or NONE),
            split=split,
            document=str(number),
            seed=seed,
        )


def coreference(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each excerpt and pronoun, in file order."""
    for number, path, row in _rows(
        folder / "coreference", split, ("snippet", "pronoun", "antecedent")
    ):
        if isinstance(row, DataError):
            yield row
            continue
        snippet, pronoun, antecedent = (
            str(row[name] or "").strip() for name in ("snippet", "pronoun", "antecedent")
        )
        if not (snippet and pronoun and antecedent):
            yield DataError(f"row {number}: expected a snippet, pronoun, antecedent", path=path)
            continue
        yield _instruction(
            COREFERENCE,
            COREFERENCE_WORDINGS,
            (f"{snippet}\n\nPronoun: {pronoun}", antecedent),
            split=split,
            document=str(number),
            seed=seed,
        )


def parse_medications(text: str) -> dict[str, str]:
    """Return the status of each medication that an answer lists, with names in lower case.

    Lines without a status and the word `none` are ignored. If a name occurs twice, the first
    line counts.
    """
    found: dict[str, str] = {}
    for line in text.split("\n"):
        *_, form = line_forms(line) if line.strip() else [""]
        name, bar, status = form.rpartition("|")
        label = parse_one(status, LABELS)
        plain = " ".join(name.strip(" -*\t").casefold().split())
        if bar and plain and label:
            found.setdefault(plain, label)
    return found


def _instruction(
    corpus: Corpus,
    wordings: tuple[str, ...],
    texts: tuple[str, str],
    *,
    split: str,
    document: str,
    seed: int,
) -> Instruction:
    input, output = texts
    return Instruction(
        instruction=choose(wordings, input, seed),
        input=input,
        output=output,
        category=Category.IE,
        task="medication-status" if corpus is MEDICATIONS else "pronoun-coreference",
        provenance=corpus.provenance(split=split, document=document),
    )


def _rows(
    folder: Path, split: str, columns: tuple[str, ...]
) -> Iterator[tuple[int, Path, Mapping[str, Any] | DataError]]:
    """Read the rows of the Hub's Parquet conversion, or of a CSV file with the same columns."""
    parquet = sorted((folder / split).glob("*.parquet"))
    if parquet:
        rows: Iterable[Mapping[str, Any] | DataError] = read_parquet(parquet)
        path = parquet[0]
    else:
        path = resolve_gz(folder / f"{split}.csv")
        rows = (
            row if isinstance(row, DataError) else row.fields
            for row in table.rows(path, columns=columns)
        )
    for number, row in enumerate(rows, start=1):
        if isinstance(row, DataError):
            yield number, path, row
            continue
        if missing := [name for name in columns if name not in row]:
            found = f"missing column {', '.join(missing)}; found {', '.join(row)}"
            raise DataError(found, path=path)
        yield number, path, row


def _names(value: Any) -> list[str]:
    """Return the names of medications from a list, or from the text of a Python list."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value) if value.strip() else []
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            value = None
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError("expected lists of medications, such as ['aspirin', 'heparin']")
    names = [" ".join(name.split()) for name in value]
    if any("|" in name or not name or name.casefold() == NONE for name in names):
        raise ValueError(f"a medication name is empty, is `none` or contains |: {names}")
    return names


MEDICATIONS = described("clinical-ie-medication-status")
COREFERENCE = described("clinical-ie-coreference")
