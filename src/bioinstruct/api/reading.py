"""Records from datasets and corpora: `load`, `compile` and `compile_mixture`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.progress import OnProgress, counted
from bioinstruct.records import LeftOut, Records

if TYPE_CHECKING:
    from bioinstruct.dataset.convert import ImportOptions
    from bioinstruct.mixtures.compile import CorpusReport

__all__ = ["compile", "compile_mixture", "load"]

logger = logging.getLogger("bioinstruct")


def load(
    source: str | Path,
    *,
    config: str | None = None,
    split: str = "train",
    options: ImportOptions | None = None,
    progress: OnProgress | None = None,
) -> Records:
    """Read the records of a dataset and check each of them.

    Args:
        source: `demo` or `seeds` (they ship with the package), a file of JSON Lines, JSON, CSV, TSV
            or Parquet (also gzip), a folder (published, exported, or written by `save_to_disk`), or
            a Hub id `owner/name`. Other forms than ours are converted, see `ImportOptions`.
        config: a configuration of the dataset, if it has several.
        split: `train`, `validation` or `test`; a single file has no splits and ignores it.
        options: the columns of records of another form, and what to add to them.
        progress: called every 1,000 records.

    Returns:
        The records; lines that are not instructions are in `rejected`, with file, line and reason.

    Raises:
        UnknownNameError: there is no such dataset, configuration or split.
        MissingError: there is no such file or folder.
        BioinstructError: the source has no instructions.
    """
    from bioinstruct.dataset.load import read_examples
    from bioinstruct.rejection import Rejection

    rejected: list[Rejection] = []
    examples = read_examples(
        str(source), config=config, split=split, rejected=rejected, options=options
    )
    records = Records(counted(examples, f"reading {source}", progress))
    records.rejected = list(rejected)
    records.log(f"{source}")
    return records


def compile(
    names: str | Iterable[str],
    *,
    split: str = "train",
    layout: str | None = None,
    data: Path | str | None = None,
    seed: int = 0,
    limit: int | None = None,
    progress: OnProgress | None = None,
) -> Records:
    """Turn annotated corpora into instructions.

    Args:
        names: corpora, such as `["ncbi-disease", "pubmedqa"]`.
        split: `train`, `validation` or `test`.
        layout: form of the answers, for corpora that have several.
        data: folder of the corpora; default: `$BIOINSTRUCT_DATA`, else the download cache.
        seed: picks the wording of each instruction.
        limit: at most this many records of each corpus.
        progress: called every 1,000 records.

    Returns:
        The records in the order of names and files. Faulty rows are in `rejected`; a
        corpus that could not be read to its end is in `notes`.

    Raises:
        UnknownNameError: there is no such corpus, split or layout.
        MissingError: the files of a corpus are not there.
        BioinstructError: there is nothing to compile.
    """
    from bioinstruct.mixtures.compile import compile_corpora

    outcomes: list[CorpusReport] = []
    stream = compile_corpora(
        [names] if isinstance(names, str) else names,
        split=split,
        data=Path(data) if data else None,
        layout=layout,
        seed=seed,
        limit=limit,
        outcomes=outcomes,
    )
    records = Records(counted(stream, "compiling", progress))
    return _compiled(records, outcomes, [])


def compile_mixture(
    mixture: str | Path,
    *,
    data: Path | str | None = None,
    seed: int = 0,
    limit: int | None = None,
    allow_nc: bool = False,
    progress: OnProgress | None = None,
) -> Records:
    """Draw a mixture of corpora, without what overlaps a test.

    Args:
        mixture: a shipped mixture, such as `open`, or a TOML file.
        data: folder of the corpora; default: `$BIOINSTRUCT_DATA`, else the download cache.
        seed: picks records and wordings.
        limit: read at most this many records of each corpus.
        allow_nc: also take sources whose licence forbids commercial use.
        progress: called every 1,000 records.

    Returns:
        The records in the order of the sources. What the mixture drops is in `rejected`, with the
        reason, as are faulty rows; missing sources are in `notes`.

    Raises:
        UnknownNameError: there is no such mixture, or it names an unknown corpus.
        MissingError: a source that is not optional is not there.
        BioinstructError: there is nothing to compile.
    """
    from bioinstruct.mixtures.build import Report
    from bioinstruct.mixtures.build import compile_mixture as draw
    from bioinstruct.mixtures.spec import load_mixture

    dropped: list[LeftOut] = []
    report = Report()
    stream = draw(
        load_mixture(str(mixture)),
        data=Path(data) if data else None,
        seed=seed,
        limit=limit,
        allow_nc=allow_nc,
        report=report,
        on_drop=dropped.append,
    )
    records = Records(counted(stream, f"compiling {mixture}", progress))
    absent = {
        source.corpus: source.left_out or str(source.error)
        for source in report.sources
        if source.left_out or (source.error is not None and not source.is_fault)
    }
    records.notes += [f"not in the mixture: {name}: {why}" for name, why in absent.items()]
    needed = [source for source in report.sources if source.corpus not in absent]
    return _compiled(records, needed, dropped)


def _compiled(
    records: Records, outcomes: Sequence[CorpusReport], dropped: Sequence[LeftOut]
) -> Records:
    """Add the outcomes of the corpora.

    Raises:
        MissingError: the files of a corpus are not there.
        BioinstructError: no corpus has given a record.
    """
    records.rejected = [*dropped, *(fault for outcome in outcomes for fault in outcome.rejected)]
    for outcome in outcomes:
        if isinstance(outcome.error, DataError) and records:
            records.notes.append(f"{outcome.corpus} was not read to its end: {outcome.error}")
        elif outcome.error is not None:
            raise outcome.error
        for reason, count in outcome.skipped.most_common():
            logger.info("%s: skipped %s rows: %s", outcome.corpus, f"{count:,}", reason)
    if not records:
        raise BioinstructError(
            "no instructions were compiled", hint="check the split, and the corpora's files"
        )
    records.log("compile")
    return records
