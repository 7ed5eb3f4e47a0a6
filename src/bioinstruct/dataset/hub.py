"""Access to the `datasets` library and the Hugging Face Hub."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.parquet import Row, features
from bioinstruct.redaction import public_address, redactor, url_secrets

if TYPE_CHECKING:
    from datasets import Dataset as Dataset  # re-exported for annotations
    from datasets import DatasetDict as DatasetDict
    from huggingface_hub import HfApi

__all__ = [
    "from_disk",
    "in_memory",
    "load",
    "select",
    "upload",
]

_WAITS = (0.5, 2.0)  # seconds before each retry when the Hub is down or busy


def in_memory(splits: Mapping[str, Sequence[Row]]) -> DatasetDict:
    """Build a dataset from rows in memory, without using the cache."""
    from datasets import Dataset, DatasetDict, NamedSplit

    columns = features()
    return DatasetDict(
        {
            name: Dataset.from_list(list(rows), features=columns, split=NamedSplit(name))
            for name, rows in splits.items()
        }
    )


def select(data: DatasetDict, split: str) -> Dataset:
    """Return a split, or a slice in the notation of `datasets`, such as `train[:10]`.

    Raises:
        UnknownNameError: the dataset has no such split.
        BioinstructError: the slice is malformed.
    """
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
    """Load a folder or a Hub id with `datasets.load_dataset`.

    Raises:
        BioinstructError: the source does not exist, cannot be reached, or is not a dataset.
    """
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    hint = "give a published folder, a JSON Lines file or the id of a dataset on the Hub"
    try:
        return datasets.load_dataset(source, config, split=split)
    except FileNotFoundError as error:  # `datasets` raises subclasses of it
        raise MissingError(f"no dataset {source!r}: {_first_line(error)}", hint=hint) from error
    except (ConnectionError, HfHubHTTPError) as error:
        raise MissingError(
            f"cannot fetch the dataset {source!r}: {_first_line(error)}",
            hint="check the network, HF_ENDPOINT, and that HF_HUB_OFFLINE is not set",
        ) from error
    except (ValueError, datasets.exceptions.DatasetsError) as error:
        raise BioinstructError(f"cannot load {source!r}: {_first_line(error)}") from error


def from_disk(path: Path, split: str) -> Dataset:
    """Load a folder that `save_to_disk` wrote; a single `Dataset` has no splits.

    Raises:
        UnknownNameError: there is no such split.
        BioinstructError: the folder is not complete.
    """
    import datasets

    try:
        data = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise BioinstructError(f"cannot load {str(path)!r}: {_first_line(error)}") from error
    return select(data, split) if isinstance(data, datasets.DatasetDict) else data


def _first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def upload(
    folder: Path,
    repo: str,
    *,
    files: Sequence[str],
    replaced: Sequence[str],
    private: bool = False,
    token: str | None = None,
) -> str:
    """Upload a folder to a new or existing dataset repository and return the commit's URL.

    Uploads only files that match the patterns `files`. Deletes files in the repository that match
    one of `replaced` and are not uploaded: shards left from a larger version would be loaded
    together with the new ones. Uses the endpoint HF_ENDPOINT, and as token `token`, else HF_TOKEN,
    else the token of `hf auth login`. Retries twice if the Hub is down or busy.

    Raises:
        BioinstructError: the upload failed. Neither the error nor its cause or context contains
            the token.
    """
    from huggingface_hub import HfApi, get_token

    secret = token or get_token()
    if not secret:
        raise MissingError("pushing needs a Hub token", hint="set HF_TOKEN, or run `hf auth login`")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=secret)
    for wait in (*_WAITS, None):
        try:
            commit = api.upload_folder(
                repo_id=_repository(api, repo, private=private),
                repo_type="dataset",
                folder_path=folder,
                allow_patterns=list(files),
                delete_patterns=list(replaced),
                commit_message="Publish with bioinstruct",
            )
            return redactor([secret, *url_secrets(api.endpoint)], guess=False)(
                str(commit.commit_url)
            )
        except BioinstructError:
            raise
        except Exception as error:  # the client, its HTTP library and Xet raise different types
            failure = _refusal(error, repo, api.endpoint, secret)
            again = wait is not None and _status(error) in {429, 500, 502, 503, 504}
        if not again:
            break
        time.sleep(wait or 0)
    raise failure  # outside `except`, so without a context that could carry request headers


def _repository(api: HfApi, repo: str, *, private: bool) -> str:
    api.whoami()
    created = api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
    # An existing repository keeps its visibility, whatever `private` says.
    if private and not api.repo_info(created.repo_id, repo_type="dataset").private:
        raise BioinstructError(
            f"{created.repo_id} already exists and is public",
            hint="make it private on the Hub first, or push without `--private`",
        )
    return created.repo_id


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


def _reason(error: BaseException) -> str:
    """Return the server's message, or else that of the innermost cause."""
    for cause in _chain(error):
        if message := getattr(cause, "server_message", None):
            return str(message).replace("\n", " ")
    return _first_line(list(_chain(error))[-1])


def _refusal(error: BaseException, repo: str, endpoint: str, secret: str) -> BioinstructError:
    status = _status(error)
    redact = redactor([secret, *url_secrets(endpoint)])
    reason, endpoint = redact(_reason(error)), public_address(endpoint)
    if status == 401:
        message, hint = "the Hub refused the token", "set HF_TOKEN, or run `hf auth login`"
    elif status == 403:
        message = f"the token may not write to {repo!r}"
        hint = "use a token with write access to that name, or another `--repo`"
    elif status is not None:
        message, hint = f"the Hub answered {status} ({reason})", "try again later"
        hint = hint if status >= 429 else "check the name of the repository and the card"
    elif isinstance(error, ValueError):
        message, hint = f"cannot push to {repo!r}: {reason}", "`--repo` is `OWNER/NAME`"
    else:
        message = f"cannot reach the Hub at {endpoint} ({type(error).__name__}: {reason})"
        hint = "check the network and HF_ENDPOINT, and that HF_HUB_OFFLINE is not set"
    return BioinstructError(message, hint=hint)
