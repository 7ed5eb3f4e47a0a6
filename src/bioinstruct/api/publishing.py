"""Records in files, and counts of them: `publish`, `export` and `statistics`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.progress import OnProgress, counted
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.dataset.statistics import Statistics

__all__ = ["export", "publish", "statistics"]


def publish(
    records: Iterable[Instruction],
    out: Path | str,
    *,
    name: str = "bioinstruct",
    language: str = "en",
    private_copy: bool = False,
    tokenizer: str | None = None,
    progress: OnProgress | None = None,
) -> Statistics:
    """Write a dataset as Parquet, with its card and statistics.

    The first of several records with the same id is written. The folder appears, or replaces an
    earlier publication, only when it is complete. `datasets.load_dataset(folder)` reads it.

    Args:
        records: the dataset; read once.
        out: the folder to write.
        name: name of the dataset on its card.
        language: BCP 47 code of the texts' language.
        private_copy: also write records that may not be redistributed; `push` refuses the folder.
        tokenizer: also count lengths in tokens: `tiny`, a tiktoken encoding, or a folder with a
            tokenizer.json.
        progress: called every 1,000 records.

    Returns:
        The statistics of the dataset, which print as a table.

    Raises:
        BioinstructError: there are no records, one may not be redistributed, or `out` is something
            that was not published.
        UnknownNameError: there is no such tokenizer.
    """
    from bioinstruct.dataset.publish import publish as write
    from bioinstruct.tokens import tokens_by

    return write(
        counted(records, f"publishing {out}", progress),
        Path(out),
        name=name,
        language=language,
        private_copy=private_copy,
        tokens=tokens_by(tokenizer) if tokenizer else None,
    )


def export(
    records: Iterable[Instruction],
    to: str,
    out: Path | str,
    *,
    private_copy: bool = False,
    progress: OnProgress | None = None,
) -> int:
    """Write records in the format of a trainer, and return how many were written.

    Args:
        records: what to write; read once.
        to: `alpaca`, `axolotl`, `chat`, `llama-factory`, `prompt-completion` or `sharegpt`.
        out: the file or folder to write.
        private_copy: also write records that may not be redistributed, for your own use.
        progress: called every 1,000 records.

    Raises:
        UnknownNameError: there is no such format.
        BioinstructError: there are no records, or one may not be redistributed.
    """
    from bioinstruct.dataset.export import export as write

    return write(
        counted(records, f"exporting to {out}", progress), to, Path(out), private_copy=private_copy
    )


def statistics(records: Iterable[Instruction], *, progress: OnProgress | None = None) -> Statistics:
    """Count records by category, task, source and licence, and measure their lengths.

    Args:
        records: what to count; read once, none is held.
        progress: called every 1,000 records.

    Returns:
        Counts of records, and quantiles of lengths in characters and words; prints as a table.
    """
    from bioinstruct.dataset.statistics import statistics as count

    return count(counted(records, "counting", progress))
