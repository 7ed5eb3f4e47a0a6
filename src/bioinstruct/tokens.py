"""How many tokens a text has, by a tokenizer that the user names."""

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
    """A way to count the tokens of a text."""

    name: str
    """What the user named; of a path its last part."""
    count: Callable[[str], int]
    """Tokens of a text, without those that a model wants at its ends."""


def tokens_by(name: str) -> Tokens:
    """Count by `tiny`, an encoding of tiktoken, or a `tokenizer.json` (or the folder it is in).

    Raises:
        UnknownNameError: it is none of these.
        MissingError: the encoding is not at hand and cannot be fetched.
        DataError: the file is not a tokenizer.
    """
    path = Path(name)
    if name == "tiny":
        return Tokens(name, _from_file(_TINY))
    if path.is_dir() or path.is_file():
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise MissingError(
                f"{path} has no tokenizer.json", hint="`save_pretrained` of a fast tokenizer does"
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
    except Exception as error:  # the library raises nothing more precise
        raise DataError(f"not a tokenizer ({error})", path=path) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
