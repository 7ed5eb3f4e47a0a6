"""All kinds of computed records."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from bioinstruct.errors import UnknownNameError
from bioinstruct.synthesis import (
    dosing,
    electrolytes,
    epidemiology,
    extraction,
    genetics,
    histories,
    obstetrics,
    physiology,
    populations,
    renal,
    scores,
    writing,
)
from bioinstruct.synthesis.kinds import Kind

__all__ = ["KINDS", "chosen", "kinds_of"]

MODULES = (
    *(renal, electrolytes, physiology, scores, obstetrics, dosing, epidemiology, populations),
    *(genetics, histories, extraction, writing),
)


def kinds_of(module: ModuleType) -> list[Kind]:
    """Return the kinds that a module defines, in their order."""
    return [value for value in vars(module).values() if isinstance(value, Kind)]


KINDS: dict[str, Kind] = {kind.name: kind for module in MODULES for kind in kinds_of(module)}
"""By name, in order of families."""


def chosen(names: Iterable[str] | None) -> list[Kind]:
    """Return the kinds of these names, or of these families; all kinds without names.

    Raises:
        UnknownNameError: there is no such kind or family.
    """
    families = {kind.family for kind in KINDS.values()}
    found: dict[str, Kind] = {}
    for name in KINDS if names is None else names:
        if name in families:
            found |= {kind.name: kind for kind in KINDS.values() if kind.family == name}
        elif name in KINDS:
            found[name] = KINDS[name]
        else:
            raise UnknownNameError("kind", name, [*KINDS, *families])
    return list(found.values())
