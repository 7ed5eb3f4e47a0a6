"""Load a dataset by name: one that ships with the package, a file, a folder or a Hub id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bioinstruct import jsonl, parquet
from bioinstruct.dataset import hub
from bioinstruct.errors import BioinstructError, DataError, MissingError, UnknownNameError
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction, explain

if TYPE_CHECKING:
    from bioinstruct.dataset.hub import Dataset, DatasetDict

__all__ = ["load_dataset", "read_examples"]

PACKAGED = "bioinstruct"
_DATA = Path(__file__).parents[1] / "data"
_CONFIGS = {
    "demo": {"train": _DATA / "demo" / "train.jsonl", "test": _DATA / "demo" / "test.jsonl"},
    "seeds": {"train": _DATA / "seeds.jsonl"},
}
_COLUMNS = ("instruction", "input", "output", "category", "task", "provenance")


def load_dataset(
    path: str = PACKAGED, config: str | None = None, *, split: str | None = None
) -> DatasetDict | Dataset:
    """Load a dataset as Hugging Face's `DatasetDict`, or one split of it as a `Dataset`.

    The name `bioinstruct` always means the data that ships with the package, with the
    configurations `demo` (the default) and `seeds`; it needs neither the network nor a cache.
    Write `./bioinstruct` for a folder of that name. Any other `path` is a published folder or a
    Hub id.

    Raises:
        BioinstructError: the dataset, configuration or split does not exist.
    """
    if path == PACKAGED:
        files = _packaged(config)
        data = hub.in_memory({name: [e.row() for e in jsonl.read(files[name])] for name in files})
        return data if split is None else hub.select(data, split)
    if Path(path).is_file():
        raise BioinstructError(
            f"{path} is a file, not a published folder",
            hint="read it with `bioinstruct.read`, or publish it first",
        )
    if not Path(path).is_dir():
        _must_be_hub_id(path)
    return hub.load(path, config, split=split)


def read_examples(
    source: str,
    *,
    config: str | None = None,
    split: str = "train",
    rejected: list[Rejection] | None = None,
) -> Iterator[Instruction]:
    """Read and validate the instructions of `source`.

    `source` is `seeds` or `demo` (which ship with the package), a JSON Lines file (plain, gzip, or
    `-` for standard input), a Parquet file, a published folder, or a Hub id. A single file has no
    splits, so `split` is ignored for it. Invalid records are appended to `rejected`, if given.

    Raises:
        BioinstructError: the source does not exist (raised at once), is empty, or has an invalid
            record (both raised while reading).
    """
    if source in _CONFIGS:
        source, config = PACKAGED, config or source
    path = Path(source)
    if source == PACKAGED:
        files = _packaged(config)
        if split not in files:
            raise UnknownNameError("split", split, files)
        examples = jsonl.read(files[split], rejected=rejected)
    elif path.is_dir():
        examples = _records(_folder_rows(path, config, split), source, rejected)
    elif path.suffix == ".parquet" and path.exists():
        examples = _records(parquet.read_parquet([path]), source, rejected)
    elif source == "-" or path.exists():
        examples = jsonl.read(source, rejected=rejected)
    else:
        _must_be_hub_id(source)
        examples = _records(hub.load(source, config, split=split), source, rejected)
    return _not_empty(examples, source, rejected)


def _packaged(config: str | None) -> dict[str, Path]:
    name = config or "demo"
    if name not in _CONFIGS:
        raise UnknownNameError("configuration", name, _CONFIGS)
    for path in _CONFIGS[name].values():
        if not path.is_file():
            raise MissingError(f"{path} is missing", hint="install bioinstruct again")
    return _CONFIGS[name]


def _must_be_hub_id(source: str) -> None:
    """Refuse a source that does not look like a Hub id, `owner/name`."""
    owner, slash, name = source.partition("/")
    looks_like_a_file = Path(source).suffix.lower() in {".jsonl", ".json", ".gz", ".parquet"}
    if looks_like_a_file or owner in {"", "~"} or (slash and Path(owner).is_dir()):
        raise MissingError(f"no file or folder {source!r}", hint="check the path")
    if not slash:
        raise UnknownNameError("dataset", source, [PACKAGED, *_CONFIGS])
    if not name or "/" in name:
        raise MissingError(
            f"{source!r} is neither a folder nor a Hub id", hint="a Hub id is `owner/name`"
        )


def _folder_rows(path: Path, config: str | None, split: str) -> Iterable[Any]:
    files = sorted((path / "data").glob(f"{split}-*-of-*.parquet"))
    if files and config in {None, "default"}:
        return parquet.read_parquet(files)  # written by `publish`: needs no cache
    rows: Iterable[Any] = hub.load(str(path), config, split=split)
    return rows


def _records(
    rows: Iterable[Any], source: str, rejected: list[Rejection] | None
) -> Iterator[Instruction]:
    for number, row in enumerate(rows, start=1):
        if missing := [name for name in _COLUMNS if name not in row]:
            raise DataError(
                f"no column {', '.join(missing)}; the columns are {', '.join(row)}",
                path=source,
                hint="every record needs " + ", ".join(_COLUMNS),
            )
        try:
            yield Instruction.model_validate(row)
        except ValidationError as error:
            reason = explain(error)
            if rejected is None:
                raise DataError(f"record {number}: {reason}", path=source) from error
            text = json.dumps(row, ensure_ascii=False, default=str)
            place = {"path": source, "line": number}
            rejected.append(Rejection(reason=reason, text=text, place=place))


def _not_empty(
    examples: Iterator[Instruction], source: str, rejected: list[Rejection] | None
) -> Iterator[Instruction]:
    before = len(rejected or ())
    empty = True
    for example in examples:
        empty = False
        yield example
    if empty:
        bad = len(rejected or ()) - before
        raise BioinstructError(
            f"{source} has no instructions"
            + (f", and {bad:,} lines that are not instructions" if bad else ""),
            hint=f"first error: {rejected[before].reason}" if rejected and bad else "",
        )
