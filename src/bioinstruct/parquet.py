"""Read and write Parquet and Arrow files of records."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.errors import DataError

if TYPE_CHECKING:
    from datasets import Features

__all__ = ["SHARD_BYTES", "Row", "features", "read_arrow", "read_parquet", "write_parquet"]

Row = dict[str, Any]

SHARD_BYTES = 256 * 1024 * 1024  # bytes of text; the Hub advises files well under 500 MB
_ROWS = 1_000  # rows in memory, and in a row group, the unit that the Hub's viewer fetches


def features() -> Features:
    """Return the typed columns of a record; untyped, a column without values would become null."""
    from datasets import Features, List, Value

    text, number = Value("string"), Value("float64")
    teacher = {
        "model": text,
        "prompt": text,
        "temperature": number,
        "top_p": number,
        "presence_penalty": number,
        "frequency_penalty": number,
        "seed": Value("int64"),
        "examples": List(text),
        "attributes": List(text),
    }
    provenance = {name: text for name in ("kind", "origin", "license", "revision", "split")}
    return Features(
        {name: text for name in ("id", "instruction", "input", "output", "category", "task")}
        | {"provenance": provenance | {"document": text, "teacher": teacher}}
    )


def write_parquet(
    folder: Path, split: str, rows: Iterable[Row], *, shard_bytes: int = SHARD_BYTES
) -> list[Path]:
    """Write rows as `SPLIT-00000-of-0000N.parquet` and return the files.

    The same rows give the same bytes. Holds a thousand rows at a time, and starts a new file
    after `shard_bytes` bytes of text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = features().arrow_schema
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Path] = []
    for shard in _shards(rows, shard_bytes):
        parts.append(folder / f"{split}-{len(parts):05d}.part")
        # With content-defined chunks the Hub stores only what changes between versions.
        with pq.ParquetWriter(
            parts[-1], schema, compression="zstd", use_content_defined_chunking=True
        ) as writer:
            while batch := list(itertools.islice(shard, _ROWS)):
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    names = [f"{split}-{n:05d}-of-{len(parts):05d}.parquet" for n in range(len(parts))]
    return [part.rename(folder / name) for part, name in zip(parts, names, strict=True)]


def _shards(rows: Iterable[Row], shard_bytes: int) -> Iterator[Iterator[Row]]:
    written = 0

    def shard(row: Row) -> int:
        nonlocal written
        before = written
        written += sum(len(row[name].encode()) for name in ("instruction", "input", "output"))
        return before // shard_bytes

    for _, group in itertools.groupby(rows, key=shard):
        yield group


def read_parquet(files: Sequence[Path], *, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Read the rows of Parquet files in order; the column `a.b` is the field `b` of `a`.

    Raises:
        DataError: a file is not a complete Parquet file.
    """
    import pyarrow.parquet as pq

    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                wanted = None if columns is None else list(columns)
                for batch in file.iter_batches(_ROWS, columns=wanted, use_threads=False):
                    yield from batch.to_pylist()
        except (ValueError, OSError) as error:  # Arrow's errors derive from these
            raise DataError(f"not a complete Parquet file ({error})", path=path) from error


def read_arrow(path: Path, *, columns: Sequence[str]) -> list[Row]:
    """Read the rows of an Arrow stream file, the format that `Dataset.save_to_disk` writes.

    Raises:
        DataError: the file is not a complete Arrow stream, or lacks a column.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
            rows: list[Row] = stream.read_all().select(list(columns)).to_pylist()
    except (ValueError, KeyError, OSError) as error:  # Arrow's errors derive from these
        raise DataError(f"not a complete Arrow stream file ({error})", path=path) from error
    return rows
