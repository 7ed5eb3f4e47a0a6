"""Fill the slots of a frame with entities that may stand together in one note.

A slot is a letter for the kind of entity, a digit, and perhaps another letter: `{h1}`. Slots with
the same digit belong together (a drug and what it treats, findings of one specialty or of one
scan); slots with different digits only must not contradict one another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from demo.entities import Entity, common, compatible, entities
from demo.people import Draw, Duration, Numbers, Patient

__all__ = ["Filled", "fill", "mentions", "sentences", "slots"]

SLOT = re.compile(r"\{(([a-z])(\d)[a-z]?)(\.\w+)?\}")
TRIES = 2000
CANDIDATES = 3
CHILDREN, CHILD = "jk", 14
"""The slots that make the patient a child, and the oldest that one is then."""

POOLS: dict[str, Callable[[Entity], bool]] = {
    "c": lambda e: e.is_condition and "vet" not in e.tags,
    "h": lambda e: e.kind == "chronic" and "vet" not in e.tags,
    "a": lambda e: e.kind == "acute" and "vet" not in e.tags,
    "j": lambda e: e.kind == "chronic" and "vet" not in e.tags and e.ages[0] <= 10,
    "n": lambda e: e.kind == "tumor" and "hem" not in e.tags,
    "k": lambda e: e.kind == "acute" and "vet" not in e.tags and e.ages[0] <= 10,
    "b": lambda e: e.is_condition and "den" in e.tags,
    "g": lambda e: e.is_condition and "gen" in e.tags,
    "m": lambda e: "event" in e.tags,
    "u": lambda e: e.is_condition and e.sex == "p",
    "v": lambda e: e.is_condition and "vet" in e.tags,
    "d": lambda e: e.is_drug and e.sex not in {"dog", "cat"},
    "o": lambda e: e.is_drug and bool(e.dose),
    "w": lambda e: e.is_drug and e.sex in {"dog", "cat"},
    "r": lambda e: e.is_drug and e.allergen,
    "s": lambda e: e.kind == "symptom",
    "f": lambda e: "adverse" in e.tags,
    "e": lambda e: e.kind == "sign",
    "i": lambda e: e.kind == "imaging",
    "l": lambda e: e.kind == "lab",
}
Filled = dict[str, object]


def slots(text: str) -> list[str]:
    """Names of the entity slots, once each, in order of appearance."""
    return list(dict.fromkeys(m[1] for m in SLOT.finditer(text) if m[2] in POOLS))


@cache
def _pool(letter: str, split: str) -> tuple[Entity, ...]:
    return tuple(entity for entity in entities(split) if POOLS[letter](entity))


def _fits(slot: str, entity: Entity, chosen: dict[str, Entity]) -> bool:
    return common([entity, *chosen.values()]) is not None and all(
        compatible(entity, other, linked=slot[1] == name[1]) for name, other in chosen.items()
    )


def _choose(names: list[str], split: str, draw: Draw) -> dict[str, Entity]:
    """One entity a slot, rather one that was used little so far.

    Starting from the drugs half of the time gives each drug its share.
    """
    for _ in range(TRIES):
        first = draw.pick(["dorw", "chakbgjmnuv"])
        chosen: dict[str, Entity] = {}
        for slot in sorted(names, key=lambda name: (name[0] not in first, names.index(name))):
            pool = [e for e in _pool(slot[0], split) if _fits(slot, e, chosen)]
            if not pool:
                break
            chosen[slot] = min(draw.picks(pool, CANDIDATES), key=lambda e: draw.used[e.name])
        else:
            draw.used.update(entity.name for entity in chosen.values())
            return chosen
    raise RuntimeError(f"no entities of the {split} split fit together in {names}")


def fill(text: str, split: str, draw: Draw, *, introduced: bool = False) -> Filled:
    """Everything that the templates of one record print."""
    chosen = _choose(slots(text), split, draw)
    who = common(chosen.values())
    assert who is not None
    sex, (low, high) = who
    if any(slot[0] in CHILDREN for slot in chosen):
        high = min(high, CHILD)
    ages = (low or 19, high) if chosen else (19, 90)
    patient = Patient.draw(draw, sex, ages, introduced=introduced)
    brief = any("brief" in entity.tags for entity in chosen.values())
    durations = {
        m[1]: Duration.draw(draw, brief=brief or m[2] == "y")
        for m in SLOT.finditer(text)
        if m[2] in "ty"
    }
    return {**chosen, **durations, "p": patient, "x": Numbers(draw, split, patient)}


def mentions(text: str, filled: Filled, letters: str) -> list[str]:
    """What the entity slots of these kinds print, in order of appearance."""
    found = [m for m in SLOT.finditer(text) if m[2] in letters and m[4] in {None, ".Cap"}]
    return [m[0].format_map(filled) for m in found]


def sentences(text: str) -> list[str]:
    """Lines and sentences of more than three words, in one spelling."""
    parts = re.split(r"(?<!Dr)(?<!Mr)(?<!Ms)(?<=[.?!])\s+|\n", text)
    folded = [" ".join(re.findall(r"\w+", part.casefold())) for part in parts]
    return [part for part in folded if part.count(" ") >= 3]
