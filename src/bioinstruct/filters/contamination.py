"""Training records that overlap a benchmark's test texts: whole, reworded, or inside a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bioinstruct.filters.near_duplicates import Match, NearDuplicates
from bioinstruct.schema import Instruction
from bioinstruct.text import normalize, unicode_words

__all__ = ["Contaminated", "Overlap", "protected_texts"]

GRAM = 13  # words in a row that two independent texts do not share: the figure of GPT-3's authors
# Of how many words a text must be to be looked for. Measured on clean corpora: with five, questions
# of MedQuAD are near duplicates of "Is breast cancer prognosis inherited?".
LEAST_NEAR = 6
LEAST_INSIDE = 5
LEAST_EQUAL = 3  # of a paragraph: not "Findings:"; a whole text may be of one word
FEW = 20  # texts to compare one by one: for more it pays to index the test texts
_PARAGRAPHS = re.compile(r"\n\s*\n")
_LABEL = re.compile(r"^\s*[A-Za-z]+:\s+")  # "Question: "


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a training text and a test text have in common."""

    kind: str
    """`exact`, `near-duplicate`, `n-gram`, or `inside`: a short test text whole in a long one."""
    text: str
    """The test text."""
    score: float
    """ROUGE-L F of near duplicates, else 1."""


def protected_texts(example: Instruction) -> list[str]:
    """What must not be trained on: the question; the answer too, where it is a text of its own."""
    texts = [example.input or example.instruction]
    if len(unicode_words(example.output)) >= GRAM:
        texts.append(example.output)
    return texts


class Contaminated:
    """Finds training records that overlap any of the test texts.

    A test text of several paragraphs is looked for whole and by paragraph, since questions come
    with their context. A record is looked at in its input, instruction and output.
    """

    def __init__(self, texts: Iterable[str], *, threshold: float = 0.7) -> None:
        self._exact: dict[str, str] = {}
        self._grams: dict[str, str] = {}
        self._short: dict[str, list[tuple[str, str]]] = {}
        self._texts: list[str] = []
        self._near = NearDuplicates(threshold, tokenizer="unicode")
        for text in dict.fromkeys(texts):
            self._protect(text, least=1)
            for paragraph in _PARAGRAPHS.split(text):
                self._protect(paragraph, least=LEAST_EQUAL)
                self._protect(_LABEL.sub("", paragraph), least=LEAST_EQUAL)
        self._near.add(self._texts)

    def __call__(self, example: Instruction) -> str | None:
        """The kind of overlap of a record, or None."""
        found = self.find(example)
        return found.kind if found else None

    def find(self, example: Instruction) -> Overlap | None:
        """The first overlap of a record."""
        return self.find_all([example])[0]

    def find_all(self, examples: Iterable[Instruction]) -> list[Overlap | None]:
        """The first overlap of each record."""
        fields = [_fields(example) for example in examples]
        found = self.find_texts(text for texts in fields for text in texts)
        rest = iter(found)
        return [next(filter(None, [next(rest) for _ in texts]), None) for texts in fields]

    def find_texts(self, texts: Iterable[str]) -> list[Overlap | None]:
        """The overlap of each text."""
        texts = list(texts)
        once = list(dict.fromkeys(text for text in texts if len(text) >= LEAST_NEAR))
        few = len(once) <= FEW
        matches = map(self._near.find, once) if few else self._near.find_all(once)
        near = dict(zip(once, matches, strict=True))
        found = {text: self._find(text, near.get(text)) for text in dict.fromkeys(texts)}
        return [found[text] for text in texts]

    def _find(self, text: str, near: Match | None) -> Overlap | None:
        plain = normalize(text)
        if plain in self._exact:
            return Overlap("exact", self._exact[plain], 1.0)
        words = unicode_words(text)
        if near and len(words) >= LEAST_NEAR:
            return Overlap("near-duplicate", self._texts[near.place], near.score)
        for gram in _grams(words, GRAM):
            if gram in self._grams:
                return Overlap("n-gram", self._grams[gram], 1.0)
        for at, start in enumerate(_grams(words, LEAST_INSIDE)):
            for whole, test in self._short.get(start, ()):
                if f"{' '.join(words[at : at + GRAM])} ".startswith(f"{whole} "):
                    return Overlap("inside", test, 1.0)
        return None

    def _protect(self, text: str, *, least: int) -> None:
        words, plain = unicode_words(text), normalize(text)
        if plain in self._exact or len(words) < least:
            return
        self._exact[plain] = text
        if len(words) >= LEAST_NEAR:
            self._texts.append(text)
        if LEAST_INSIDE <= len(words) < GRAM:
            start = " ".join(words[:LEAST_INSIDE])
            self._short.setdefault(start, []).append((" ".join(words), text))
        for gram in _grams(words, GRAM):
            self._grams.setdefault(gram, text)


def _fields(example: Instruction) -> list[str]:
    """A short output is an answer such as `yes`: no text to recognise."""
    output = [example.output] if len(unicode_words(example.output)) >= LEAST_NEAR else []
    return [example.input, example.instruction, *output]


def _grams(words: list[str], size: int) -> Iterator[str]:
    return (" ".join(words[i : i + size]) for i in range(len(words) - size + 1))
