"""The category of each record: `label`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING

from bioinstruct.progress import OnProgress, counted
from bioinstruct.records import Records
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.labels import Labelled
    from bioinstruct.llm.client import Client

__all__ = ["LabelledRecords", "label"]

logger = logging.getLogger("bioinstruct")


class LabelledRecords(Records):
    """Records with their new categories.

    Attributes:
        labels: for each record its category before, who labelled it, and the confidence of the
            offline classifier from 0 to 1.
    """

    labels: list[Labelled]


def label(
    records: Iterable[Instruction],
    *,
    teacher: Client | None = None,
    keep_existing: bool = False,
    progress: OnProgress | None = None,
) -> LabelledRecords:
    """Say of each record whether it is QA, IE, GEN or OTHER.

    Ids do not change: a category is not part of them.

    Args:
        records: what to label.
        teacher: a model to ask, with a transcript; default: the classifier that ships with the
            package, which needs no key.
        keep_existing: label only records that are OTHER now.
        progress: called every 1,000 records, and with a teacher every 10.

    Returns:
        The records in their order, with `labels`. A record without a usable answer of the teacher
        keeps its category.

    Raises:
        BudgetError: the next request could cost more than is left.
        ProviderError: the server refuses every request alike.
        BioinstructError: the teacher has no transcript, or another process uses it.
    """
    from bioinstruct.labels import label_records

    if teacher is None:
        made: Iterable[Labelled] = label_records(records, keep_existing=keep_existing)
        labels = list(counted(made, "labelling", progress))
    else:
        from bioinstruct.labels.teacher import Teaching, label_by_teacher

        teaching = Teaching(keep_existing=keep_existing)
        with closing(label_by_teacher(records, teacher, teaching)) as asked:
            labels = list(counted(asked, "labelling", progress, every=10))
    labelled = LabelledRecords(one.example for one in labels)
    labelled.labels = labels
    changed = sum(one.before != one.example.category for one in labels)
    labelled.notes.append(f"{changed:,} of {len(labels):,} categories changed")
    kept = sum(not one.by for one in labels)
    if teacher is not None and kept and not keep_existing:
        labelled.notes.append(f"{kept:,} got no usable label and kept their category")
        logger.warning("label: %s records got no usable label", f"{kept:,}")
    return labelled
