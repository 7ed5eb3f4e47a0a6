"""Several corpora as one stream of instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bioinstruct import corpora
from bioinstruct.corpora import Corpus
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = ["Failure", "compile_corpora"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A corpus that could not be read, and why."""

    corpus: str
    error: BioinstructError


def compile_corpora(
    names: Iterable[str],
    *,
    split: str = "train",
    data: Path | None = None,
    layout: str | None = None,
    failures: list[Failure] | None = None,
) -> Iterator[Instruction]:
    """Instructions of the named corpora, in the order of the names and then of the files.

    A corpus is there whole or not at all: one that cannot be read to its end is left out, kept in
    `failures`, and the next one is read. Without `failures` the first error ends the stream. The
    layout is for those corpora that have layouts; a corpus named twice is read once.

    Raises:
        UnknownNameError: there is no such corpus, or none of them has layouts.
    """
    chosen = [corpora.get_corpus(name) for name in dict.fromkeys(names)]
    if layout is not None and chosen and not any(corpus.layouts for corpus in chosen):
        raise UnknownNameError("layout of these corpora", layout, ())
    return _compile(chosen, split, data, layout, failures)


def _compile(
    chosen: list[Corpus],
    split: str,
    data: Path | None,
    layout: str | None,
    failures: list[Failure] | None,
) -> Iterator[Instruction]:
    for corpus in chosen:
        wanted = layout if corpus.layouts else None
        try:
            examples = list(corpora.read(corpus.name, split, data=data, layout=wanted))
        except BioinstructError as error:
            if failures is None:
                raise
            failures.append(Failure(corpus.name, error))
        else:
            yield from examples
