"""Lay out the tokens that a model reads to score answers, and the places of its logits.

A request is a context and its options, as token ids. `flat_rows` repeats the context before each
option; `tree_row` has it once, followed by a tree of the options, in which shared beginnings of
options occur once. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = [
    "LogitPositions",
    "LogitRead",
    "LoglikelihoodRequest",
    "Row",
    "batches",
    "common_prefix",
    "flat_rows",
    "group_by",
    "tree_row",
]


@dataclass(frozen=True, slots=True)
class LoglikelihoodRequest:
    """A context and the continuations to score, as token ids; none is empty."""

    context: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        """Return the tokens of the context and the longest option."""
        return len(self.context) + max(map(len, self.options))


@dataclass(frozen=True, slots=True)
class LogitRead:
    """One log-probability of an option's sum."""

    position: int
    """In the row: the token behind which `token` is predicted."""
    token: int
    option: int
    """Number of the option among all options of all questions."""


@dataclass(slots=True)
class Row:
    """Input tokens: a text, which may branch behind its first `trunk` tokens."""

    ids: list[int]
    trunk: int
    positions: list[int]
    """Position of each token in its text, counted from the start of the shared prefix."""
    parents: list[int] = field(default_factory=list)
    """Parent of each token behind the trunk: the token of the row that it follows."""
    reads: list[LogitRead] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """Return the number of positions at which logits are needed."""
        return len({read.position for read in self.reads})


@dataclass(slots=True)
class LogitPositions:
    """The positions at which logits are needed, each once, and the tokens to read there."""

    place: dict[tuple[int, int], int] = field(default_factory=dict)
    """Row and column to the number of the logits' row."""
    reads: list[tuple[int, int, int]] = field(default_factory=list)
    """Number of the logits' row, token, option."""

    def add(self, row: int, column: int, read: LogitRead) -> None:
        slot = self.place.setdefault((row, column), len(self.place))
        self.reads.append((slot, read.token, read.option))


Numbered = Iterable[tuple[int, tuple[int, ...]]]
"""Options with their numbers."""


def flat_rows(context: tuple[int, ...], options: Numbered) -> list[Row]:
    """Return a row for each option without its last token; equal rows are merged."""
    rows: dict[tuple[int, ...], Row] = {}
    for number, option in options:
        fed = (*context, *option[:-1])
        row = rows.setdefault(fed, Row(list(fed), len(fed), list(range(len(fed)))))
        row.reads += [
            LogitRead(len(context) - 1 + offset, token, number)
            for offset, token in enumerate(option)
        ]
    return list(rows.values())


def tree_row(context: tuple[int, ...], options: Numbered, *, skip: int = 0) -> Row:
    """Return one row: the context without its first `skip` tokens, then the tree of options."""
    trunk = len(context) - skip
    row = Row(list(context[skip:]), trunk, list(range(skip, len(context))))
    known: dict[tuple[int, int], int] = {}  # a parent and a token to the node
    for number, option in options:
        at = trunk - 1
        for offset, token in enumerate(option):
            row.reads.append(LogitRead(at, token, number))
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
    """Return how many first tokens all contexts share; each keeps at least one of its own."""
    first, last = min(contexts), max(contexts)
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return min(same, min(map(len, contexts)) - 1)


def group_by(lengths: Sequence[int], shareable: Callable[[int], bool]) -> list[list[int]]:
    """Group the indices of texts by whether texts of that length can share keys.

    How a text is computed then depends on the text alone, not on the others of the same call.
    """
    known = {length: shareable(length) for length in set(lengths)}
    parts = (
        [n for n, length in enumerate(lengths) if known[length] is one] for one in (True, False)
    )
    return [part for part in parts if part]


def batches(
    groups: Sequence[Sequence[Row]], *, tokens: int, slots: int, padded: bool
) -> Iterator[list[int]]:
    """Yield the indices of groups that are computed together, longest first.

    Longest first, so that a lack of memory shows at once and not after an hour. A group is never
    split, even if it exceeds the limits.

    Args:
        groups: the rows of each context.
        tokens: how many may be fed at once.
        slots: how many rows of logits may be held at once.
        padded: rows are padded to the longest; at most 4 % of a batch may be padding.
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
