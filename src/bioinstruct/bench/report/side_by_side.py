"""Several runs on one page: their systems, each compared with the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bioinstruct.bench.evaluation.runs import COUNTS, Pair, compare_runs, read_counts
from bioinstruct.bench.report.folder import Run, read_run
from bioinstruct.bench.report.merged import merge
from bioinstruct.bench.report.page import write_page

__all__ = ["compared_with_first", "write_runs"]


def write_runs(path: Path, folders: Sequence[Path], *, seed: int = 0) -> list[str]:
    """Write the page of the runs in these folders; return why some were not compared.

    Raises:
        MissingError: a folder holds no report.
        DataError: a file of a run is damaged.
    """
    runs = [read_run(folder) for folder in folders]
    pairs, refused = compared_with_first(folders, runs, seed=seed)
    write_page(path, runs, pairs)
    return refused


def compared_with_first(
    folders: Sequence[Path], runs: Sequence[Run], *, seed: int = 0
) -> tuple[list[tuple[str, str, Pair]], list[str]]:
    """Compare each system with the first one, where there is more than one run.

    Returns:
        The names of the two with the comparison, for each task that both have; and why others are
        not compared.
    """
    if len(runs) < 2:
        return [], []
    from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks

    first, *others = merge(runs).systems
    known, refused = _there(folders), []
    pairs: list[tuple[str, str, Pair]] = []
    for other in others:
        if not (known[first.run] and known[other.run]):
            refused.append(f"{other.name}: no {COUNTS} in {folders[other.run]}")
            continue
        one = read_counts(folders[first.run], first.which)
        found, without = compare_runs(one, read_counts(folders[other.run], other.which), seed=seed)
        pairs += [(first.name, other.name, pair) for pair in found]
        refused += [f"{other.name}: {why}" for why in without]
    return pairs, refused


def _there(folders: Sequence[Path]) -> list[bool]:
    return [(folder / COUNTS).is_file() for folder in folders]
