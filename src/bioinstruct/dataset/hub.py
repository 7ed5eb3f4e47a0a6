"""The one home of Hugging Face's libraries: Parquet files, datasets and the Hub."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.errors import BioinstructError, DataError, MissingError, UnknownNameError

if TYPE_CHECKING:
    from datasets import Dataset as Dataset  # under this name for those who annotate with it
    from datasets import DatasetDict as DatasetDict
    from datasets import Features
    from huggingface_hub import HfApi

__all__ = [
    "features",
    "in_memory",
    "load",
    "read_arrow",
    "read_parquet",
    "select",
    "upload",
    "write_parquet",
]

Row = dict[str, Any]

SHARD_BYTES = 256 * 1024 * 1024  # of text; the Hub advises files well under 500 MB
_ROWS = 1_000  # in memory at a time, and in a row group, which is what the Hub's viewer fetches
_WAITS = (0.5, 2.0)  # seconds before another try when the Hub is down or busy


def features() -> Features:
    """The columns of a record. Explicit, because a column without values would become `null`."""
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
    """Write rows as `SPLIT-00000-of-0000N.parquet`, the same bytes for the same rows.

    Holds a thousand rows at a time. A new file begins after `shard_bytes` of text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = features().arrow_schema
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[Path] = []
    for shard in _shards(rows, shard_bytes):
        parts.append(folder / f"{split}-{len(parts):05d}.part")
        # Content-defined pages let the Hub store only what changed in the next version.
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
    """Rows of Parquet files, one after the other; `a.b` among the columns is a field of `a`.

    Raises:
        DataError: a file is not a whole Parquet file.
    """
    import pyarrow.parquet as pq

    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                wanted = None if columns is None else list(columns)
                for batch in file.iter_batches(_ROWS, columns=wanted, use_threads=False):
                    yield from batch.to_pylist()
        except (ValueError, OSError) as error:  # Arrow's own errors are both
            raise DataError(f"not a whole Parquet file ({error})", path=path) from error


