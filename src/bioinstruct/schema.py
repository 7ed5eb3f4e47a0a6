"""The record: an instruction with its provenance."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from json.encoder import encode_basestring as _quoted
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bioinstruct.errors import BioinstructError
from bioinstruct.licenses import check_license

__all__ = [
    "Category",
    "Fault",
    "Instruction",
    "Provenance",
    "Teacher",
    "content_id",
    "explain",
    "first_fault",
    "shown",
]

_MESSAGES = {
    "extra_forbidden": "unknown field",
    "missing": "missing field",
    "model_type": "not an object",
    "string_pattern_mismatch": "empty text",
    "string_too_short": "empty text",
}


def _spdx(expression: str) -> str:
    try:
        return check_license(expression)
    except BioinstructError as error:
        hint = f": {error.hint}" if "did you mean" in error.hint else ""
        raise ValueError(
            f"not an SPDX licence expression, such as `MIT` or `CC-BY-4.0`{hint}"
        ) from None


Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
License = Annotated[str, AfterValidator(_spdx)]


class Category(StrEnum):
    """The four task categories of the BioInstruct paper."""

    QA = "QA"
    """Question answering."""
    IE = "IE"
    """Information extraction."""
    GEN = "GEN"
    """Text generation."""
    OTHER = "OTHER"
    """Anything else; 10 % of the published dataset."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,  # JSON has neither
        str_min_length=0,  # any constraint makes pydantic refuse lone surrogates, which UTF-8 lacks
    )


class Teacher(_Frozen):
    """The model that wrote a generated instruction, with its prompt and sampling parameters."""

    model: Text
    """Model name at the endpoint, including its date if it has one."""
    prompt: Text
    """Name and version of the prompt template."""
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    examples: tuple[str, ...] = ()
    """Ids of the records shown as examples in the prompt."""
    attributes: tuple[str, ...] = ()
    """Attributes that the prompt asked for to vary the answers, such as `specialty=nephrology`."""


class Provenance(_Frozen):
    """The source of an instruction, in enough detail to reproduce or remove it."""

    kind: Literal["seed", "generated", "compiled", "computed", "own", "clinical", "imported"]
    """How the record was made.

    `seed` is one of the hand-written examples of generation, `generated` was written by a model,
    `compiled` comes from an annotated corpus, `computed` has an answer that was computed from
    values drawn at random (`bioinstruct synthesize`). Of the records that you bring, `own` were
    written or collected by you, `clinical` come from the records of patients, and `imported` are
    taken over from a file that does not say how they were made.
    """
    origin: Text
    """Name of the corpus or collection that the text comes from."""
    license: License
    """SPDX expression of the licence of the text."""
    revision: str | None = None
    """Version of the origin: a commit, a release or a date."""
    split: str | None = None
    """Split of the origin as defined by its authors: train, validation or test."""
    document: str | None = None
    """Identifier of the document within the origin, such as a PMID."""
    teacher: Annotated[Teacher | None, Field(validate_default=True)] = None
    """Set if and only if the kind is `generated`."""

    @field_validator("teacher")
    @classmethod
    def _teacher_of_generated(cls, teacher: Teacher | None, info: ValidationInfo) -> Teacher | None:
        kind = info.data.get("kind")  # None if it was invalid: pydantic reports that error
        if kind == "generated" and teacher is None:
            raise ValueError("a generated instruction needs its teacher")
        if kind not in {"generated", None} and teacher is not None:
            raise ValueError("only a generated instruction has a teacher")
        return teacher


class Fault(NamedTuple):
    """A fault that pydantic found in a value."""

    place: tuple[int | str, ...]
    """The path to the value: names of fields, and positions in lists from 0."""
    kind: str
    """The type of the error as pydantic names it, such as `extra_forbidden`."""
    message: str
    value: Any
    """The value at the place; of a missing field, the object that lacks it."""

    @property
    def found(self) -> str:
        """`, found VALUE`, or nothing for a missing field."""
        return "" if self.kind == "missing" else f", found {shown(self.value)}"


def shown(value: object) -> str:
    """Return the start of a value, or the keys of an object, for a message."""
    return f"keys {', '.join(value)[:80]}" if isinstance(value, dict) else f"{value!r:.80}"


def first_fault(error: ValidationError) -> Fault:
    """Return the first fault of a pydantic error, its message in plain words."""
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not (first["type"].startswith("string_") and str(first["input"]).strip()):
        message = _MESSAGES.get(first["type"], message)
    return Fault(first["loc"], first["type"], message, first["input"])


def explain(error: ValidationError) -> str:
    """Return the first fault in words, as `field.part: what is wrong`; name all missing fields."""
    missing = [
        ".".join(map(str, fault["loc"]))
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
        if fault["type"] == "missing"
    ]
    fault = first_fault(error)
    if fault.kind == "missing" and len(missing) > 1:
        return f"{', '.join(missing)}: missing fields"
    field = ".".join(map(str, fault.place))
    return f"{field}: {fault.message}" if field else fault.message


def content_id(instruction: str, input: str, output: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the three texts.

    Category, task and provenance do not enter, so labelling a record keeps its id.
    """
    # The same as `json.dumps` of the list with `ensure_ascii=False`, in a third of the time.
    content = f"[{_quoted(instruction)}, {_quoted(input)}, {_quoted(output)}]"
    return hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]


class Instruction(_Frozen):
    """One record: a seed, or a generated, compiled, training or benchmark example."""

    instruction: Text
    """The task, in natural language."""
    input: str = ""
    """The text to work on; empty if the instruction needs none."""
    output: Text
    """The correct answer: the training target, or the gold answer of a benchmark."""
    category: Category
    task: Text
    """Name of the task in kebab-case, such as `ner-disease`."""
    provenance: Provenance
    id: Annotated[str, Field(validate_default=True)] = ""
    """`content_id` of the three texts; optional on input, but must match if given."""

    @field_validator("id")
    @classmethod
    def _id_is_of_the_content(cls, stored: str, info: ValidationInfo) -> str:
        data = info.data
        try:
            expected = content_id(data["instruction"], data["input"], data["output"])
        except KeyError:
            return stored  # one of the texts is invalid: pydantic reports that error
        if stored and stored != expected:
            raise ValueError(
                f"{stored!r} is not the id of this content, {expected!r}: "
                "the record was edited after it was written; leave the id out to get a new one"
            )
        return expected

    def row(self) -> dict[str, Any]:
        """Return the record as plain values: `id` first, unset provenance fields omitted."""
        fields = self.model_dump(mode="json", exclude={"id", "provenance"})
        provenance = self.provenance.model_dump(mode="json", exclude_none=True)
        return {"id": self.id, **fields, "provenance": provenance}
