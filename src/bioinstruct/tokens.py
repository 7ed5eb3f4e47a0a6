"""Load tokenizers that count the tokens of a text."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import DataError, MissingError, UnknownNameError

if TYPE_CHECKING:
    from tiktoken import Encoding

__all__ = ["Tokens", "encoding_name", "tiktoken_encoding", "tokens_by"]

_SOURCE = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"  # as tiktoken has it
_PATIENCE = 5.0  # seconds to download an encoding (1.7 or 3.6 MB)
_TINY = Path(__file__).with_name("data") / "tiny" / "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenizer that counts the tokens of a text."""

    name: str
    """Name of the tokenizer; for a path, its last component."""
    count: Callable[[str], int]
    """Return the number of tokens of a text, without special tokens."""


def tokens_by(name: str) -> Tokens:
    """Load a tokenizer: `tiny`, a tiktoken encoding, or a `tokenizer.json` or its folder.

    Raises:
        UnknownNameError: the name is none of these.
        MissingError: the encoding is not cached and cannot be downloaded.
        DataError: the file is not a tokenizer.
    """
    path = Path(name)
    if name == "tiny":
        return Tokens(name, _from_file(_TINY))
    if path.is_dir() or path.is_file():
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise MissingError(
                f"{path} has no tokenizer.json",
                hint="call `save_pretrained` of a fast tokenizer to write one",
            )
        return Tokens(path.resolve().name, _from_file(file))
    return Tokens(name, _from_tiktoken(name))


def _from_tiktoken(name: str) -> Callable[[str], int]:
    import tiktoken

    known = sorted(tiktoken.list_encoding_names())
    if name not in known:
        raise UnknownNameError("tokenizer", name, ["tiny", *known])
    encoding = tiktoken_encoding(name)
    if encoding is None:
        raise MissingError(
            f"the tiktoken encoding {name} is not available",
            hint="run once with a network connection, or put the file into TIKTOKEN_CACHE_DIR",
        )
    return lambda text: len(encoding.encode_ordinary(text))


def encoding_name(model: str) -> str:
    """Return the name of the tiktoken encoding of an OpenAI model; empty for other models."""
    import tiktoken

    try:
        return tiktoken.encoding_name_for_model(model)
    except KeyError:
        return ""


@cache
def tiktoken_encoding(name: str) -> Encoding | None:
    """Return an encoding of tiktoken, or None if it is not available.

    Takes it from tiktoken's cache (`TIKTOKEN_CACHE_DIR`), or downloads it once with a timeout of a
    few seconds, unless `HF_HUB_OFFLINE=1` forbids it.
    """
    if not _cached(name) and os.environ.get("HF_HUB_OFFLINE", "0") not in {"", "0"}:
        return None
    found: list[Encoding] = []

    def load() -> None:
        import tiktoken

        try:
            found.append(tiktoken.get_encoding(name))
        except Exception as error:  # any network error: fall back to the estimate
            logging.getLogger(__name__).info("no encoding %s: %s", name, type(error).__name__)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(None if _cached(name) else _PATIENCE)
    return found[0] if found else None


def _cached(name: str) -> bool:
    """Return whether the file of an encoding is in tiktoken's cache."""
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if folder is None:
        folder = str(Path(tempfile.gettempdir()) / "data-gym-cache")
    key = hashlib.sha1(_SOURCE.format(name).encode()).hexdigest()
    return bool(folder) and (Path(folder) / key).is_file()


def _from_file(path: Path) -> Callable[[str], int]:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower type
        raise DataError(f"not a tokenizer ({error})", path=path) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
