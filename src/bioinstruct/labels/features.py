"""Features of the offline classifier: words of the instruction, form of the other texts.

Task and provenance are not used, since they would reveal the category.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from bioinstruct.labels.lexicon import AUDIENCE, CLOSED, CODE, COMMON, GENRE, LEXICON, QUESTION
from bioinstruct.schema import Instruction
from bioinstruct.text import words

__all__ = ["features"]

_LONGEST = 4000  # characters of input and output that are read: the form shows early
_WORDS = 80  # words of an instruction that are read
_SENTENCE = re.compile(r"(?<=[.?!:;])\s+")
_OPTIONS = re.compile(r"(?:^|\s)\(?([A-Ea-e])[).:]\s.*?\s\(?([B-Fb-f])[).:]\s", re.DOTALL)
_TURNS = re.compile(r"(?:^|\s)(?:D|P|Dr|Doctor|Patient|Pt|Nurse|Clinician)\s?:", re.IGNORECASE)
_PAIR = re.compile(
    r"\b(?:premise|hypothesis|claim|evidence|statement|source|summary|sentence|text|reply|"
    r"response|answer|question|version) ?(?:[12ab]\b)? ?:",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"[^"]+"|“[^”]+”|(?<=: )[^:]{20,}$')
_PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9 _-]+\]|X{3,}|_{3,}|<[A-Z]+>")
_CODE = re.compile(r"[{}]|</|\bdef |\bSELECT\b|<-|==|\)\s?(?:AND|OR)\b|\\[bd]")
_MARKS = {
    "placeholder": _PLACEHOLDER,
    "code": _CODE,
    "bar": re.compile(r"\|"),
    "question": re.compile(r"\?"),
}
_YES_NO = frozenset({"yes", "no", "true", "false", "maybe", "correct", "incorrect"})
_YOU = frozenset({"you", "your", "yours", "yourself"})
_FIRST_PERSON = frozenset({"i", "we", "my", "our", "us", "me"})


def features(example: Instruction) -> dict[str, float]:
    """Return features with values; all words of an instruction weigh as much as 16 others."""
    asked, quoted = _parted(example)
    found = dict.fromkeys(_form(asked, quoted, example), 1.0)
    said = list(dict.fromkeys(_words(asked)))
    return found | dict.fromkeys(said, 4 / math.sqrt(len(said) or 1))


def _parted(example: Instruction) -> tuple[str, str]:
    """Split an instruction into the request and the text that it contains, if any."""
    asked = example.instruction[:_LONGEST]
    if example.input.strip():
        return asked, ""
    quoted = max(_QUOTED.findall(asked), key=len, default="")
    if len(words(quoted)) < 3:
        return asked, ""
    return asked.replace(quoted, " ", 1), quoted


def _words(instruction: str) -> Iterator[str]:
    """Yield words, word pairs, stems, and the first words of sentences."""
    tokens = words(instruction)[:_WORDS]
    plain = [token if token in COMMON else "_" for token in tokens]
    for place in range(len(plain) - 2):
        yield f"3 {' '.join(plain[place : place + 3])}"
    for first, second in zip(["^", *tokens], [*tokens, "$"], strict=True):
        yield f"2 {first} {second}"
    for token in tokens:
        yield f"1 {token}"
        if len(token) > 5:
            yield f"1 {token[:5]}-"
    yield f"first {' '.join(tokens[:1])}"
    yield f"first {' '.join(tokens[:2])}"
    for sentence in _SENTENCE.split(instruction):
        if start := words(sentence)[:1]:
            yield f"start {start[0]}"


def _form(instruction: str, quoted: str, example: Instruction) -> Iterator[str]:
    input, output = example.input[:_LONGEST] or quoted, example.output[:_LONGEST]
    asked, given, made = words(instruction)[:_WORDS], words(input), words(output)
    kind = "quoted" if quoted else "some" if given else "none"
    question = "ask" if "?" in instruction else "tell"
    yield f"{question}"
    yield f"{question} input {kind}"
    for cue in _cues(instruction, asked):
        yield cue
        yield f"{cue} input {kind}"
        yield f"{cue} {question}"
    yield f"asked {_size(len(asked))}"
    yield f"input {_size(len(given))}"
    for name in _shape_of_input(input):
        yield f"input {name}"
        yield f"input {name} {question}"
    shapes = [*_size_of_output(output, made), *_style_of_output(output, made)]
    for name in shapes:
        yield f"output {name}"
        yield f"output {name} {question} input {kind}"
    yield from _shared(asked, given, made, question)


def _cues(instruction: str, asked: list[str]) -> Iterator[str]:
    """Yield the lexicons that match an instruction, anywhere and in its first word."""
    text = " ".join(asked)
    known = set(asked)
    for name, verbs in LEXICON.items():
        if asked and asked[0] in verbs:
            yield f"verb {name}"
        if known & verbs:
            yield f"has {name}"
    for name, pattern in (
        ("question", QUESTION),
        ("audience", AUDIENCE),
        ("genre", GENRE),
        ("closed", CLOSED),
        ("code", CODE),
    ):
        if pattern.search(text):
            yield f"cue {name}"
    if _OPTIONS.search(instruction):
        yield "cue options"
    if ":" in instruction:
        yield "cue colon"


def _shape_of_input(text: str) -> Iterator[str]:
    if _OPTIONS.search(text):
        yield "options"
    if "?" in text:
        yield "question"
    if len(_TURNS.findall(text)) > 1:
        yield "dialogue"
    if len(_PAIR.findall(text)) > 1:
        yield "pair"
    if text.lower().startswith(("question", "q:")):
        yield "question first"


def _size_of_output(text: str, made: list[str]) -> Iterator[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    yield f"words {_size(len(made))}"
    yield f"lines {_size(len(lines))}"
    sentences = len(re.findall(r"[a-z)%\"'][.!?](?:\s|$)", text))
    yield f"sentences {_size(sentences)}"
    if len(lines) > 1:
        yield f"a line {_size(len(made) // len(lines))}"
    parted = sum(bool(re.search(r"\S ?[|:=;]|->| - |\t|\[", line)) for line in lines)
    if parted:
        yield "parted all" if parted == len(lines) else "parted some"
    if not sentences and len(lines) == 1:
        yield "phrase"


def _style_of_output(text: str, made: list[str]) -> Iterator[str]:
    if re.match(r"\(?[A-Ea-e][).:]?(?:\s|$)", text):
        yield "letter"
    if made and made[0] in _YES_NO:
        yield "yes or no"
    if made and all(word.isdigit() or len(word) < 2 for word in made):
        yield "numbers"
    elif text[:1].isdigit():
        yield "number first"
    for name, known in (("you", _YOU), ("first person", _FIRST_PERSON)):
        if known & set(made):
            yield name
    if re.match(r"(?:Dear|Hello|Hi|Good morning|To:|Subject)\b", text):
        yield "salutation"
    for name, pattern in _MARKS.items():
        if pattern.search(text):
            yield name


def _shared(asked: list[str], given: list[str], made: list[str], question: str) -> Iterator[str]:
    """Yield how much of the output occurs in the input or the instruction."""
    if not made:
        return
    size = _size(len(made))
    copied = _share(made, set(given)) if given else "no input"
    pairs = set(pairwise(given))
    follow = list(pairwise(made))
    named = _share(made, set(asked))
    yield f"copied {copied}"
    yield f"copied {copied} words {size}"
    yield f"copied {copied} {question}"
    yield f"named {named}"
    yield f"named {named} words {size}"
    yield f"named {named} {question}"
    if given and follow:
        in_order = _part(sum(pair in pairs for pair in follow) / len(follow))
        yield f"copied pairs {in_order}"
        yield f"copied pairs {in_order} words {size}"
    if given:
        yield f"length {_part(min(1.0, len(made) / len(given) / 2))}"


def _share(made: list[str], known: set[str]) -> str:
    return _part(sum(word in known for word in made) / len(made))


def _part(share: float) -> str:
    """Bin a share into fifths, with separate bins for none and all."""
    if share <= 0:
        return "none"
    return "all" if share >= 1 else f"{int(share * 5) * 20}%"


def _size(count: int) -> str:
    """Bin a count: 0, 1, 2, 3-4, 5-8, 9-16 and so on."""
    return str(count) if count < 3 else f"<={2 ** math.ceil(math.log2(count))}"
