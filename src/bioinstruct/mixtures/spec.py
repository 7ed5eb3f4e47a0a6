"""Mixtures: corpora, their layouts and amounts, read from TOML."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioinstruct import corpora
from bioinstruct.errors import DataError, UnknownNameError
from bioinstruct.schema import first_fault

__all__ = ["Mixture", "Source", "allocate", "load_mixture", "mixtures"]

_FOLDER = Path(__file__).parents[1] / "data" / "mixtures"
_Count = Annotated[int, Field(ge=1)]


def _with_dashes(name: str) -> str:
    return name.replace("_", "-")


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=_with_dashes,
        populate_by_name=True,
    )


class Source(_Table):
    """One corpus of a mixture, in one layout."""

    corpus: str
    split: str = "train"
    layout: str = ""
    """Layout of the answers; empty for the default of the corpus."""
    size: _Count | None = None
    """Maximum number of records."""
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    """Fraction of the records to take."""
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Factor of the source's part of the mixture's size."""
    near_duplicates: bool = True
    """False for texts that look alike but differ in what matters, such as a marked entity."""
    optional: bool = False
    """Whether the source may be missing, because not everyone can get its files."""


class Mixture(_Table):
    """Corpora and the steps that filter them, in order."""

    description: str = ""
    source: tuple[Source, ...] = Field(min_length=1, strict=False)
    duplicates: bool = False
    """Whether to keep exact duplicates after the first."""
    decontaminate: bool = True
    """Drop records that overlap a scored split of any available corpus, even reworded. If
    false, drop only records that contain a scored text word for word."""
    near_duplicates: Annotated[float, Field(ge=0, le=1)] | None = None
    """Drop records whose ROUGE-L F with an earlier one of their task is above this."""
    cap: _Count | None = None
    """Maximum number of records of each source."""
    size: _Count | None = None
    """Total number of records, distributed over the sources."""
    temperature: Annotated[float, Field(ge=1)] | None = None
    """Distribute `size` by the n-th root of each source's records; `inf` means equally."""
    match: Literal["", "categories"] = ""
    """`categories`: take as many records of each category as the rarest one has."""


def mixtures() -> tuple[str, ...]:
    """Return the names of the mixtures that ship with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_mixture(source: str | Path) -> Mixture:
    """Load a mixture by name or from a TOML file.

    Raises:
        UnknownNameError: the name is neither a mixture nor a file.
        DataError: the file is not a mixture; gives the line, and the nearest name to one that is
            not known.
    """
    packaged = {path.stem: path for path in _FOLDER.glob("*.toml")}
    path = packaged.get(str(source), Path(source))
    if not path.is_file():
        raise UnknownNameError("mixture, nor a file,", str(source), packaged)
    text = path.read_text(encoding="utf-8")
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5,000 digits
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else None
        raise DataError(f"not valid TOML ({error})", path=path, line=line) from error
    try:
        mixture = Mixture.model_validate(values)
    except ValidationError as error:
        raise _explained(error, path, text) from error
    _check(mixture, path, text)
    return mixture


def _check(mixture: Mixture, path: Path, text: str) -> None:
    """Check what types cannot: that names exist and every setting has an effect."""
    for place, source in enumerate(mixture.source):
        try:
            corpus = corpora.get_corpus(source.corpus)
            if source.split not in corpus.splits:
                raise UnknownNameError(f"split of {corpus.name}", source.split, corpus.splits)
            if source.layout and source.layout not in corpus.layouts:
                raise UnknownNameError(f"layout of {corpus.name}", source.layout, corpus.layouts)
        except UnknownNameError as error:
            line = _line(text, ("source", place, "corpus"))
            raise DataError(str(error), path=path, line=line, hint=error.hint) from None
    if mixture.size is None and mixture.temperature is not None:
        raise DataError("temperature: has no effect without `size`", path=path)
    if mixture.size is None and any(source.weight != 1 for source in mixture.source):
        raise DataError("weight: has no effect without `size`", path=path)
    seen: set[tuple[str, str, str]] = set()
    for place, source in enumerate(mixture.source):
        key = (source.corpus, source.split, source.layout)
        if key in seen:
            line = _line(text, ("source", place, "corpus"))
            raise DataError(f"{source.corpus}: named twice in one layout", path=path, line=line)
        seen.add(key)


def _explained(error: ValidationError, path: Path, text: str) -> DataError:
    fault = first_fault(error)
    place = fault.place
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    hint = ""
    if fault.kind == "extra_forbidden":
        table: type[BaseModel] = Source if place[0] == "source" else Mixture
        known = sorted(map(_with_dashes, table.model_fields))
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"
    found = "" if hint else fault.found
    return DataError(
        f"{name}: {fault.message}{found}", path=path, line=_line(text, place), hint=hint
    )


def _line(text: str, place: Sequence[Any]) -> int | None:
    """Return the line of a setting, or None if it has no line of its own."""
    lines = text.split("\n")
    tables = [n for n, line in enumerate(lines) if line.strip().startswith("[")] + [len(lines)]
    sources = [n for n in tables[:-1] if re.match(r"\s*\[\[\s*source\s*\]\]", lines[n])]
    begin, end = 0, tables[0]
    if len(place) > 1 and isinstance(place[1], int):
        if place[1] >= len(sources):
            return None
        begin, end = next((a, b) for a, b in pairwise(tables) if a == sources[place[1]])
    key = re.compile(rf'\s*"?{re.escape(str(place[-1]))}"?\s*=')
    found = (n + 1 for n in range(begin, end) if key.match(lines[n]))
    return next(found, begin + 1 if len(place) > 1 else None)


def allocate(mixture: Mixture, available: Sequence[int]) -> list[int]:
    """Return the number of records to take from each source, given how many are available.

    Size, share and cap limit each source. If the mixture has a size, it is distributed by
    weight x records ** (1 / temperature); what exceeds a source's limit goes to the
    others by the same rule. No record is taken twice.
    """
    limits = [
        min(limit for limit in _limits(mixture, source, count) if limit is not None)
        for source, count in zip(mixture.source, available, strict=True)
    ]
    if mixture.size is None or mixture.size >= sum(limits):
        return limits
    power = 1 / (mixture.temperature or 1.0)
    rates = [
        source.weight * limit**power if limit else 0.0
        for source, limit in zip(mixture.source, limits, strict=True)
    ]
    return _shared_out(mixture.size, rates, limits)


def _limits(mixture: Mixture, source: Source, count: int) -> Iterator[int | None]:
    yield count
    yield source.size
    yield mixture.cap
    yield round(source.share * count) if source.share is not None else None


def _shared_out(size: int, rates: list[float], limits: list[int]) -> list[int]:
    """Return integers in proportion to the rates, within their limits, that sum to the size."""
    given = [0.0] * len(rates)
    open_to = {place for place, limit in enumerate(limits) if limit}
    left = float(size)
    while True:
        total = sum(rates[place] for place in sorted(open_to))
        full = {p for p in open_to if left * rates[p] / total >= limits[p]}
        if not full:
            break
        for place in full:
            given[place] = float(limits[place])
        open_to -= full
        left = size - sum(given[place] for place in range(len(given)) if place not in open_to)
    for place in open_to:
        given[place] = left * rates[place] / total
    whole = [int(share) for share in given]
    # The remainder goes to the largest fractions; ties go to the source named first.
    by_fraction = sorted(open_to, key=lambda place: (whole[place] - given[place], place))
    for place in by_fraction[: size - sum(whole)]:
        whole[place] += 1
    return whole
