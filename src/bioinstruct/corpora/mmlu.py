"""MMLU, medical subjects: four-option questions, by subject or all of them with no repetition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.base import Corpus, Row, Skipped
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import resolve_gz

__all__ = ["SUBJECTS", "read_all", "read_subject"]

SUBJECTS = (
    # The six of MultiMedQA.
    "anatomy",
    "clinical_knowledge",
    "college_biology",
    "college_medicine",
    "medical_genetics",
    "professional_medicine",
    # With these, the nine of Meditron.
    "high_school_biology",
    "nutrition",
    "virology",
)
SIX = SUBJECTS[:6]
NOT_MEDICAL = {"college_biology", "high_school_biology", "nutrition", "virology"}
"""Subjects whose questions no instruction calls medical."""
# `dev` is the five questions that MMLU shows before a question: the only ones meant to learn from.
SPLITS = {"train": "dev", "validation": "val", "test": "test"}
COLUMNS = ("question", "A", "B", "C", "D", "answer")

_Key = tuple[str, ...]


def read_subject(
    folder: Path, split: str, *, layout: str, seed: int, subject: str
) -> Iterator[Row]:
    """Yield the questions of one subject, without training questions that are also tested."""
    corpus = described(f"mmlu-{subject.replace('_', '-')}")
    tested = _keys(folder, "test") if split != "test" else set()
    yield from _rows(corpus, folder, subject, split, seen=tested, layout=layout, seed=seed)


def read_all(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the six subjects of MultiMedQA; skip questions that an earlier subject has."""
    if not any(_is_there(folder, subject, split) for subject in SIX):
        resolve_gz(_path(folder, SIX[0], split))
    seen = _keys(folder, "test") if split != "test" else set()
    for subject in SIX:
        if _is_there(folder, subject, split):
            yield from _rows(
                described("mmlu-medical"),
                folder,
                subject,
                split,
                seen=seen,
                layout=layout,
                seed=seed,
            )
            seen |= _keys(folder, split, subjects=(subject,))
        else:
            yield Skipped(f"the subject {subject} is not here")


def _rows(
    corpus: Corpus,
    folder: Path,
    subject: str,
    split: str,
    *,
    seen: set[_Key],
    layout: str,
    seed: int,
) -> Iterator[Row]:
    path = resolve_gz(_path(folder, subject, split))
    for number, found in enumerate(rows(path, columns=COLUMNS, header=COLUMNS), start=1):
        if isinstance(found, DataError):
            yield found
            continue
        line, fields = found.line, tuple(found.fields.values())
        question, *options, letter = fields
        fault = _fault(fields)
        if fault:
            yield DataError(fault, path=path, line=line)
        elif _key(fields) in seen:
            yield Skipped("also a question of the test set or of another subject")
        else:
            yield multiple_choice.example(
                question,
                options,
                multiple_choice.LETTERS.index(letter),
                layout=layout,
                seed=seed,
                provenance=corpus.provenance(split=split, document=f"{subject}-{number}"),
                medical=subject not in NOT_MEDICAL,
            )


def _fault(fields: Sequence[str]) -> str:
    for column, field in zip(COLUMNS, fields, strict=True):
        if not field.strip():
            return f"{column}: empty"
    if fields[-1] not in COLUMNS[1:-1]:
        return f"answer: expected A, B, C or D, found {fields[-1]!r:.80}"
    return ""


def _fields(path: Path) -> Iterator[tuple[str, ...]]:
    for row in rows(path, columns=COLUMNS, header=COLUMNS):
        if not isinstance(row, DataError):
            yield tuple(row.fields.values())


def _key(fields: Sequence[str]) -> _Key:
    """Return a key that ignores the order of the options."""
    question, *options = fields[:-1]
    return (question.strip(), *sorted(option.strip() for option in options))


def _keys(folder: Path, split: str, subjects: Sequence[str] = SUBJECTS) -> set[_Key]:
    """Return the keys of a split of these subjects, as far as their files exist."""
    there = (s for s in subjects if _is_there(folder, s, split))
    return {_key(fields) for s in there for fields in _fields(resolve_gz(_path(folder, s, split)))}


def _path(folder: Path, subject: str, split: str) -> Path:
    return folder / SPLITS[split] / f"{subject}_{SPLITS[split]}.csv"


def _is_there(folder: Path, subject: str, split: str) -> bool:
    try:
        resolve_gz(_path(folder, subject, split))
    except MissingError:
        return False
    return True
