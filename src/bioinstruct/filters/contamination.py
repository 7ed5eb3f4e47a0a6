"""Find training records that overlap test texts: whole, reworded, or inside a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bioinstruct.filters.near_duplicates import NearDuplicates
from bioinstruct.schema import Instruction
from bioinstruct.text import PASSAGE, is_passage, normalize, unicode_words

__all__ = ["Contaminated", "Overlap", "scored_texts"]

# Minimum number of words of a test text for each kind of search. Measured on clean corpora: with
# five, questions of MedQuAD are near duplicates of "Is breast cancer prognosis inherited?".
LEAST_NEAR = 6
LEAST_INSIDE = 5
LEAST_EQUAL = 3  # for paragraphs, to skip "Findings:"; a whole test text may have one word
FEW = 20  # texts to compare one by one; more than this are indexed together
_PARAGRAPHS = re.compile(r"\n\s*\n")
_LABEL = re.compile(r"^\s*[A-Za-z]+:\s+")  # "Question: "
_PARTS = re.compile(r"\n|, ")  # labels are written one a line, or with commas between them
_PAIR = re.compile(r"\n\n[^\n]+: [^\n]+\n[^\n]+: [^\n]+\Z")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Overlap of a training text with a test text."""

    kind: str
    """`exact`, `near-duplicate`, `n-gram`, or `inside`: a short test text whole in a long one."""
    text: str
    """The test text."""
    score: float
    """ROUGE-L F for near duplicates, otherwise 1."""


def scored_texts(examples: Sequence[Instruction]) -> list[str]:
    """Return the texts of scored examples that training data must not contain.

    These are the questions, and answers of 13 words or more that are no choice of labels: an answer
    all of whose parts (by line or comma) are in other answers too is such a choice, however long.
    Of a relation the text is taken without the two lines that name the pair: other texts have them.
    """
    parts = Counter(part for example in examples for part in _parts(example.output))
    texts = []
    for example in examples:
        texts.append(_without_pair(example, example.input or example.instruction))
        is_choice = all(parts[part] > 1 for part in _parts(example.output))
        if is_passage(example.output) and not is_choice:
            texts.append(example.output)
    return texts


def _parts(answer: str) -> set[str]:
    return set(_PARTS.split(answer))


class Contaminated:
    """Find training records that overlap any of the given test texts.

    Searches for a test text of several paragraphs both as a whole and by paragraph, since
    questions come with their context. Compares the input, instruction and output of each record.

    Args:
        texts: the test texts.
        threshold: the ROUGE-L F above which a text is a near duplicate.
        framed: test texts whose near duplicates count only if their content words are the same.
        exact: search only for whole test texts that equal a field of the record.
    """

    def __init__(
        self,
        texts: Iterable[str],
        *,
        threshold: float = 0.7,
        framed: Collection[str] = (),
        exact: bool = False,
    ) -> None:
        self._exact: dict[str, str] = {}
        self._grams: dict[str, str] = {}
        self._short: dict[str, list[tuple[str, str]]] = {}
        self._near = _Near(threshold, same_subject=False)
        self._near_framed = _Near(threshold, same_subject=True)
        self._exact_only = exact
        if exact:
            self._exact = {normalize(text): text for text in texts}
            return
        for text in dict.fromkeys(texts):
            near = self._near_framed if text in framed else self._near
            self._protect(text, near, least=1)
            for paragraph in _PARAGRAPHS.split(text):
                self._protect(paragraph, near, least=LEAST_EQUAL)
                self._protect(_LABEL.sub("", paragraph), near, least=LEAST_EQUAL)
        self._near.index()
        self._near_framed.index()

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
        once = list(dict.fromkeys(text for text in texts if len(text) >= LEAST_NEAR))
        near = self._near_framed.find(once) | self._near.find(once)
        found = {text: self._find(text, near.get(text)) for text in dict.fromkeys(texts)}
        return [found[text] for text in texts]

    def _find(self, text: str, near: Overlap | None) -> Overlap | None:
        plain = normalize(text)
        if plain in self._exact:
            return Overlap("exact", self._exact[plain], 1.0)
        if self._exact_only:
            return None
        words = unicode_words(text)
        if near and len(words) >= LEAST_NEAR:
            return near
        for gram in _grams(words, PASSAGE):
            if gram in self._grams:
                return Overlap("n-gram", self._grams[gram], 1.0)
        for at, start in enumerate(_grams(words, LEAST_INSIDE)):
            for whole, test in self._short.get(start, ()):
                if f"{' '.join(words[at : at + PASSAGE])} ".startswith(f"{whole} "):
                    return Overlap("inside", test, 1.0)
        return None

    def _protect(self, text: str, near: _Near, *, least: int) -> None:
        words, plain = unicode_words(text), normalize(text)
        if plain in self._exact or len(words) < least:
            return
        self._exact[plain] = text
        if len(words) >= LEAST_NEAR:
            near.texts.append(text)
        if LEAST_INSIDE <= len(words) < PASSAGE:
            start = " ".join(words[:LEAST_INSIDE])
            self._short.setdefault(start, []).append((" ".join(words), text))
        for gram in _grams(words, PASSAGE):
            self._grams.setdefault(gram, text)


class _Near:
    """Find near duplicates of test texts."""

    def __init__(self, threshold: float, *, same_subject: bool) -> None:
        self.texts: list[str] = []
        self._near = NearDuplicates(threshold, tokenizer="unicode", same_subject=same_subject)

    def index(self) -> None:
        """Index the test texts; call it once, after adding all of them."""
        self._near.add(self.texts)

    def find(self, texts: Sequence[str]) -> dict[str, Overlap]:
        """Return the overlaps by text, for texts that have one."""
        if not self.texts:
            return {}
        few = len(texts) <= FEW
        matches = map(self._near.find, texts) if few else self._near.find_all(texts)
        return {
            text: Overlap("near-duplicate", self.texts[match.place], match.score)
            for text, match in zip(texts, matches, strict=True)
            if match
        }


def _fields(example: Instruction) -> list[str]:
    """Return the fields to compare; a short output such as `yes` identifies no test item."""
    output = [example.output] if len(unicode_words(example.output)) >= LEAST_NEAR else []
    return [_without_pair(example, example.input), example.instruction, *output]


def _without_pair(example: Instruction, text: str) -> str:
    """Return a relation's text without the two lines that name its pair: other texts have them."""
    return _PAIR.sub("", text) if example.task.startswith("relation-") else text


def _grams(words: list[str], size: int) -> Iterator[str]:
    return (" ".join(words[i : i + size]) for i in range(len(words) - size + 1))
