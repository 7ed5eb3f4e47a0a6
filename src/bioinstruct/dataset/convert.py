"""Convert rows of other forms to records; the one place that does."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bioinstruct.corpora.formats.plain import damage
from bioinstruct.dataset.rows import Row, row_text
from bioinstruct.dataset.shapes import (
    NotConvertible,
    Texts,
    column,
    missing_fields,
    shape_of,
    texts_of,
)
from bioinstruct.errors import BioinstructError, DataError, UnknownNameError
from bioinstruct.licenses import check_license
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Category, Instruction, Provenance, explain, shown

__all__ = ["AUTO", "IMPORT_KINDS", "ImportOptions", "convert"]

logger = logging.getLogger("bioinstruct")

AUTO = "auto"
"""As category: ask the packaged classifier."""
IMPORT_KINDS = ("imported", "own", "clinical")
_FIRST = 20
_TEXTS = {*Texts._fields, "messages", "conversations", "prompt", "completion"}
_validated: Callable[[Any], Instruction] = Instruction.__pydantic_validator__.validate_python
_OURS = ("license", "origin", "document", "category", "task")
_KNOWN = {*Texts._fields, *_OURS, "id", "messages", "conversations", "prompt", "completion"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How to read records that are not in this package's form, and what to add to them.

    A column of the file named `category`, `task`, `license`, `origin` or `document` comes before
    what is given here.

    Raises:
        BioinstructError: a value is not possible.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    """Column for each field, such as `{"instruction": "question", "output": "answer"}`."""
    instruction: str = ""
    """Instruction of every record, for a file that has only inputs and outputs."""
    license: str = "NOASSERTION"
    """SPDX expression of the records; NOASSERTION says that nobody knows."""
    task: str = "imported-instruction"
    category: str = Category.OTHER.value
    """QA, IE, GEN or OTHER; `auto` labels the records by the packaged classifier."""
    origin: str = ""
    """Name of the collection; default: the name of the file without suffixes, or the Hub id."""
    kind: str = "imported"
    """`imported`, `own` or `clinical`, see `Provenance.kind`."""

    @property
    def mapped(self) -> bool:
        """Whether the fields have other names, or one instruction is for all."""
        return bool(self.columns or self.instruction)

    def __post_init__(self) -> None:
        fields = (*Texts._fields, *_OURS)
        for name in self.columns:
            if name not in fields:
                raise UnknownNameError("field", name, fields)
        check_license(self.license)
        if self.category not in {AUTO, *Category}:
            raise UnknownNameError("category", self.category, [AUTO, *Category])
        if self.kind not in IMPORT_KINDS:
            raise UnknownNameError("kind of import", self.kind, IMPORT_KINDS)
        if self.instruction and "instruction" in self.columns:
            raise BioinstructError(
                "one instruction for all, and a column for it: which of them?",
                hint="leave one of them out",
            )


def convert(
    rows: Iterator[Row],
    source: str,
    options: ImportOptions,
    *,
    unit: str = "line",
    rejected: list[Rejection] | None = None,
    split: str | None = None,
) -> Iterator[Instruction]:
    """Yield the records that rows hold; rows that hold none are appended to `rejected`.

    Reads one row at a time. The first row decides the form. Rows that are records of this package
    are validated as they are.

    Args:
        rows: rows of a source, see `bioinstruct.dataset.rows`.
        source: its name, for messages.
        options: what to take and what to add.
        unit: `line` or `record`, what the numbers of the rows count.
        rejected: rows that are no record; without it the first of them is an error.
        split: the split of the source, for the provenance.

    Raises:
        DataError: the first row has none of the known forms (the message names what is missing and
            the command that reads the file), or a row is wrong and there is no `rejected`.
    """
    take: Callable[[Mapping[str, Any]], Instruction] | None = None
    for line, value in _of_known_form(rows, source, options, unit, keep=rejected is not None):
        try:
            if isinstance(value, DataError):
                raise NotConvertible(value.reason)
            if not isinstance(value, dict):
                raise NotConvertible(f"expected an object with fields, found {shown(value)}")
            if take is None and not (options.mapped or shape_of(value)):
                lacks = [name for name in ("instruction", "output") if name not in value]
                raise NotConvertible(f"{', '.join(lacks)}: missing field{'s' * (len(lacks) > 1)}")
            if take is None:
                take = _reader(value, source, options, split)
            yield take(value)
        except (NotConvertible, ValidationError) as error:
            reason = _reason(error, value)
            if rejected is None:
                if unit == "line":
                    raise DataError(reason, path=source, line=line) from error
                raise DataError(f"{unit} {line}: {reason}", path=source) from error
            text = str(value) if isinstance(value, DataError) else row_text(value)
            place = {"path": source, "line": line}
            detail = getattr(error, "detail", "")
            rejected.append(Rejection(reason=reason, detail=detail, text=text, place=place))


def _of_known_form(
    rows: Iterator[Row], source: str, options: ImportOptions, unit: str, *, keep: bool
) -> Iterator[Row]:
    """Pass rows on, unless the first twenty, or all, have no known form.

    Raises:
        DataError: none has; with `keep` False, the first object has none.
    """
    waiting: list[Row] | None = None if options.mapped else []
    first = None
    for row in rows:
        if waiting is None:
            yield row
            yield from rows
            return
        if isinstance(row.value, Mapping) and not shape_of(row.value):
            first = first or _unknown(row, source, unit)
            if not keep:
                raise first
        elif isinstance(row.value, Mapping):
            yield from waiting
            waiting = None
            yield row
            continue
        waiting.append(row)
        if len(waiting) == _FIRST and first:
            raise first
    if waiting and first:
        raise first
    yield from waiting or ()


def _reason(error: NotConvertible | ValidationError, row: Any) -> str:
    if isinstance(error, NotConvertible):
        return str(error)
    texts = row.values() if isinstance(row, Mapping) else ()
    fault = next(filter(None, (damage(text) for text in texts if isinstance(text, str))), "")
    return fault if fault.startswith("not UTF-8") else explain(error)


def _reader(
    first: Mapping[str, Any], source: str, options: ImportOptions, split: str | None
) -> Callable[[Mapping[str, Any]], Instruction]:
    """Return the function that converts rows like the first one."""
    mapped = options.mapped
    shape = shape_of(first)
    if shape == "record" and not mapped:
        return Instruction.model_validate
    if mapped:
        _check_columns(first, source, options)
        used = set(options.columns.values())
    else:
        used = set()
    if unused := [name for name in first if name not in _KNOWN | used]:
        logger.warning("%s: columns not used: %s", source, ", ".join(unused)[:200])
    return _Converter(options, "" if mapped else shape, source, split)


def _unknown(row: Row, source: str, unit: str) -> DataError:
    first = row.value
    missing = [name for name in ("instruction", "output") if name not in first]
    what, hint = missing_fields(list(first), source)
    return DataError(
        f"no {', no '.join(missing)}; the fields are {', '.join(first)[:200] or 'none'}: "
        f"it seems to be {what}",
        path=source,
        line=row.line if unit == "line" else None,
        hint=hint,
    )


def _check_columns(first: Mapping[str, Any], source: str, options: ImportOptions) -> None:
    wanted = {name: name for name in Texts._fields if name != "input"} | dict(options.columns)
    if options.instruction:
        wanted.pop("instruction")
    missing = []
    for name, path in wanted.items():
        try:
            column(first, path)
        except KeyError:
            missing.append(path if name == path else f"{path} (for {name})")
    if missing:
        raise DataError(
            f"no column {', '.join(missing)}; the columns are {', '.join(first)[:200]}",
            path=source,
            hint="name them with --map FIELD=COLUMN, and an instruction for all with --instruction",
        )


class _Converter:
    """Convert rows of one form; provenances are made once for each combination of values."""

    def __init__(self, options: ImportOptions, shape: str, source: str, split: str | None) -> None:
        self._options = options
        self._shape = shape
        self._origin = options.origin or source
        self._split = split
        self._plain: Provenance | None = None
        self._paths = {name: options.columns.get(name, name) for name in (*_OURS, "id")}
        self._shared: dict[tuple[str, str], Provenance] = {}
        category = Category.OTHER if options.category == AUTO else Category(options.category)
        self._category = category

    def __call__(self, row: Mapping[str, Any]) -> Instruction:
        texts = self._mapped(row) if not self._shape else texts_of(row, self._shape)
        if row.keys() <= _TEXTS:  # the usual row: all else is from the options
            return _validated(
                {
                    "instruction": texts[0],
                    "input": texts[1],
                    "output": texts[2],
                    "category": self._category,
                    "task": self._options.task,
                    "provenance": self._plain or self._provenance(row, texts),
                }
            )
        category = self._value(row, "category")
        return Instruction.model_validate(
            {
                **texts._asdict(),
                "category": category if category in _CATEGORIES else self._category,
                "task": self._value(row, "task") or self._options.task,
                "provenance": self._provenance(row, texts),
            }
        )

    def _mapped(self, row: Mapping[str, Any]) -> Texts:
        values = {}
        for name in Texts._fields:
            try:
                values[name] = column(row, self._options.columns.get(name, name))
            except KeyError:
                values[name] = None
        if self._options.instruction:
            values["instruction"] = self._options.instruction
        return texts_of(values, "alpaca")

    def _value(self, row: Mapping[str, Any], name: str) -> str:
        path = self._paths[name]
        value = row.get(path)
        if value is None and "." in path:
            with contextlib.suppress(KeyError):
                value = column(row, path)
        return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()

    def _provenance(self, row: Mapping[str, Any], texts: Texts) -> Provenance:
        license = self._value(row, "license") or self._options.license
        origin = self._value(row, "origin") or self._origin
        document = self._value(row, "document") or self._foreign_id(row)
        shared = self._shared.get((license, origin))
        if shared is None:
            try:
                check_license(license)
            except BioinstructError as error:
                raise NotConvertible(f"license: {error}") from None
            shared = Provenance.model_validate(
                {
                    "kind": self._options.kind,
                    "origin": origin,
                    "license": license,
                    "split": self._split,
                }
            )
            self._shared[license, origin] = shared
            if row.keys() <= _TEXTS:
                self._plain = shared
        return shared.model_copy(update={"document": document}) if document else shared

    def _foreign_id(self, row: Mapping[str, Any]) -> str:
        """Return an id that is not one of ours, which the record computes for itself."""
        id = self._value(row, "id")
        return "" if len(id) == 16 and set(id) <= set("0123456789abcdef") else id


_CATEGORIES = {category.value for category in Category}
