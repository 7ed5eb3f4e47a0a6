"""Write the entities of a sentence as text in two layouts, and parse them back.

`mentions` is compact: one mention per line, in order of appearance and exactly as in the
input, `mention | type` if there are several types, and `none` if there is no mention. The rare
mention that could be confused with an earlier occurrence has a number: `APC #2`.

`medtuned` is the layout of Llama2-MedTuned: a line for every word, `word : B`, `word : I` or
`word : O`, with `B-TYPE` and `I-TYPE` when there are several types.

The words of a sentence are the parts of its input between single spaces. Gold and completions use
the same parsers, and written answers are parsed back unchanged.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from bioinstruct.answer_text import line_forms
from bioinstruct.corpora.answers.token_alignment import lines_of_words
from bioinstruct.errors import BioinstructError, UnknownNameError

__all__ = ["LAYOUTS", "Entity", "is_answer", "parse", "spans", "to_text"]

NONE = "none"


class Entity(NamedTuple):
    """A mention by word position, counted from 0."""

    start: int
    """Its first word; -1, -2, … for a mention that does not occur in the input."""
    end: int
    """One past its last word; equal to `start` for a mention that does not occur."""
    type: str
    """Empty if the layout does not name types."""


def to_text(
    layout: str, words: Sequence[str], entities: Iterable[Entity], *, typed: bool = False
) -> str:
    """Write the entities in this layout, with their types if `typed`.

    Raises:
        UnknownNameError: there is no such layout.
        BioinstructError: they could not be parsed back: they overlap, or in `mentions` the only
            one is the word "none". This does not occur in any corpus here.
    """
    functions = _functions(layout)
    words, entities = list(words), sorted(entities)
    # Writers refuse what could not be parsed back. Parsing every text again would cost more than
    # writing it.
    text = functions.write(words, entities, typed) if _sound(words, entities, typed) else None
    if text is None:
        said = "\n".join(" ".join(words[start:end]) for start, end, _ in entities)
        raise BioinstructError(
            f"the layout {layout!r} cannot write {said!r} for the sentence {' '.join(words)!r}",
            hint="entities must not overlap; a single mention `none` needs the layout medtuned",
        )
    return text


_TYPE = re.compile(r"[^\s:|]+")


def _sound(words: list[str], entities: list[Entity], typed: bool) -> bool:
    """Check that entities are sorted, disjoint and inside the sentence."""
    before = 0
    for start, end, type in entities:
        if not before <= start < end or (typed and not _TYPE.fullmatch(type)):
            return False
        before = end
    return before <= len(words) and " ".join(words).split() == words


def parse(layout: str, text: str, words: Sequence[str], *, typed: bool = False) -> list[Entity]:
    """Parse the entities of a text in this layout, ignoring what cannot be parsed.

    Raises:
        UnknownNameError: there is no such layout.
    """
    return _functions(layout).read(text, list(words), typed)


def is_answer(layout: str, text: str) -> bool:
    """Return whether a text can be read as an answer in this layout, right or wrong.

    Raises:
        UnknownNameError: there is no such layout.
    """
    if _functions(layout).read is _read_mentions:
        return bool(text.strip())
    return any(_TAGGED.fullmatch(line.strip()) for line in text.split("\n"))


def spans(tags: Iterable[str]) -> list[Entity]:
    """Return the entities of IOB tags (`B`, `I`, `O`, with or without `-TYPE`).

    An `I` that continues nothing begins an entity, as in the CoNLL evaluation script.
    """
    entities = []
    start, kind = None, ""
    for position, tag in enumerate([*tags, "O"]):
        if start is None and tag == "O":  # the most frequent case
            continue
        mark, _, type = tag.partition("-")
        if start is not None and (mark != "I" or type != kind):
            entities.append(Entity(start, position, kind))
            start = None
        if mark != "O" and start is None:
            start, kind = position, type
    return entities


# ---- mentions


def _write_mentions(words: list[str], entities: list[Entity], typed: bool) -> str | None:
    """Write mentions so that `_read_mentions` finds them, or return None if it could not."""
    lines = []
    after = 0
    for start, end, type in entities:
        # Everything before `after` is taken, so search from there.
        if _first(words, words[start:end], after) == start:
            line = " ".join(words[start:end])
        elif not (line := _numbered(words, start, end)):
            return None
        lines.append(f"{line} | {type}" if typed else line)
        after = end
    if lines and all(line.casefold() == NONE for line in lines):
        return None
    return "\n".join(lines) or NONE


def _numbered(words: list[str], start: int, end: int) -> str:
    """Return the mention with its number, or an empty string if that could not be parsed."""
    mention = " ".join(words[start:end])
    line = f"{mention} #{_occurrences(words, mention).index((start, end)) + 1}"
    return line if _NUMBERED.fullmatch(line) and not _occurrences(words, line) else ""


def _first(words: list[str], wanted: list[str], after: int) -> int:
    """Return the first position at which the wanted words occur."""
    size = len(wanted)
    while True:
        after = words.index(wanted[0], after)
        if size == 1 or words[after : after + size] == wanted:
            return after
        after += 1


def _read_mentions(text: str, words: list[str], typed: bool) -> list[Entity]:
    """Match each line with its next free occurrence in the input.

    A mention without a free occurrence stays in the answer as an entity outside the input, so
    that it counts as wrong.
    """
    lines = [list(line_forms(line)) for line in text.split("\n") if line.strip()]
    if all(any(form.casefold() == NONE for form in forms) for forms in lines):
        return []
    places = _Places(words)
    entities = []
    nowhere = 0
    for forms in lines:
        named = _typed(forms, typed)
        # `gout.` is not the two words `gout .`, if it can be the one.
        exact = [pair for pair in named if _occur(words, pair[0].split())]
        found = ((places.find(mention), type) for mention, type in (*exact, *reversed(named)))
        place, type = next((pair for pair in found if pair[0]), (None, named[0][1]))
        if place is None:
            nowhere -= 1
            entities.append(Entity(nowhere, nowhere, type))
            continue
        places.take(*place)
        entities.append(Entity(*place, type))
    return entities


def _typed(forms: list[str], typed: bool) -> list[tuple[str, str]]:
    """Return the mention and the type that each form of a line names."""
    if not typed:
        return [(form, "") for form in forms]
    parts = [form.rpartition("|") for form in forms]
    return [(m.strip(), t.strip()) if bar else (t, "") for m, bar, t in parts]


_NUMBERED = re.compile(r"(.*\S) #([1-9]\d{0,3})")


class _Places:
    """Find mentions in order: after the previous one, or else at the first free place."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._taken: set[int] = set()
        self._after = 0

    def find(self, mention: str) -> tuple[int, int] | None:
        places = _occurrences(self._words, mention)
        if not places and (numbered := _NUMBERED.fullmatch(mention)):
            number = int(numbered[2])
            places = _occurrences(self._words, numbered[1])[number - 1 : number]
        free = [place for place in places if self._taken.isdisjoint(range(*place))]
        later = (place for place in free if place[0] >= self._after)
        return next(later, free[0] if free else None)

    def take(self, start: int, end: int) -> None:
        self._taken.update(range(start, end))
        self._after = end


