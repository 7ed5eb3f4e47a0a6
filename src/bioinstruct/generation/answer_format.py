"""The two formats of an answer: JSON enforced by a schema, or texts delimited by marks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Category, Instruction

__all__ = ["FORMATS", "Form", "choose_format"]

FORMATS = ("json", "delimited")
_LABELS = ("task", "category")
_TEXTS = ("instruction", "input", "output")
# Models whose own servers are known to enforce a schema; a name means nothing elsewhere, and a
# server that does not know schemas says so at the first request.
_WITH_SCHEMA = re.compile(r"(gpt-4o|gpt-4\.1|gpt-[5-9]|o[1-9])(-|$)")


def choose_format(name: str, model: str) -> str:
    """Return `json` or `delimited`; `auto` chooses by the name of the model.

    Raises:
        UnknownNameError: the format does not exist.
    """
    if name not in {*FORMATS, "auto"}:
        raise UnknownNameError("format", name, [*FORMATS, "auto"])
    if name != "auto":
        return name
    return "json" if _WITH_SCHEMA.match(model) else "delimited"


@dataclass(frozen=True, slots=True)
class Form:
    """The format of the tasks of an answer."""

    format: str
    labels: bool
    """Whether each task has its name and category."""
    tag: str = ""
    """Hexadecimal digits in every mark of the delimited format, different for each request."""
    document: bool = False
    """Whether a document of the prompt is the input, so that tasks have no part for it."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of a task, in order."""
        texts = [name for name in _TEXTS if not (self.document and name == "input")]
        return (*(_LABELS if self.labels else ()), *texts)

    @property
    def schema(self) -> str | None:
        """Return the JSON schema of an answer, for `Request`."""
        if self.format != "json":
            return None
        kinds: dict[str, dict[str, object]] = {name: {"type": "string"} for name in self.fields}
        if self.labels:
            kinds["category"]["enum"] = [category.value for category in Category]
        task = _closed(kinds)
        tasks: dict[str, dict[str, object]] = {"tasks": {"type": "array", "items": task}}
        return json.dumps({"title": "tasks"} | _closed(tasks))

    def describe(self) -> str:
        """Describe the format for the prompt."""
        names = ", ".join(self.fields)
        if self.format == "json":
            return (
                'The answer is one JSON object {"tasks": [...]}; each task is an object with the '
                f"texts {names}."
                + ("" if self.document else " Without an input, input is an empty text.")
            )
        return (
            f"Each task has the parts {names}, in this order. Before each part stands a line that "
            f"has only the mark @@{self.tag} and the name of the part; after the last part stands "
            f"the line @@{self.tag} end. "
            + (
                ""
                if self.document
                else "Without an input, the part input is the one word <noinput>. "
            )
            + "The marks appear nowhere else."
        )

    def show(self, records: Sequence[Instruction]) -> str:
        """Write records in this format."""
        rows = [{name: str(getattr(r, name)) for name in self.fields} for r in records]
        if self.format == "json":
            return json.dumps({"tasks": rows}, ensure_ascii=False)
        return "\n".join(map(self._marked, rows))

    def _marked(self, row: dict[str, str]) -> str:
        texts = {name: text or "<noinput>" for name, text in row.items()}
        parts = [f"@@{self.tag} {name}\n{text}" for name, text in texts.items()]
        return "\n".join([*parts, f"@@{self.tag} end"])


def _closed(properties: dict[str, dict[str, object]]) -> dict[str, object]:
    """Return the strict JSON schema of an object: all properties required, no others allowed."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
