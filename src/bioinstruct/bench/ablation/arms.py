"""The arms of an ablation: which records each of them is tuned on.

Every choice follows from the records and the seed: the records of a part are put in an order by the
SHA-256 of seed and id, and an arm takes the first ones of each part. So a smaller arm's records of
a part are among those of a larger one.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from bioinstruct import corpora
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.schema import Category, Instruction

__all__ = [
    "BY",
    "MATCHED",
    "NATURAL",
    "SHARES",
    "SIZES",
    "Arm",
    "Design",
    "make_arms",
    "part_of",
]

BY = ("categories", "sources", "size")
NATURAL, MATCHED = "natural", "matched"
SIZES = (NATURAL, MATCHED, "both")
SHARES = (1, 3, 10, 30, 100)
"""Percentages of the records in the arms of a size curve."""
ALL = "all"
STAGES = ("ner", "extraction-classification", "dialogue-qa")
_PAIRED = frozenset({"QA", "IE", "GEN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Which arms an ablation has, and how often each is tuned."""

    by: str = "categories"
    """`categories`: QA, IE and GEN, each pair, all without one category, and all; `sources`: each
    origin, all without one, the stages of Llama2-MedTuned (mentions; with relations and
    classification; with dialogue and QA), and all; `size`: 1, 3, 10, 30 and 100 % of the records,
    each among those of the next."""
    sizes: str = "both"
    """`natural`: all records of an arm's parts; `matched`: as many in every arm as the smallest
    part has, equal shares of each part; or `both`. A size curve has no matched arms."""
    arms: tuple[str, ...] = ()
    """Names of the arms to run, such as `QA+IE`; empty for all."""
    repeats: int = 1
    """Tunings of each arm, with the seeds from `seed` on."""
    seed: int = 0
    """Seed of the choice of records, of tuning and of the intervals."""

    def __post_init__(self) -> None:
        for kind, name, known in (("ablation", self.by, BY), ("sizes", self.sizes, SIZES)):
            if name not in known:
                raise UnknownNameError(kind, name, known)
        if self.repeats < 1:
            raise BioinstructError(f"repeats={self.repeats}: nothing is tuned", hint="1 or more")


@dataclass(frozen=True, slots=True)
class Arm:
    """One tuning of an ablation."""

    name: str
    parts: tuple[str, ...]
    """The categories or sources that its records are from; of a size curve all of them."""
    sizes: tuple[str, ...]
    """`natural` (all records of the parts), `matched` (as many as every other matched arm, equal
    shares of each part), or both where they are the same records."""
    examples: tuple[Instruction, ...]

    @property
    def folder(self) -> str:
        """The name of its folder."""
        share = self.name.replace("%", "-percent")
        plain = re.sub(r"[^A-Za-z0-9.+-]+", "-", share).strip("-.") or "arm"
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:6]
        plain = plain if plain == share else f"{plain}-{digest}"
        return plain if NATURAL in self.sizes else f"{plain}-matched"

    @property
    def digest(self) -> str:
        """Identifies its records and their order: 16 hexadecimal digits."""
        ids = "".join(f"{example.id}\n" for example in self.examples)
        return hashlib.sha256(ids.encode()).hexdigest()[:16]


def part_of(by: str, example: Instruction) -> str:
    """Return the part that a record belongs to: its category, its source, or `all`."""
    if by == "categories":
        return example.category.value
    return example.provenance.origin if by == "sources" else ALL


def make_arms(examples: Sequence[Instruction], design: Design) -> list[Arm]:
    """Return the arms, in a fixed order; of two with the same records only the first.

    Raises:
        UnknownNameError: the design names an arm that there is not.
        BioinstructError: there are no two parts to compare.
    """
    arms = _curve(examples, design.seed) if design.by == "size" else _parted(examples, design)
    known = {arm.name for arm in arms}
    for name in design.arms:
        if name not in known:
            raise UnknownNameError("arm", name, known)
    chosen = [arm for arm in _distinct(arms) if not design.arms or arm.name in design.arms]
    if design.by == "size" or design.sizes == "both":
        return chosen
    return [arm for arm in chosen if design.sizes in arm.sizes]


