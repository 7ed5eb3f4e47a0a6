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
    from bioinstruct.bench.tasks.base import Task
    from bioinstruct.filters import Contaminated, Dropped

__all__ = ["filter"]

logger = logging.getLogger("bioinstruct")


def filter(
    records: Iterable[Instruction],
    *,
    rules: Sequence[str] = (),
    near_duplicates: float | None = None,
    against: str | Iterable[str | Task] = (),
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
            that is there. Records that overlap anything that they score are dropped.
        progress: called every 1,000 records.

    Returns:
        The records that stay, in their order; the others are in `rejected`, each with the name of
        the rule, `contaminated-exact` and so on, or `near-duplicate`.

    Raises:
        UnknownNameError: there is no such rule or task.
        MissingError: the corpus of a named task is not there.
        BioinstructError: the threshold is not from 0 to 1, or there is nothing to filter by.
    """
    from bioinstruct.filters import choose_rules, screen
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
    contaminated = _contaminated(named) if named else None
    screened = screen(
        counted(records, "filtering", progress), rules=chosen, contaminated=contaminated
    )
    kept, dropped = screened.kept, screened.dropped
    if near_duplicates is not None:
        kept, near = _without_near_duplicates(kept, near_duplicates)
        dropped = [*dropped, *near]
    found = Records(kept, rejected=dropped)
    found.log("filter")
    return found


def _contaminated(tasks: Iterable[str | Task]) -> Contaminated:
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
    return protected.contaminated()


def _without_near_duplicates(
    examples: Sequence[Instruction], threshold: float
) -> tuple[list[Instruction], list[Dropped]]:
    """Split the records into those that stay and near duplicates of them."""
    from bioinstruct.filters import Dropped, NearDuplicates

    groups: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        compiled = example.provenance.kind == "compiled"
        groups.setdefault(example.task if compiled else "", []).append(place)
    dropped: dict[int, Dropped] = {}
    for task, places in groups.items():
        near = NearDuplicates(threshold, tokenizer="unicode" if task else "self-instruct")
        texts = [_compared_text(examples[place]) for place in places]
        for place, match in zip(places, near.offer_all(texts), strict=True):
            if match is not None:
                other = examples[places[match.place]].id
                text = texts[match.place][:200]
                dropped[place] = Dropped(
                    examples[place], "near-duplicate", text, other, match.score
                )
    kept = [example for place, example in enumerate(examples) if place not in dropped]
    return kept, list(dropped.values())


def _compared_text(example: Instruction) -> str:
    if example.provenance.kind != "compiled":
        return example.instruction
    return f"{example.input or example.instruction}\n{example.output}"
