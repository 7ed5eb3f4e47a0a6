"""The three tasks: which frames are drawn how often, and what input and output they give."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bioinstruct.schema import Category
from demo.entities import Entity, table
from demo.fill import Filled, fill, mentions, slots
from demo.people import Draw

__all__ = ["TASKS", "Item", "Task"]

OPENED, CLOSED = 0.3, 0.15
"""How often a note has a sentence before and after its frame."""
NUMBER = re.compile(r"\{x\.\w+")
SUBJECT = {"vet": "the animal", "trial": "the participant"}
ASKED = {"drugs": "dorw", "diseases": "chakbgjmnuv"}

QA_INSTRUCTIONS = [
    "Answer the question about the clinical note with yes, no or maybe.",
    "Read the note and reply yes if it is present, no if it is absent, maybe if it is uncertain.",
    "Using only the note, answer the question with one word: yes, no or maybe.",
    "Is the finding present (yes), absent (no) or uncertain (maybe)? Answer with one word.",
]
IE_INSTRUCTIONS = [
    "List the {} mentioned, one per line, in order of appearance; write none if there is none.",
    "Extract all {} from the text exactly as written, one per line, or write none.",
    "Which {} does the text mention? Give one per line in order, or none.",
    "Copy the names of all {} in the text, each on its own line. Write none if there are none.",
]
GEN_INSTRUCTIONS = [
    "Rewrite the input as one or two complete clinical sentences.",
    "Turn this into clear sentences for the medical record.",
    "Write up the conversation or shorthand as clean clinical prose.",
    "Summarize the input in full sentences for the patient's chart.",
]


@dataclass(frozen=True)
class Item:
    """A record before it has its provenance."""

    instruction: str
    input: str
    output: str
    frame: str


Row = dict[str, str]
Compose = Callable[[Row, str, str, Draw], Item]


@dataclass(frozen=True)
class Task:
    """A task: the share of each kind of item, which frames can give it, and how."""

    name: str
    category: Category
    shares: dict[str, float]
    gives: Callable[[Row, str], bool]
    compose: Compose

    def frames(self, kind: str, *, held_out: bool) -> list[Row]:
        rows = table(self.name.removeprefix("demo-"))
        return [row for row in rows if bool(row["only"]) == held_out and self.gives(row, kind)]


def _labels(row: Row) -> dict[str, str]:
    return dict(pair.split("=") for pair in row["labels"].split())


def _qa_gives(row: Row, kind: str) -> bool:
    """A kind is an answer and whether another finding of the note has another one."""
    answer, mixed = kind.split()
    labels = set(_labels(row).values())
    return answer in labels and (len(labels) > 1) == (mixed == "mixed")


def _question(target: Entity, register: str, draw: Draw) -> str:
    subject = SUBJECT.get(register, "the patient")
    forms = [f"Does {subject} have {target.a}?"]
    if not target.is_condition:
        forms.append(f"{target.verb('is').capitalize()} there {target.a}?")
    if target.kind != "chronic":
        forms.append(f"{target.verb('is').capitalize()} {target.a} present?")
    if target.kind not in {"symptom", "chronic"}:
        forms.append(f"{target.verb('was').capitalize()} {target.a} found?")
    return draw.pick(forms)


def _context(row: Row, draw: Draw) -> tuple[str, str]:
    """A sentence to open the note and one to close it, by chance; none repeats a number or name."""
    used = set(NUMBER.findall(row["text"]))
    parts = []
    for name, chance in (("openers", OPENED), ("closers", CLOSED)):
        texts = [other["text"] for other in table(name) if other["register"] == row["register"]]
        fresh = [text for text in texts if not used & set(NUMBER.findall(text))]
        parts.append(draw.pick(fresh) if fresh and draw.chance(chance) else "")
        used |= set(NUMBER.findall(parts[-1]))
    return parts[0], parts[1]


def _qa(row: Row, kind: str, split: str, draw: Draw) -> Item:
    answer = kind.split()[0]
    slot = draw.pick([slot for slot, label in _labels(row).items() if label == answer])
    opener, closer = _context(row, draw)
    text = " ".join(part for part in (opener, row["text"], closer) if part)
    filled = fill(text, split, draw, introduced=bool(opener))
    target = filled[slot]
    assert isinstance(target, Entity)
    question = _question(target, row["register"], draw)
    note = f"{text.format_map(filled)}\nQuestion: {question}"
    return Item(draw.pick(QA_INSTRUCTIONS), note, answer, row["id"])


def _ie_gives(row: Row, kind: str) -> bool:
    """Symptoms are no diseases, and a reader may disagree: such frames ask for drugs only."""
    asked, some = kind.split()
    letters = {slot[0] for slot in slots(row["text"])}
    if asked == "diseases" and letters & set("sef"):
        return False
    return bool(letters & set(ASKED[asked])) == (some == "some")


def _tokens(text: str) -> str:
    """Words separated by single spaces, punctuation apart, as in CoNLL files."""
    apart = re.sub(r"([,;:()?%])(?=\s|$|[.,;)])|(?<=\s)(\()", r" \1\2 ", text)
    apart = re.sub(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)\.(?=\s|$)", " . ", apart)
    return " ".join(apart.split())


def _ie(row: Row, kind: str, split: str, draw: Draw) -> Item:
    asked = kind.split()[0]
    opener, closer = _context(row, draw)
    if slots(opener):
        opener = ""
    text = " ".join(part for part in (opener, row["text"], closer) if part)
    filled = fill(text, split, draw)
    found = mentions(text, filled, ASKED[asked])
    instruction = draw.pick(IE_INSTRUCTIONS).format(asked)
    return Item(
        instruction, _tokens(text.format_map(filled)), "\n".join(found) or "none", row["id"]
    )


def _gen(row: Row, kind: str, split: str, draw: Draw) -> Item:
    filled: Filled = fill(row["text"] + row["output"], split, draw)
    text = row["text"].replace(r"\n", "\n").format_map(filled)
    return Item(draw.pick(GEN_INSTRUCTIONS), text, row["output"].format_map(filled), row["id"])


TASKS = [
    Task(
        "demo-qa",
        Category.QA,
        {
            "yes mixed": 0.08,
            "no mixed": 0.08,
            "maybe mixed": 0.04,
            "yes alone": 0.32,
            "no alone": 0.32,
            "maybe alone": 0.16,
        },
        _qa_gives,
        _qa,
    ),
    Task(
        "demo-ie",
        Category.IE,
        {"drugs some": 0.44, "diseases some": 0.44, "drugs none": 0.06, "diseases none": 0.06},
        _ie_gives,
        _ie,
    ),
    Task(
        "demo-gen",
        Category.GEN,
        {"dialogue": 0.4, "shorthand": 0.6},
        lambda row, kind: row["register"] == kind,
        _gen,
    ),
]
