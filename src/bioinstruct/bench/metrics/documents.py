"""Group items by document, and count those without one."""

from __future__ import annotations

from collections.abc import Sequence

from bioinstruct.schema import Instruction

__all__ = ["documents_of", "nameless"]


def documents_of(examples: Sequence[Instruction]) -> list[str]:
    """Return the document of each example; an example without one is a document of its own."""
    found = ((e.provenance.origin, e.provenance.document, e.id) for e in examples)
    return [f"{origin} {name}" if name else f"item {id}" for origin, name, id in found]


def nameless(examples: Sequence[Instruction]) -> int:
    """Return how many examples name no document."""
    return sum(not example.provenance.document for example in examples)
