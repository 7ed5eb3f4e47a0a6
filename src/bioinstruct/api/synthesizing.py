"""Records whose answers are computed: `synthesize`."""

from __future__ import annotations

from collections.abc import Iterable

from bioinstruct.progress import OnProgress, counted
from bioinstruct.records import Records

__all__ = ["synthesize"]


def synthesize(
    count: int,
    *,
    seed: int = 0,
    kinds: Iterable[str] | None = None,
    split: str = "train",
    progress: OnProgress | None = None,
) -> Records:
    """Make records whose answers are computed, an equal share of each kind in turn.

    The same arguments and the same version give the same records. No clinician reviewed them; they
    are for training and testing language models, not for care.

    Args:
        count: how many records.
        seed: another seed gives other records.
        kinds: kinds or families, as `bioinstruct synthesize --list` names them; default: all.
        split: `train` or `test`; they share no wording of questions or notes.
        progress: called every 1,000 records.

    Returns:
        The records, with the provenance kind `computed` and the licence CC0-1.0.

    Raises:
        UnknownNameError: there is no such kind, family or split.
        BioinstructError: the count is not positive, or more than a kind can give without repeats.
    """
    from bioinstruct.synthesis.make import synthesize as run

    made = run(count, seed=seed, kinds=kinds, split=split)
    records = Records(counted(made, "synthesizing", progress, of=count))
    records.notes.append("no clinician reviewed these records: they are not for care")
    return records