def _occurrences(words: list[str], mention: str) -> list[tuple[int, int]]:
    """Return the occurrences of a mention as whole words, ignoring white space if necessary.

    Corpora split words at punctuation (`T - cell`); a model that writes `T-cell` means the same.
    """
    wanted = mention.split()
    if not wanted:
        return []
    return _occur(words, wanted) or _occurrences_without_spaces(words, "".join(wanted))


def _occur(words: list[str], wanted: list[str]) -> list[tuple[int, int]]:
    """Return where just these words occur."""
    size = len(wanted)
    starts = range(len(words) - size + 1) if wanted else ()
    return [(start, start + size) for start in starts if words[start : start + size] == wanted]


def _occurrences_without_spaces(words: list[str], letters: str) -> list[tuple[int, int]]:
    offsets = itertools.accumulate(map(len, words), initial=0)
    word_at = {offset: word for word, offset in enumerate(offsets)}
    text = "".join(words)
    places = []
    offset = text.find(letters)
    while offset >= 0:
        end = offset + len(letters)
        if offset in word_at and end in word_at:
            places.append((word_at[offset], word_at[end]))
        offset = text.find(letters, offset + 1)
    return places


# ---- medtuned

# The last colon separates word and tag, so a word may be or contain a colon.
_TAGGED = re.compile(r"(.*\S)\s*:\s*([BIO](?:-[^\s:]+)?)")


def _write_tagged(words: list[str], entities: list[Entity], typed: bool) -> str:
    lines = [f"{word} : O" for word in words]
    for start, end, type in entities:
        suffix = f"-{type}" if typed else ""
        lines[start] = f"{words[start]} : B{suffix}"
        for place in range(start + 1, end):
            lines[place] = f"{words[place]} : I{suffix}"
    return "\n".join(lines)


def _read_tagged(text: str, words: list[str], typed: bool) -> list[Entity]:
    """Give each word the tag of its line, or `O` if it has none.

    Lines without a tag are ignored.
    """
    matches = map(_TAGGED.fullmatch, map(str.strip, text.split("\n")))
    lines = [(match[1], match[2] if typed else match[2][0]) for match in matches if match]
    places = lines_of_words(words, [token for token, _ in lines])
    return spans("O" if place is None else lines[place][1] for place in places)


class _Functions(NamedTuple):
    write: Callable[[list[str], list[Entity], bool], str | None]
    read: Callable[[str, list[str], bool], list[Entity]]


_LAYOUTS = {
    "mentions": _Functions(_write_mentions, _read_mentions),
    "medtuned": _Functions(_write_tagged, _read_tagged),
}

LAYOUTS = tuple(_LAYOUTS)
"""Names of the layouts, the default first."""


def _functions(layout: str) -> _Functions:
    if layout not in _LAYOUTS:
        raise UnknownNameError("layout", layout, _LAYOUTS)
    return _LAYOUTS[layout]