def _parted(examples: Sequence[Instruction], design: Design) -> list[Arm]:
    """Return the natural and the matched arms of each group of parts."""
    by = design.by
    parts: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        parts[part_of(by, example)].append(place)
    if len(parts) < 2:
        raise BioinstructError(
            f"an ablation by {by} needs records of two {by} or more; "
            f"the {len(examples):,} records are of {', '.join(parts) or 'none'}",
            hint="give other records with --data, or choose --by size",
        )
    order = [c.value for c in Category if c.value in parts] if by == "categories" else list(parts)
    drawn = {name: _drawn(examples, parts[name], design.seed) for name in order}
    least = min(map(len, parts.values()))
    found = []
    for size in (NATURAL, MATCHED):
        for name, members in _groups(by, order, examples).items():
            most = {m: _share(least, members, m) if size == MATCHED else None for m in members}
            places = sorted(place for m in members for place in drawn[m][: most[m]])
            found.append(Arm(name, members, (size,), tuple(examples[i] for i in places)))
    return found


def _groups(
    by: str, order: Sequence[str], examples: Sequence[Instruction]
) -> Mapping[str, tuple[str, ...]]:
    """Return the parts of each arm by its name; of two arms with the same parts only the first."""
    wholes: dict[tuple[str, ...], str] = {}
    paired = [name for name in order if by == "sources" or name in _PAIRED]
    for name in paired:
        wholes.setdefault((name,), name)
    if by == "categories":
        for pair in combinations(paired, 2):
            wholes.setdefault(pair, "+".join(pair))
    else:
        for name, members in _stages(order, examples).items():
            wholes.setdefault(members, name)
    for left in order:
        rest = tuple(name for name in order if name != left)
        wholes.setdefault(rest, f"without {left}")
    wholes.pop(tuple(order), None)
    wholes[tuple(order)] = ALL
    return {name: members for members, name in wholes.items()}


def _stages(order: Sequence[str], examples: Sequence[Instruction]) -> dict[str, tuple[str, ...]]:
    """Return the sources of each stage, with those of the stages before it.

    A source belongs to the last stage of any of its records.
    """
    last: dict[str, int] = {}
    for example in examples:
        source = example.provenance.origin
        last[source] = max(last.get(source, 0), _stage(example))
    found = {}
    for number, name in enumerate(STAGES[:-1]):
        if members := tuple(source for source in order if last[source] <= number):
            found["+".join(STAGES[: number + 1]) if number else f"{name} only"] = members
    return found


def _stage(example: Instruction) -> int:
    """Return 0 for mentions, 1 for relations, inference and classification, 2 for the rest."""
    if example.category in {Category.QA, Category.GEN}:
        return 2
    name = example.provenance.origin
    known = corpora.get_corpus(name).layouts if name in corpora.names() else ()
    return 0 if "mentions" in known or "ner" in example.task.split("-") else 1


def _drawn(examples: Sequence[Instruction], places: Sequence[int], seed: int) -> list[int]:
    """Return the places in the order in which records are drawn."""

    def key(place: int) -> tuple[bytes, int]:
        text = f"{seed} {examples[place].id}"
        return hashlib.sha256(text.encode()).digest(), place

    return sorted(places, key=key)


def _share(size: int, members: Sequence[str], part: str) -> int:
    """Return how many of `size` records a part gives: equal shares, the first ones one more."""
    whole, over = divmod(size, len(members))
    return whole + (members.index(part) < over)


def _curve(examples: Sequence[Instruction], seed: int) -> list[Arm]:
    drawn = _drawn(examples, range(len(examples)), seed)
    found = []
    for share in SHARES:
        places = sorted(drawn[: max(1, round(len(examples) * share / 100))])
        chosen = tuple(examples[place] for place in places)
        found.append(Arm(f"{share}%", (ALL,), (NATURAL,), chosen))
    return found


def _distinct(arms: Iterable[Arm]) -> list[Arm]:
    """Merge arms with the same records: one tuning serves both; drop a size that adds nothing."""
    found: dict[tuple[str, ...], Arm] = {}
    for arm in arms:
        ids = tuple(example.id for example in arm.examples)
        same = found.get(ids)
        if same is None:
            found[ids] = arm
        elif same.parts == arm.parts:
            found[ids] = replace(same, sizes=tuple(dict.fromkeys([*same.sizes, *arm.sizes])))
    return list(found.values())
