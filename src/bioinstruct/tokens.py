"""Count tokens with a tokenizer that the user names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bioinstruct.errors import DataError, MissingError, UnknownNameError
from bioinstruct.llm.tokens import encoding_counter, encodings

__all__ = ["Tokens", "tokens_by"]

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
    known = encodings()
    if name not in known:
        raise UnknownNameError("tokenizer", name, ["tiny", *known])
    return Tokens(name, encoding_counter(name))


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
