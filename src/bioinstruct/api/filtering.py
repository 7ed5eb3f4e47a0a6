"""Fewer records: `filter`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bioinstruct.errors import BioinstructError
from bioinstruct.progress import OnProgress, counted
from bioinstruct.records import Records
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.bench.tasks import Evaluation, Task
    from bioinstruct.filters import Contaminated, Rejection, Step

__all__ = ["filter"]

logger = logging.getLogger("bioinstruct")


def filter(
    records: Iterable[Instruction],
    *,
    rules: Sequence[str] = (),
    near_duplicates: float | None = None,
    against: str | Iterable[str | Task | Evaluation] = (),
    overlap: str = "default",
    progress: OnProgress | None = None,
) -> Records:
    """Leave out unfit records, test questions and near duplicates, in this order.

    Near duplicates of generated and hand-written records are found as Self-Instruct finds them: by
    the instruction alone. Compiled records share a few wordings, so they are compared within their
    task, by input and output, as in a mixture.

    Args:
        records: what to filter; the first of two near duplicates stays.
        rules: names of rules, `("all",)` or `("published",)`.
        near_duplicates: ROUGE-L F above which a record is dropped, from 0 to 1; Self-Instruct and
            BioInstruct use 0.7. None: near duplicates stay.
        against: benchmark tasks, by name or from `bench.load_tasks`; `"all"` for every corpus
            available. Records that overlap anything that they score are dropped.
        overlap: `strict`, `default` or `loose`: how much of a test text a record must share.
        progress: called every 1,000 records.

    Returns:
        The records that stay, in their order; the others are in `rejected`, each with the name of
        the rule, `contaminated-exact` and so on, or `near-duplicate`.

    Raises:
        UnknownNameError: there is no such rule, task or level of overlap.
        MissingError: the corpus of a named task is not there.
        BioinstructError: the threshold is not from 0 to 1, or there is nothing to filter by.
    """
    from bioinstruct.filters import choose_rules, contamination_step, rules_step, split
    from bioinstruct.filters.similarity import check_threshold

    named = [against] if isinstance(against, str) else list(against)
    if near_duplicates is not None:
        check_threshold(near_duplicates)
    elif not (rules or named):
        raise BioinstructError(
            "nothing to filter by",
            hint="give near_duplicates=0.7, against='all' or rules=('all',)",
        )
    chosen = choose_rules([rules] if isinstance(rules, str) else rules)
    steps: list[Step] = [rules_step(chosen)] if chosen else []
    if named:
        steps.append(contamination_step(_contaminated(named, overlap)))
    if near_duplicates is not None:
        steps += _near_duplicates(near_duplicates)
    kept, rejections = split(counted(records, "filtering", progress), steps)
    found = Records(kept, rejected=rejections)
    found.log("filter")
    return found


def _contaminated(tasks: Iterable[str | Task | Evaluation], level: str) -> Contaminated:
    """Return the index of everything that the tasks score.

    Raises:
        UnknownNameError: there is no such task.
        MissingError: the corpus of a task that is named singly is not there.
    """
    from bioinstruct.bench.tasks import protected_texts

    protected = protected_texts(tasks)
    for corpus, why in protected.missing.items():
        logger.warning("not compared with %s: %s", corpus, why)
    logger.info("comparing with %s test texts", f"{len(protected):,}")
    return protected.contaminated(level=level)


def _near_duplicates(threshold: float) -> list[Step]:
    """Return the steps that reject near duplicates: compiled records within their task."""
    from bioinstruct.filters import Near
    from bioinstruct.filters.pipeline import answered_text

    written = Near.by_rouge(threshold)
    compiled = Near.by_rouge(
        threshold, tokenizer="unicode", text=answered_text, group=lambda example: example.task
    )
    return [_only(written, compiled=False), _only(compiled, compiled=True)]


def _only(step: Step, *, compiled: bool) -> Step:
    """Return a step for records that are compiled, or for those that are not."""

    def decide(records: Sequence[Instruction]) -> list[Rejection | None]:
        kinds = [(record.provenance.kind == "compiled") is compiled for record in records]
        found = iter(step([record for record, mine in zip(records, kinds, strict=True) if mine]))
        return [next(found) if mine else None for mine in kinds]

    return decide
