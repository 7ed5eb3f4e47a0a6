"""A record with its label, and the source of the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bioinstruct.schema import Category, Instruction

__all__ = ["Labelled", "labelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A labelled record; its id is unchanged, since ids do not depend on the category."""

    example: Instruction
    """The record with the new category."""
    before: Category
    by: str
    """Source such as `offline-1` or `gpt-4o, label-1`; empty if the record kept its category."""
    confidence: float
    """Confidence of the offline classifier in its own label, from 0 to 1."""
    offline: Category
    """Label of the offline classifier, even if the label is from another source."""

    def row(self) -> dict[str, Any]:
        """Return the line for the file of label sources, for which records have no field."""
        return {
            "id": self.example.id,
            "category": self.example.category.value,
            "before": self.before.value,
            "by": self.by or None,
            "offline": self.offline.value,
            "confidence": round(self.confidence, 4),
        }


def labelled(
    example: Instruction,
    category: Category | None,
    *,
    by: str,
    offline: Category,
    confidence: float,
) -> Labelled:
    """Return the record with a category; None keeps its category."""
    changed = category is not None and category != example.category
    return Labelled(
        example=example.model_copy(update={"category": category}) if changed else example,
        before=example.category,
        by=by if category is not None else "",
        confidence=confidence,
        offline=offline,
    )
