"""The record: one instruction, where it came from, and its columns in Arrow."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from json.encoder import encode_basestring as _quoted
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

__all__ = ["Category", "Instruction", "Provenance", "Teacher", "content_id"]

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
License = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+()-]+( [A-Za-z0-9.+()-]+)*$")]


class Category(StrEnum):
    """The four kinds of work that the BioInstruct paper labels its instructions with."""

    QA = "QA"
    """Question answering."""
    IE = "IE"
    """Information extraction."""
    GEN = "GEN"
    """Text generation."""
    OTHER = "OTHER"
    """None of the three: 10 % of the published set."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,  # JSON has neither
        str_min_length=0,  # any constraint makes pydantic refuse lone surrogates, which UTF-8 lacks
    )


class Teacher(_Frozen):
    """The model that wrote a generated instruction, and how it was asked."""

    model: Text
    """Model name at the endpoint, with its date where it has one."""
    prompt: Text
    """Name and version of the prompt template."""
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    examples: tuple[str, ...] = ()
    """Ids of the records that the prompt showed."""
    attributes: tuple[str, ...] = ()
    """What the prompt asked for to get varied answers, such as `specialty=nephrology`."""


class Provenance(_Frozen):
    """Where an instruction came from, in enough detail to reproduce or remove it."""

    kind: Literal["seed", "generated", "compiled"]
    """Written by hand, written by a model, or made from an annotated corpus by rules."""
    origin: Text
    """The corpus or collection that the text is from."""
    license: License
    """SPDX expression of the licence that the text may be published under."""
    revision: str | None = None
    """The pinned version of the origin: a commit, a release, a date."""
    split: str | None = None
    """The split of the origin: train, validation or test, as its authors define them."""
    document: str | None = None
    """Identifier inside the origin, such as a PMID."""
    teacher: Annotated[Teacher | None, Field(validate_default=True)] = None
    """Set if and only if the kind is `generated`."""

    @field_validator("teacher")
    @classmethod
    def _teacher_of_generated(cls, teacher: Teacher | None, info: ValidationInfo) -> Teacher | None:
        kind = info.data.get("kind")  # None when it was refused: that is the error to show
        if kind == "generated" and teacher is None:
            raise ValueError("a generated instruction needs its teacher")
        if kind in {"seed", "compiled"} and teacher is not None:
            raise ValueError("only a generated instruction has a teacher")
        return teacher


def content_id(instruction: str, input: str, output: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the three texts.

    Category, task and provenance are not part of it: labelling a record does not make it another.
    """
    # What `json.dumps` of the list gives without ASCII escapes, in a third of its time.
    content = f"[{_quoted(instruction)}, {_quoted(input)}, {_quoted(output)}]"
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]


class Instruction(_Frozen):
    """A seed, a generated, compiled, training or benchmark example: always this one record."""

    instruction: Text
    """What to do."""
    input: str = ""
    """What to do it to; empty when the instruction says it all."""
    output: Text
    """The right answer: what training teaches, and the gold of a benchmark."""
    category: Category
    task: Text
    """The kind of work, in kebab-case, such as `ner-disease`."""
    provenance: Provenance
    id: Annotated[str, Field(validate_default=True)] = ""
    """`content_id` of the three texts; may be left out, must match when it is given."""

    @field_validator("id")
    @classmethod
    def _id_is_of_the_content(cls, stored: str, info: ValidationInfo) -> str:
        data = info.data
        try:
            expected = content_id(data["instruction"], data["input"], data["output"])
        except KeyError:
            return stored  # one of the texts has been refused already: that is the error to show
        if stored and stored != expected:
            raise ValueError(
                f"{stored!r} is not the id of this content, {expected!r}: "
                "the record was edited after it was written; leave the id out to get a new one"
            )
        return expected

    def row(self) -> dict[str, Any]:
        """The record as plain values, `id` first, what is unset left out of the provenance."""
        fields = self.model_dump(mode="json", exclude={"id", "provenance"})
        provenance = self.provenance.model_dump(mode="json", exclude_none=True)
        return {"id": self.id, **fields, "provenance": provenance}
