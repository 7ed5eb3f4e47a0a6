"""The category of each record: `label`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bioinstruct.progress import OnProgress, counted
from bioinstruct.records import Records
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.labels import Labelled

__all__ = ["LabelledRecords", "label"]


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
    keep_existing: bool = False,
    progress: OnProgress | None = None,
) -> LabelledRecords:
    """Say of each record whether it is QA, IE, GEN or OTHER, by the classifier that ships.

    Ids do not change: a category is not part of them.

    Args:
        records: what to label.
        keep_existing: label only what is OTHER now.
        progress: called every 1,000 records.

    Returns:
        The records in their order, with `labels`.
    """
    from bioinstruct.labels import label_records

    labels = list(
        counted(label_records(records, keep_existing=keep_existing), "labelling", progress)
    )
    labelled = LabelledRecords(made.example for made in labels)
    labelled.labels = labels
    changed = sum(made.before != made.example.category for made in labels)
    labelled.notes.append(f"{changed:,} of {len(labels):,} categories changed")
    return labelled
