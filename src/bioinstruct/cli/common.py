"""Help texts and helpers that the subcommands share."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bioinstruct.console import Line, say
from bioinstruct.rejection import Rejection, write_rejections
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = [
    "SOURCE",
    "SPLIT",
    "TOKENIZER",
    "counted",
    "keep_rejected",
    "sentence",
    "watched",
]

SPLIT = "train, validation or test (default: train)"
TOKENIZER = "also count tokens: `tiny`, a tiktoken encoding, or a folder with a tokenizer.json"
SOURCE = "a JSON Lines file, `-`, `seeds`, `demo`, a published folder or a Hub id"


def watched(examples: Iterable[Instruction], counts: Counter[str]) -> Iterator[Instruction]:
    """Yield the examples while counting them by origin and showing progress on stderr."""
    line = Line()
    for number, example in enumerate(examples, start=1):
        counts[example.provenance.origin] += 1
        if number % 1000 == 0:
            line.show(f"{number:,} instructions")
        yield example
    line.show("")


def keep_rejected(rejected: list[Rejection], path: Path) -> None:
    write_rejections(path, rejected)
    first = rejected[0]
    say(f"left out {len(rejected):,} lines that are not instructions; see {path}")
    say(f"first error: {first.place['path']}:{first.place['line']}: {first.reason}")


def counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
