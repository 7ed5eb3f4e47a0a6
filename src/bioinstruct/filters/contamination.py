"""Find training records that overlap test texts, by what they share that is rare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bioinstruct.filters.passages import Passages, WholeRuns
from bioinstruct.filters.rare_words import Found, RareWords
from bioinstruct.filters.scored_texts import Part, ScoredText, parts_of, without_pair
from bioinstruct.filters.stems import fold
from bioinstruct.filters.word_numbers import Numbered, Vocabulary, groups_of
from bioinstruct.schema import Instruction
from bioinstruct.text import normalize, unicode_words

__all__ = ["Contaminated", "Overlap"]

LEAST_EQUAL = 3  # words of an equal text that is no heading
LEAST_ANSWER = 6  # words of an answer to compare; `yes` identifies no test item
LEAST_WEIGHT = 6.0  # nats, of an equal paragraph
_BLOCK = 512  # texts compared together


@dataclass(frozen=True, slots=True)
class Overlap:
    """Overlap of a training text with a test text."""

    kind: str
    """`exact` (the same words), `near-duplicate` (much of its rare words, in any order), `n-gram`
    (13 words in a row), or `inside`: a test text, or much of it in one place, in a longer one."""
    text: str
    """The test text."""
    score: float
    """Share of the weight of the test text that was met, for near duplicates; otherwise 1."""
    task: str = ""
    """Task or corpus of the test item."""
    id: str = ""
    """Id of the test item."""
    part: str = ""
    """Which text of it was met: `question`, `options`, `paragraph` or `answer`."""


class Contaminated:
    """Find training records that overlap any of the given test texts.

    Searches for the stem and the options of a question apart, for each paragraph of a text of
    several, and for passages. What many test texts share, such as a closing sentence of a clinic,
    weighs little. Compares the input, instruction and output of each record.

    Args:
        texts: the test texts, with the items that they are from if known.
        level: `strict`, `default` or `loose`: how much of a test text a record must share.
        exact: search only for whole test texts that equal a field of the record.

    Raises:
        UnknownNameError: there is no such level.
    """

    def __init__(
        self, texts: Iterable[str | ScoredText], *, level: str = "default", exact: bool = False
    ) -> None:
        sources = [ScoredText(t) if isinstance(t, str) else t for t in dict.fromkeys(texts)]
        self._exact_only = exact
        self._exact: dict[str, Part] = {}
        if exact:
            for source in sources:
                whole = Part(source, source.part, source.text)
                self._exact.setdefault(normalize(source.text), whole)
            return
        distinct = {(source.text, source.framed): source for source in reversed(sources)}
        found: dict[tuple[str, str, bool], Part] = {}
        for source in reversed(distinct.values()):
            for part in parts_of(source):
                found.setdefault((part.stem, part.options, source.framed), part)
        self._parts = list(found.values())
        words = [fold(f"{part.stem}\n{part.options}") for part in self._parts]
        vocabulary = Vocabulary()
        vocabulary.learn(words)
        numbered = Numbered.of(words, vocabulary)
        groups = groups_of(numbered)
        vocabulary.weigh(numbered, groups)
        self._vocabulary = vocabulary
        self._add_equal(distinct.values(), vocabulary)
        stems = [[] if p.source.framed else fold(p.stem) for p in self._parts]
        plain = Numbered.of(stems, vocabulary)
        self._passages = Passages(plain, groups, vocabulary)
        self._whole = WholeRuns(plain, vocabulary)
        self._rare = RareWords(self._parts, vocabulary, level)

    def __call__(self, example: Instruction) -> str | None:
        """Return the kind of overlap of a record, or None."""
        found = self.find(example)
        return found.kind if found else None

    def find(self, example: Instruction) -> Overlap | None:
        """Return the first overlap of a record."""
        return self.find_all([example])[0]

    def find_all(self, examples: Iterable[Instruction]) -> list[Overlap | None]:
        """Return the first overlap of each record."""
        fields = [_fields(example) for example in examples]
        found = self.find_texts(text for texts in fields for text in texts)
        rest = iter(found)
        return [next(filter(None, [next(rest) for _ in texts]), None) for texts in fields]

    def find_texts(self, texts: Iterable[str]) -> list[Overlap | None]:
        """Return the overlap of each text."""
        texts = list(texts)
        once = list(dict.fromkeys(texts))
        found: dict[str, Overlap | None] = {}
        for start in range(0, len(once), _BLOCK):
            block = once[start : start + _BLOCK]
            overlaps = map(self._equal, block) if self._exact_only else self._find(block)
            found.update(zip(block, overlaps, strict=True))
        return [found[text] for text in texts]

    def _add_equal(self, sources: Iterable[ScoredText], vocabulary: Vocabulary) -> None:
        """Remember texts whose equal is an overlap: no headings, and no paragraphs of few words."""
        for source in reversed(list(sources)):
            if not _is_heading(source.text) and not (source.framed and source.part == "answer"):
                whole = Part(source, source.part, source.text)
                self._exact.setdefault(" ".join(fold(source.text)), whole)
        for part in self._parts:
            words = fold(part.stem)
            weight = vocabulary.weights[[vocabulary[word] for word in set(words)]].sum()
            known = weight >= LEAST_WEIGHT and not _is_heading(part.stem)
            if known and not part.options and part.name != "answer":
                self._exact.setdefault(" ".join(words), part)

    def _equal(self, text: str) -> Overlap | None:
        part = self._exact.get(normalize(text))
        return _overlap("exact", part) if part else None

    def _find(self, texts: Sequence[str]) -> list[Overlap | None]:
        words = [fold(text) for text in texts]
        numbered = Numbered.of(words, self._vocabulary)
        passages = self._passages.find(numbered)
        whole = self._whole.find(numbered)
        rare = self._rare.find(texts, numbered)
        overlaps: list[Overlap | None] = []
        for place, own in enumerate(words):
            part = self._exact.get(" ".join(own)) if own else None
            near = rare[place]
            if part:
                overlaps.append(_overlap("exact", part))
            elif near and near.whole:
                overlaps.append(self._near("near-duplicate", near))
            elif place in passages:
                overlaps.append(_overlap("n-gram", self._parts[passages[place]]))
            elif place in whole:
                overlaps.append(_overlap("inside", self._parts[whole[place]]))
            else:
                overlaps.append(self._near("inside", near) if near else None)
        return overlaps

    def _near(self, kind: str, found: Found) -> Overlap:
        part = self._parts[found.place]
        return _overlap(kind, part, found.score, "options" if found.options else "")


def _overlap(kind: str, part: Part, score: float = 1.0, name: str = "") -> Overlap:
    source = part.source
    text = part.stem.strip() if part.name == "paragraph" else source.text
    return Overlap(kind, text, score, source.task, source.id, name or part.name)


def _is_heading(text: str) -> bool:
    """Return whether a text is a few words that are no sentence, such as `Discussion`."""
    plain = text.strip()
    return len(fold(plain)) < LEAST_EQUAL or (
        len(fold(plain)) < LEAST_ANSWER and plain[-1:] not in {"?", ".", "!"}
    )


def _fields(example: Instruction) -> list[str]:
    """Return the fields to compare; a short output such as `yes` identifies no test item."""
    fields = [without_pair(example, example.input), example.instruction]
    if len(unicode_words(example.output)) >= LEAST_ANSWER:
        fields.append(example.output)
    return fields
