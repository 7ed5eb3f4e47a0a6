"""Which tokens a model is fed to score answers, and what is read off where.

A question is a context and its options, as token ids. `flat_rows` repeats the context before each
option; `tree_row` has it once, and behind it the options as a tree in which beginnings that options
share stand once. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = [
    "Question",
    "Read",
    "Row",
    "Slots",
    "batches",
    "common_prefix",
    "flat_rows",
    "parted",
    "tree_row",
]


@dataclass(frozen=True, slots=True)
class Question:
    """A context and the continuations to be scored, as token ids; none of them is empty."""

    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        """Tokens of the context and the longest option."""
        return len(self.context) + max(map(len, self.options))


@dataclass(frozen=True, slots=True)
class Read:
    """A log-probability that an option's sum needs."""

    position: int
    """In the row: the token behind which `token` is predicted."""
    token: int
    option: int
    """Number of the option among all options of all questions."""


@dataclass(slots=True)
class Row:
    """Tokens to be fed: a text, and behind its first `trunk` tokens perhaps branches."""

    ids: list[int]
    trunk: int
    positions: list[int]
    """Of each token in its text, counted from the start of the shared prefix."""
    parents: list[int] = field(default_factory=list)
    """Of each token behind the trunk: the token of the row that it follows."""
    reads: list[Read] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """Number of positions at which logits are needed."""
        return len({read.position for read in self.reads})


@dataclass(slots=True)
class Slots:
    """Positions at which logits are needed, each once, and what is read there."""

    place: dict[tuple[int, int], int] = field(default_factory=dict)
    """Row and column to the number of the logits' row."""
    reads: list[tuple[int, int, int]] = field(default_factory=list)
    """Number of the logits' row, token, option."""

    def add(self, row: int, column: int, read: Read) -> None:
        slot = self.place.setdefault((row, column), len(self.place))
        self.reads.append((slot, read.token, read.option))


Numbered = Iterable[tuple[int, tuple[int, ...]]]
"""Options with their numbers."""


def flat_rows(context: tuple[int, ...], options: Numbered) -> list[Row]:
    """A row for each context and option but its last token; one for those that are the same."""
    rows: dict[tuple[int, ...], Row] = {}
    for number, option in options:
        fed = (*context, *option[:-1])
        row = rows.setdefault(fed, Row(list(fed), len(fed), list(range(len(fed)))))
        row.reads += [
            Read(len(context) - 1 + offset, token, number) for offset, token in enumerate(option)
        ]
    return list(rows.values())


def tree_row(context: tuple[int, ...], options: Numbered, *, skip: int = 0) -> Row:
    """One row with the context behind its first `skip` tokens, and all options in a tree."""
    trunk = len(context) - skip
    row = Row(list(context[skip:]), trunk, list(range(skip, len(context))))
    known: dict[tuple[int, int], int] = {}  # a parent and a token to the node
    for number, option in options:
        at = trunk - 1
        for offset, token in enumerate(option):
            row.reads.append(Read(at, token, number))
            if offset == len(option) - 1:
                break
            if (at, token) not in known:
                known[at, token] = len(row.ids)
                row.ids.append(token)
                row.positions.append(len(context) + offset)
                row.parents.append(at)
            at = known[at, token]
    return row


def common_prefix(contexts: Sequence[tuple[int, ...]]) -> int:
    """How many first tokens all contexts share; each keeps at least one of its own."""
    first, last = min(contexts), max(contexts)
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return min(same, min(map(len, contexts)) - 1)


def parted(lengths: Sequence[int], shareable: Callable[[int], bool]) -> list[list[int]]:
    """Numbers of the texts of a length that is shareable, and of the others: only these are slow.

    So how a text is computed depends on itself, not on what is asked in the same call.
    """
    known = {length: shareable(length) for length in set(lengths)}
    parts = (
        [n for n, length in enumerate(lengths) if known[length] is one] for one in (True, False)
    )
    return [part for part in parts if part]


def batches(
    groups: Sequence[Sequence[Row]], *, tokens: int, slots: int, padded: bool
) -> Iterator[list[int]]:
    """Numbers of groups that are computed together, longest first.

    Longest first: if memory does not suffice, that shows at once and not after an hour. A group is
    never split, even when it is larger than the limits.

    Args:
        groups: the rows of each context.
        tokens: how many may be fed at once.
        slots: how many rows of logits may be held at once.
        padded: rows are filled up to the longest, of which at most 4 % may be in vain.
    """
    longest = [max(len(row.ids) for row in rows) for rows in groups]
    batch: list[int] = []
    fed = real = read = count = 0
    for number in sorted(range(len(groups)), key=lambda n: (-longest[n], n)):
        rows = groups[number]
        own = sum(len(row.ids) for row in rows)
        wanted = sum(row.slots for row in rows)
        width = longest[batch[0]] if batch else longest[number]
        then = width * (count + len(rows)) if padded else fed + own
        wasteful = padded and then > _SMALL and (real + own) < (1 - _WASTE) * then
        if batch and (then > tokens or read + wanted > slots or wasteful):
            yield batch
            batch, real, read, count = [], 0, 0, 0
            then = longest[number] * len(rows) if padded else own
        batch.append(number)
        fed, real, read, count = then, real + own, read + wanted, count + len(rows)
    if batch:
        yield batch


_WASTE = 0.04  # share of a batch that may be padding
_SMALL = 384  # tokens; below, padding costs less than another call of the model
