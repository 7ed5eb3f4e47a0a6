"""MedQA (USMLE): examination questions with four or five options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints, model_validator

from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.base import Corpus, Row
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError, MissingError
from bioinstruct.files import resolve_gz

__all__ = ["read_five", "read_four"]

SPLITS = {"train": "train", "validation": "dev", "test": "test"}
Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class Question(BaseModel):
    """Fields used from a record, under their names in the file."""

    question: Filled
    options: dict[str, Filled]
    answer_idx: str
    answer: str

    @model_validator(mode="after")
    def _answer_is_an_option(self) -> Question:
        names = tuple(self.options)
        if names != multiple_choice.letters(names) or len(names) < 2:
            raise ValueError(f"expected options A, B, ..., found {', '.join(names)}")
        if self.options.get(self.answer_idx) != self.answer:
            raise ValueError(f"option {self.answer_idx!r} is not the answer {self.answer!r:.80}")
        return self


class Converted(BaseModel):
    """A record of the development set as re-written in the MedAgents repository."""

    question: Filled
    options: list[Filled]
    answer: str

    @model_validator(mode="after")
    def _answer_is_an_option(self) -> Converted:
        marks = [option[:3] for option in self.options]
        if marks != [f"{letter}. " for letter in multiple_choice.letters(marks)] or len(marks) < 2:
            raise ValueError(f"expected options that begin with A., B., ..., found {marks}")
        if [option[3:] for option in self.options].count(self.answer) != 1:
            raise ValueError(f"expected one option with the answer {self.answer!r:.80}")
        return self


def read_four(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in file order, without the fifth option."""
    path = folder / "US/4_options" / f"phrases_no_exclude_{SPLITS[split]}.jsonl"
    return _read(FOUR, path, split, layout, seed)


def read_five(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in file order; the development set may be the rewritten version."""
    path = folder / "US" / f"{SPLITS[split]}.jsonl"
    if split == "validation":
        try:
            resolve_gz(path)
        except MissingError:
            converted = folder / "converted_dev/medqa_full_dev.json"
            if not any(converted.parent.glob(f"{converted.name}*")):
                raise
            return _read(FIVE, converted, split, layout, seed)
    return _read(FIVE, path, split, layout, seed)


def _read(corpus: Corpus, path: Path, split: str, layout: str, seed: int) -> Iterator[Row]:
    model: type[Question | Converted] = Converted if path.suffix == ".json" else Question
    for number, _, record in records(path, model):
        if isinstance(record, DataError):
            yield record
            continue
        options, answer = _options(record)
        yield multiple_choice.example(
            record.question,
            options,
            answer,
            layout=layout,
            seed=seed,
            provenance=corpus.provenance(split=split, document=f"{SPLITS[split]}-{number}"),
        )


def _options(record: Question | Converted) -> tuple[list[str], int]:
    if isinstance(record, Question):
        return list(record.options.values()), multiple_choice.LETTERS.index(record.answer_idx)
    options = [option[3:] for option in record.options]
    return options, options.index(record.answer)


FOUR = described("medqa")

FIVE = described("medqa-5")
