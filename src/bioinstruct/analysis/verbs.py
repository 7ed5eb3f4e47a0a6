"""Find the first verb of an instruction and its object, by word rules or with a parser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from bioinstruct.errors import MissingError

__all__ = ["OpeningCounter", "Openings", "VerbObject", "opening_words", "parsed_by"]

VERBS_SHOWN = 20  # as in the figures of Self-Instruct and BioInstruct
OBJECTS_SHOWN = 4
_CACHE = 100_000  # instructions

VerbObject: TypeAlias = Callable[[str], tuple[str, str]]
"""Return the verb and the object of an instruction, each empty if there is none."""


@dataclass(frozen=True, slots=True)
class Openings:
    """The most frequent opening verbs and their most frequent objects."""

    method: str
    """Method of finding verb and object, for display."""
    examples: int
    without_verb: int
    """Number of instructions without a verb, such as questions."""
    without_object: int
    """Number of instructions with a verb but no object."""
    verbs: dict[str, int]
    """The 20 verbs with the most objects, most frequent first."""
    objects: dict[str, dict[str, int]]
    """The four most frequent objects of each of those verbs."""

    @property
    def shown(self) -> int:
        """Number of examples whose verb and object are both listed."""
        return sum(sum(counts.values()) for counts in self.objects.values())


class OpeningCounter:
    """Count verbs and objects over a stream of instructions."""

    def __init__(self, verb_object: VerbObject, method: str) -> None:
        self._find = lru_cache(_CACHE)(verb_object)  # compiled records share their wordings
        self._method = method
        self._examples = 0
        self._verbs: Counter[str] = Counter()
        self._pairs: dict[str, Counter[str]] = {}
        self._without_verb = 0

    def add(self, instruction: str) -> None:
        self._examples += 1
        verb, thing = self._find(instruction)
        if not verb:
            self._without_verb += 1
            return
        self._verbs[verb] += 1
        if thing:
            self._pairs.setdefault(verb, Counter())[thing] += 1

    def result(self) -> Openings:
        """Return the most frequent verbs and objects; ties go alphabetically.

        As in Self-Instruct, only instructions with both a verb and an object count.
        """
        totals = {verb: counts.total() for verb, counts in self._pairs.items()}
        verbs = _top(totals, VERBS_SHOWN)
        return Openings(
            method=self._method,
            examples=self._examples,
            without_verb=self._without_verb,
            without_object=self._verbs.total() - sum(totals.values()),
            verbs=verbs,
            objects={verb: _top(self._pairs[verb], OBJECTS_SHOWN) for verb in verbs},
        )


def _top(counts: dict[str, int], most: int) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def parsed_by(model: str) -> VerbObject:
    """Find root verb and direct object with a spaCy pipeline, as Self-Instruct's notebook does.

    Searches down from the root of the first sentence for the first verb, and takes its direct
    object if that is a noun.

    Raises:
        MissingError: spaCy or the pipeline is not installed, or the pipeline has no parser.
    """
    try:
        import spacy
    except ImportError as error:
        raise MissingError(
            "parsing needs spaCy", hint="pip install 'bioinstruct[parse]'"
        ) from error
    try:
        pipeline = spacy.load(model)
    except OSError as error:
        raise MissingError(
            f"no spaCy pipeline named {model!r}", hint=f"python -m spacy download {model}"
        ) from error
    names = " ".join(pipeline.pipe_names)
    if "parser" not in names or "lemmatizer" not in names:
        raise MissingError(
            f"the spaCy pipeline {model!r} lacks a parser or a lemmatizer",
            hint="en_core_web_sm has both",
        )

    def find(text: str) -> tuple[str, str]:
        token = next(pipeline(text).sents).root
        while token.pos_ != "VERB":
            children = list(token.children)
            if not children:
                return "", ""
            token = children[0]
        things = (child for child in token.children if child.dep_ in {"dobj", "obj"})
        thing = next((child.lemma_.lower() for child in things if child.pos_ == "NOUN"), "")
        return token.lemma_.lower(), thing

    return find


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_VERBS = _set(
    """
    abstract act adapt add advise analyse analyze annotate anonymise anonymize answer apply
    argue arrange ask assess assign assume boil brainstorm break build calculate categorise
    categorize change characterise characterize chart check choose cite classify clean code
    collect combine comment compare compile complete compose compute condense consider construct
    contrast convert copy correct count create criticise criticize critique crosscheck decide
    decode deduce define deidentify derive describe design detect determine develop devise
    diagnose dictate differentiate discover discuss distinguish document draft draw edit
    elaborate enumerate estimate evaluate examine expand explain express extract fill find fix
    follow format formulate generate give grade group guess highlight identify illustrate
    imagine improve indicate infer interpret invent investigate issue judge justify keep label
    link list locate look make map mark match mention merge modify name normalise normalize note
    order organise organize outline paraphrase parse pick plan point pose predict prepare
    present produce propose provide pull put quote rank rate read recast recommend recognise
    recognize reconcile record redesign reduce reformat rephrase replace reply report resolve
    respond restate retell return reverse review revise rewrite say score select sentence
    separate set show simplify solve sort spell split spot state structure suggest summarise
    summarize supply tag take tell title transcribe transform translate turn underline use
    verify weigh write
    """
)
_SPELLING = {
    "analyze": "analyse",
    "anonymize": "anonymise",
    "categorize": "categorise",
    "characterize": "characterise",
    "criticize": "criticise",
    "normalize": "normalise",
    "organize": "organise",
    "summarize": "summarise",
}
_BEFORE_A_VERB = _set("please now then first next kindly briefly carefully also")
_DETERMINERS = _set(
    """
    a an the this that these those each every all both any some no one two three four five ten
    its their his her my our your such
    """
)
_ENDS = _set(
    """
    of in on for from to with by as at into against about between among under over after before
    that which who whom whose what where when whether how why if is are was were be been being
    and or but nor than so because using given based mentioned described reported stated found
    named written asked below above following
    """
)
_PARTICLES = _set("out up down off over back")
_PRONOUNS = _set("it them him her me us you they i he she we yes")
_PIECE = re.compile(
    r"[A-Za-z](?:[A-Za-z'\u2019]|[-/\u2013](?=\w)|(?<=[-/\u2013])\d|(?<=\d)\d)*|\d[\w.%]*|[^\sA-Za-z\d]"
)


def opening_words(text: str) -> tuple[str, str]:
    """Return the imperative verb that opens an instruction and the noun after it, by word rules.

    This is no parser: it knows a fixed list of verbs, and takes as object the last word before a
    word that ends the noun phrase. It skips a phrase before a comma ("From the abstract, list …").
    Both are empty if the instruction opens with anything else, such as a question.
    """
    sentence = re.split(r"(?<=[.?!:])\s|\n", text.strip(), maxsplit=1)[0]
    pieces = [piece.lower() for piece in _PIECE.findall(sentence)]
    at = _verb_at(pieces)
    if at is None:
        return "", ""
    verb = _SPELLING.get(pieces[at], pieces[at])
    return verb, _noun(pieces[at + 1 :])


def _verb_at(pieces: list[str]) -> int | None:
    """Return the index of the verb: at the start, or first after a comma."""
    starts = [0, *(at + 1 for at, piece in enumerate(pieces) if piece == ",")]
    for at in starts:
        while at < len(pieces) and pieces[at] in _BEFORE_A_VERB:
            at += 1
        if at < len(pieces) and pieces[at] in _VERBS:
            return at
    return None


def _noun(pieces: list[str]) -> str:
    """Return the head of the first noun phrase, in the singular; empty if there is none."""
    last = ""
    for at, piece in enumerate(pieces):
        if not last and (piece in _DETERMINERS or (at == 0 and piece in _PARTICLES)):
            continue
        if not last and piece in {"following", "below", "above", "given", "described"}:
            continue  # adjectives here: "the following question"
        if at == 0 and piece in {"me", "us"}:
            continue  # "Give me an example"
        if not last and piece == "of" and at:
            continue  # "each of the drugs"
        if piece in _ENDS or piece in _DETERMINERS or piece in _PRONOUNS or not piece[0].isalpha():
            break
        last = piece
    return _singular(last)


def _singular(noun: str) -> str:
    noun = noun.removesuffix("'s").removesuffix("\u2019s")
    if noun.endswith("noses"):
        return f"{noun[:-2]}is"
    if noun.endswith("ies") and len(noun) > 4 and noun != "series":
        return f"{noun[:-3]}y"
    if noun.endswith(("sses", "xes", "ches", "shes")):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is", "as", "series")):
        return noun[:-1]
    return noun
