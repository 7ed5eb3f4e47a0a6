"""Make computed records: a pure function of count, seed, kinds and version."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.schema import Instruction, Provenance
from bioinstruct.synthesis.catalogue import chosen
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.frames import SPLITS
from bioinstruct.synthesis.kinds import Kind

__all__ = ["LICENSE", "ORIGIN", "VERSION", "synthesize"]

VERSION = "1"
"""Version of the generator: it changes whenever the same seed gives other records."""
ORIGIN = "bioinstruct-computed"
LICENSE = "CC0-1.0"


def synthesize(
    count: int, *, seed: int = 0, kinds: Iterable[str] | None = None, split: str = "train"
) -> Iterator[Instruction]:
    """Yield `count` records with computed answers, an equal share of each kind in turn.

    Args:
        count: how many records.
        seed: another seed gives other records.
        kinds: names of kinds or families; default: all.
        split: `train` or `test`; they share no wording of questions or notes.

    Raises:
        UnknownNameError: there is no such kind, family or split.
        BioinstructError: the count is not positive, or more than a kind can give without repeats.
    """
    used = chosen(kinds)
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    if count < 1 or not used:
        raise BioinstructError(
            f"cannot make {count:,} records of {len(used)} kinds",
            hint="ask for one or more of each",
        )
    for place, kind in enumerate(used[:count]):
        wanted = (count - place - 1) // len(used) + 1
        if wanted > kind.space:
            raise BioinstructError(
                f"{kind.name}: {wanted:,} records are more than the {kind.space:,} that it gives "
                "without repeats; nothing was written",
                hint="ask for fewer, or name more --kinds",
            )
    return _records(count, seed, used, split)


def _records(count: int, seed: int, kinds: list[Kind], split: str) -> Iterator[Instruction]:
    made: set[bytes] = set()
    drawn: Counter[str] = Counter()
    for place in range(count):
        kind = kinds[place % len(kinds)]
        while True:
            drawn[kind.name] += 1
            draw = Draw(f"{VERSION}/{split}/{seed}/{kind.name}/{drawn[kind.name]}")
            texts = kind.make(draw, split)
            key = hashlib.blake2b("\x00".join(texts).encode(), digest_size=8).digest()
            if key not in made:
                break
        made.add(key)
        yield Instruction(
            instruction=texts.instruction,
            input=texts.input,
            output=texts.output,
            category=kind.category,
            task=kind.name,
            provenance=_provenance(kind, seed, split, drawn[kind.name]),
        )


def _provenance(kind: Kind, seed: int, split: str, number: int) -> Provenance:
    return Provenance(
        kind="computed",
        origin=ORIGIN,
        license=LICENSE,
        revision=f"generator {VERSION}, seed {seed}",
        split=split,
        document=f"{kind.name} {number}: {kind.source}",
    )