def read_arrow(path: Path, *, columns: Sequence[str]) -> list[Row]:
    """Rows of an Arrow stream file, which is what `Dataset.save_to_disk` writes.

    Raises:
        DataError: it is not a whole Arrow stream, or lacks a column.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as stream:
            rows: list[Row] = stream.read_all().select(list(columns)).to_pylist()
    except (ValueError, KeyError, OSError) as error:  # Arrow's own errors are among them
        raise DataError(f"not a whole Arrow stream file ({error})", path=path) from error
    return rows


def in_memory(splits: Mapping[str, Sequence[Row]]) -> DatasetDict:
    """A dataset of rows that are here already: no cache, nothing built."""
    from datasets import Dataset, DatasetDict, NamedSplit

    columns = features()
    return DatasetDict(
        {
            name: Dataset.from_list(list(rows), features=columns, split=NamedSplit(name))
            for name, rows in splits.items()
        }
    )


def select(data: DatasetDict, split: str) -> Dataset:
    """One split, or a part of it in the notation of `datasets`, such as `train[:10]`."""
    from datasets import ReadInstruction, concatenate_datasets

    sizes = {name: len(rows) for name, rows in data.items()}
    for part in split.split("+"):
        if part.partition("[")[0].strip() not in sizes:
            raise UnknownNameError("split", part.strip(), sizes)
    try:
        parts = ReadInstruction.from_spec(split).to_absolute(sizes)
    except (AssertionError, ValueError) as error:
        raise BioinstructError(f"cannot read the split {split!r}: {error}") from error
    return concatenate_datasets(
        [data[part.splitname].select(range(part.from_, part.to)) for part in parts]
    )


def load(
    source: str, config: str | None = None, *, split: str | None = None
) -> DatasetDict | Dataset:
    """A folder or a Hub id, through `datasets.load_dataset`.

    Raises:
        BioinstructError: it is not there, cannot be reached, or is not a dataset.
    """
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    hint = "give a published folder, a JSON Lines file or the id of a dataset on the Hub"
    try:
        return datasets.load_dataset(source, config, split=split)
    except FileNotFoundError as error:  # what `datasets` raises is a kind of it
        raise MissingError(f"no dataset {source!r}: {_first_line(error)}", hint=hint) from error
    except (ConnectionError, HfHubHTTPError) as error:
        raise MissingError(
            f"cannot fetch the dataset {source!r}: {_first_line(error)}",
            hint="check the network, HF_ENDPOINT, and that HF_HUB_OFFLINE is not set",
        ) from error
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        raise BioinstructError(f"cannot load {source!r}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def upload(
    folder: Path,
    repo: str,
    *,
    files: Sequence[str],
    replaced: str,
    private: bool = False,
    token: str | None = None,
) -> str:
    """Upload a folder to a dataset repository, new or old, and return the commit's URL.

    Only what matches the patterns `files` is uploaded. What matches `replaced` there and is not
    uploaded now is deleted: shards of a larger version would be loaded together with the new ones.
    The endpoint is HF_ENDPOINT, the token `token`, else HF_TOKEN, else the one of `hf auth login`.
    A try that fails because the Hub is down or busy is made again, twice.

    Raises:
        BioinstructError: without the token anywhere in it, its cause or its context.
    """
    from huggingface_hub import HfApi, get_token

    secret = token or get_token()
    if not secret:
        raise MissingError(
            "pushing needs a token of the Hub", hint="set HF_TOKEN, or run `hf auth login`"
        )
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=secret)
    for wait in (*_WAITS, None):
        try:
            commit = api.upload_folder(
                repo_id=_repository(api, repo, private=private),
                repo_type="dataset",
                folder_path=folder,
                allow_patterns=list(files),
                delete_patterns=replaced,
                commit_message="Publish with bioinstruct",
            )
            return str(commit.commit_url)
        except BioinstructError:
            raise
        except Exception as error:  # the client, its HTTP library and Xet each raise their own
            failure = _refusal(error, repo, api.endpoint, secret)
            again = wait is not None and _status(error) in {429, 500, 502, 503, 504}
        if not again:
            break
        time.sleep(wait or 0)
    raise failure  # out here it has no context, which could carry request headers


def _repository(api: HfApi, repo: str, *, private: bool) -> str:
    api.whoami()
    found = api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
    # A repository that was there keeps its visibility, whatever was asked for.
    if private and not api.repo_info(found.repo_id, repo_type="dataset").private:
        raise BioinstructError(
            f"{found.repo_id} is there already, and it is public",
            hint="make it private on the Hub first, or push without `--private`",
        )
    return found.repo_id


def _chain(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _status(error: BaseException) -> int | None:
    for cause in _chain(error):
        with contextlib.suppress(AttributeError):
            return int(cause.response.status_code)  # type: ignore[attr-defined]
    return None


def _said(error: BaseException) -> str:
    """What the server said, else the innermost reason."""
    for cause in _chain(error):
        if message := getattr(cause, "server_message", None):
            return str(message).replace("\n", " ")
    return _first_line(list(_chain(error))[-1])


def _refusal(error: BaseException, repo: str, endpoint: str, secret: str) -> BioinstructError:
    status = _status(error)
    said = _said(error).replace(secret, "***")
    if status == 401:
        message, hint = "the Hub refused the token", "set HF_TOKEN, or run `hf auth login`"
    elif status == 403:
        message = f"the token may not write to {repo!r}"
        hint = "use a token with write access to that name, or another `--repo`"
    elif status is not None:
        message, hint = f"the Hub answered {status} ({said})", "try again later"
        hint = hint if status >= 429 else "check the name of the repository and the card"
    elif isinstance(error, ValueError):
        message, hint = f"cannot push to {repo!r}: {said}", "`--repo` is `OWNER/NAME`"
    else:
        message = f"cannot reach the Hub at {endpoint} ({type(error).__name__}: {said})"
        hint = "check the network and HF_ENDPOINT, and that HF_HUB_OFFLINE is not set"
    return BioinstructError(message, hint=hint)
