"""A record with the category that somebody gave it, and who that was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bioinstruct.schema import Category, Instruction

__all__ = ["Labelled", "labelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A record after it was labelled; its id is what it was, since no id depends on a category."""

    example: Instruction
    """With the new category."""
    before: Category
    by: str
    """`offline-1`, `gpt-4o, label-1` and so on; empty where the record kept its category."""
    confidence: float
    """Of the offline classifier in its own choice, from 0 to 1."""
    offline: Category
    """What the offline classifier says, whoever labelled."""

    def row(self) -> dict[str, Any]:
        """The line of the file that says where labels are from: a record has no field for it."""
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
    """The record with that category; None leaves it as it is."""
    changed = category is not None and category != example.category
    return Labelled(
        example=example.model_copy(update={"category": category}) if changed else example,
        before=example.category,
        by=by if category is not None else "",
        confidence=confidence,
        offline=offline,
    )
