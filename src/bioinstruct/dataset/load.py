"""Load a dataset by name: one that ships with the package, a file, a folder or a Hub id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct import jsonl, parquet
from bioinstruct.dataset import hub
from bioinstruct.dataset.convert import AUTO, ImportOptions, convert
from bioinstruct.dataset.rows import file_rows, folder_rows, is_jsonl_of_records, numbered, peeked
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.dataset.hub import Dataset, DatasetDict

__all__ = ["load_dataset", "read_examples"]

PACKAGED = "bioinstruct"
_SUFFIXES = {".jsonl", ".json", ".gz", ".parquet", ".csv", ".tsv", ".txt", ".xlsx"}
_DATA = Path(__file__).parents[1] / "data"
_CONFIGS = {
    "demo": {"train": _DATA / "demo" / "train.jsonl", "test": _DATA / "demo" / "test.jsonl"},
    "seeds": {"train": _DATA / "seeds.jsonl"},
}


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
    options: ImportOptions | None = None,
) -> Iterator[Instruction]:
    """Read and validate the instructions of `source`, converting them if they have another form.

    `source` is `seeds` or `demo` (which ship with the package), a file of JSON Lines, JSON, CSV,
    TSV or Parquet (plain or gzip; `-` is standard input), a folder (published, exported, or written
    by `Dataset.save_to_disk`), or a Hub id. A single file has no splits, so `split` is ignored for
    it. Records may be ours, or have the fields of Alpaca, messages, ShareGPT or prompt and
    completion, or other columns that `options` names.

    Invalid records are appended to `rejected`, if given.

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
        return _not_empty(jsonl.read(files[split], rejected=rejected), source, rejected)
    options = options or ImportOptions()
    if not options.origin:
        options = replace(options, origin=_origin(source))
    if path.is_dir():
        rows = folder_rows(path, config, split)
    elif path.suffix == ".parquet" and path.exists():
        rows = numbered(parquet.read_parquet([path]))
    elif source == "-" or path.exists():
        return _not_empty(
            _labelled(_file_records(source, options, rejected), options), source, rejected
        )
    else:
        _must_be_hub_id(source)
        rows = numbered(hub.load(source, config, split=split))
    examples = convert(rows, source, options, unit="record", rejected=rejected, split=split)
    return _not_empty(_labelled(examples, options), source, rejected)


def _file_records(
    source: str, options: ImportOptions, rejected: list[Rejection] | None
) -> Iterator[Instruction]:
    with jsonl.open_bytes(source) as raw:
        head, file = peeked(raw)
        if head.startswith(b"PAR1"):
            rows = numbered(parquet.read_parquet([Path(source)]))
            yield from convert(rows, source, options, unit="record", rejected=rejected)
        elif is_jsonl_of_records(head, source) and not options.mapped:
            yield from jsonl.read_stream(file, source, rejected=rejected)
        else:
            rows = file_rows(file, head, source)
            yield from convert(rows, source, options, rejected=rejected)


def _labelled(examples: Iterator[Instruction], options: ImportOptions) -> Iterator[Instruction]:
    """Label the records whose category nobody gave, if `options` asks for that."""
    if options.category != AUTO:
        return examples
    from bioinstruct.labels import label_records

    return (made.example for made in label_records(examples, keep_existing=True))


def _origin(source: str) -> str:
    """Return a name for the collection in a source: of a file, without folders and suffixes."""
    if source == "-":
        return "standard input"
    if not Path(source).exists():
        return source
    name = Path(source).resolve().name
    for suffix in (".gz", ".jsonl", ".json", ".csv", ".tsv", ".parquet"):
        name = name.removesuffix(suffix)
    return name or source


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
    looks_like_a_file = Path(source).suffix.lower() in _SUFFIXES
    if looks_like_a_file or owner in {"", "~"} or (slash and Path(owner).is_dir()):
        raise MissingError(f"no file or folder {source!r}", hint="check the path")
    if not slash:
        raise UnknownNameError("dataset", source, [PACKAGED, *_CONFIGS])
    if not name or "/" in name:
        raise MissingError(
            f"{source!r} is neither a folder nor a Hub id", hint="a Hub id is `owner/name`"
        )


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
