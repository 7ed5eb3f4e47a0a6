"""Planted records whose overlap with test items is known by construction.

Every plant is made from a test item (a copy, a paraphrase by rule, ...) or from training text that
is about something else. The rules, word lists and names are this file's and the corpora's: the
filter has none of them, no list of synonyms, abbreviations or names at all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bioinstruct import Instruction
from bioinstruct.filters.scored_texts import split_options

__all__ = ["COUNT", "Plant", "aliases_of", "clean", "leaks", "questions_of"]

COUNT = 2000
# British or lay for American or technical, or the other way round; both directions are used.
SYNONYMS = (
    ("myocardial infarction", "heart attack"), ("hypertension", "high blood pressure"),
    ("hypertensive", "with high blood pressure"), ("physician", "doctor"), ("elderly", "old"),
    ("children", "kids"), ("pediatric", "childhood"), ("neoplasm", "tumor"), 
    ("cancer", "carcinoma"),
    ("renal", "kidney"), ("hepatic", "liver"), ("cardiac", "heart"), ("pulmonary", "lung"),
    ("fracture", "broken bone"), ("fever", "raised temperature"), ("edema", "swelling"),
    ("increase", "raise"), ("increased", "higher"), ("decreased", "lower"), ("reduce", "lower"),
    ("reduces", "lowers"), ("improve", "better"), ("associated with", "linked to"),
    ("related to", "connected with"), ("predict", "foretell"), ("affect", "influence"),
    ("surgery", "operation"), ("surgical", "operative"), ("therapy", "treatment"),
    ("useful", "helpful"), ("necessary", "needed"), ("effective", "successful"),
    ("diagnosis", "detection"), ("mortality", "death rate"), ("outcome", "result"),
    ("outcomes", "results"), ("pregnancy", "gestation"), ("women", "females"), ("men", "males"),
    ("woman", "lady"), ("year-old", "years old"), ("presents", "comes in"), ("pain", "ache"),
    ("vomiting", "being sick"), ("nausea", "queasiness"), ("dyspnea", "shortness of breath"),
    ("shows", "reveals"), ("most likely", "most probable"), ("following", "listed"),
    ("patients", "people"), ("patient", "person"), ("induced", "caused"), ("inhibits", "blocks"),
    ("inhibitor", "blocker"), ("demonstrated", "showed"), ("administration", "giving"),
)  # fmt: skip
ABBREVIATIONS = (
    ("MRI", "magnetic resonance imaging"), ("CT", "computed tomography"),
    ("ECG", "electrocardiogram"), ("COPD", "chronic obstructive pulmonary disease"),
    ("HIV", "human immunodeficiency virus"), ("BMI", "body mass index"),
    ("CSF", "cerebrospinal fluid"), ("ICU", "intensive care unit"), ("BP", "blood pressure"),
    ("DNA", "deoxyribonucleic acid"), ("IV", "intravenous"), ("UTI", "urinary tract infection"),
    ("WBC", "white blood cell"), ("GERD", "gastroesophageal reflux disease"),
    ("VEGF", "vascular endothelial growth factor"), ("TNF", "tumor necrosis factor"),
    ("EGFR", "epidermal growth factor receptor"), ("NO", "nitric oxide"), 
    ("AD", "Alzheimer disease"),
)  # fmt: skip
HEADINGS = (
    "Discussion", "Introduction", "Results", "Conclusions", "Materials and methods", "References",
    "Statistical analysis", "Study design", "Ethics statement", "Funding", "Author contributions",
    "Competing interests", "Data availability", "Acknowledgements", "Supporting information",
    "Participants", "Outcome measures", "Limitations", "Background", "Objectives",
)  # fmt: skip
CLOSINGS = (
    "The patient understands and agrees with the recommended medical treatment plan.",
    "All questions were answered and the patient will call the office with any further concerns.",
    "Return precautions were discussed and follow-up was arranged at the outpatient clinic.",
    "I spent more than half of this visit on counselling and the coordination of care.",
)
FRONT = (
    "You are a careful tutor for medical students. Think about the question below, explain your "
    "reasoning in plain language, and then give one final answer.\n\n",
    "Last week on the ward a colleague asked me something that I could not answer at once. ",
    "Here is an exercise from my notes; I marked it because I got it wrong. ",
)
BACK = (
    "\n\nPlease write no more than five sentences, and say how sure you are.",
    " I did not know what to say, and promised to look it up before the next round.",
    " Could you walk me through it step by step, as if I had never heard of it?",
)
ASKED = re.compile(r"^(Is|Are|Do|Does|Can|Did|Has|Should|Was|Were|Will) (.+)\?$", re.DOTALL)
DOSE = re.compile(r"\b(\d+(?:\.\d+)?) ?(mg|kg|°C|g|cm|mm)\b")
UNITS: dict[str, Callable[[float], str]] = {
    "mg": lambda x: f"{x / 1000:g} g",
    "g": lambda x: f"{x * 1000:g} mg",
    "kg": lambda x: f"{x * 2.2046:.0f} lb",
    "°C": lambda x: f"{x * 1.8 + 32:.1f} °F",
    "cm": lambda x: f"{x * 10:g} mm",
    "mm": lambda x: f"{x / 10:g} cm",
}


@dataclass(frozen=True, slots=True)
class Plant:
    """A training text, and the test item that it leaks; empty if it leaks none."""

    kind: str
    text: str
    test: str = ""


def questions_of(examples: Sequence[Instruction]) -> list[tuple[str, str]]:
    """Return the id and the question of test items: the last paragraph if it has a context."""
    return [(e.id, (e.input or e.instruction).rsplit("\n\nQuestion: ", 1)[-1]) for e in examples]


def aliases_of(examples: Sequence[Instruction]) -> dict[str, str]:
    """Return other names of chemicals and diseases, from lines such as `- TdP = Torsade`."""
    found: dict[str, str] = {}
    for example in examples:
        for line in example.input.splitlines():
            names = line.removeprefix("- ").split(" = ") if line.startswith("- ") else []
            if len(names) > 1 and min(map(len, names)) > 2:
                found[names[0].casefold()] = names[1]
                found[names[1].casefold()] = names[0]
    return found


def leaks(
    tests: dict[str, Sequence[Instruction]], aliases: dict[str, str], seed: int
) -> dict[str, list[Plant]]:
    """Return the plants that leak a test item, by kind, `COUNT` of each if the items suffice."""
    chance = random.Random(seed)
    texts = [pair for name in sorted(tests) for pair in questions_of(tests[name])]
    texts = [(id, text) for id, text in texts if len(text.split()) >= 8]
    choices = [pair for pair in texts if len(split_options(pair[1])[1]) > 1]
    makers: dict[str, tuple[list[tuple[str, str]], Callable[[str, random.Random], str | None]]] = {
        "copies": (texts, lambda text, _: text),
        "near copies": (texts, near_copy),
        "options shuffled": (choices, shuffled),
        "stem changed, options shuffled": (choices, changed_stem),
        "inside a longer prompt": (texts, inside),
        "by rule: synonyms": (texts, synonyms),
        "by rule: abbreviations": (texts, abbreviations),
        "by rule: other names": (texts, lambda text, chance: other_names(text, aliases)),
        "by rule: order and mood": (texts, reordered),
        "by rule: units": (texts, units),
    }
    return {kind: _made(kind, sources, maker, chance) for kind, (sources, maker) in makers.items()}


def _made(
    kind: str,
    sources: list[tuple[str, str]],
    maker: Callable[[str, random.Random], str | None],
    chance: random.Random,
) -> list[Plant]:
    found: dict[str, Plant] = {}
    for _ in range(4):  # several versions of one item where there are few items
        for id, text in chance.sample(sources, len(sources)):
            made = maker(text, chance)
            if made and (made != text or kind == "copies"):
                found.setdefault(made, Plant(kind, made, id))
            if len(found) == COUNT:
                return list(found.values())
    return list(found.values())


def near_copy(text: str, chance: random.Random) -> str:
    """Change case, punctuation and white space, and in longer texts one word."""
    words = text.split(" ")
    if len(words) >= 14:
        words[chance.randrange(1, len(words))] = chance.choice(
            ["also", "other", "usual", "certain"]
        )
    made = " ".join(words).replace(",", "").replace(" - ", "-")
    return chance.choice([made.upper(), made.lower(), f"{made.rstrip('?. ')} ...", f"  {made}"])


def shuffled(text: str, chance: random.Random) -> str:
    stem, options = split_options(text)
    order = chance.sample(options, len(options))
    mark = chance.choice(["{}. {}", "({}) {}", "{}) {}"])
    lines = [mark.format(letter, each) for letter, each in zip("ABCDEFGHIJ", order, strict=False)]
    return stem.strip() + "\n" + "\n".join(lines)


def changed_stem(text: str, chance: random.Random) -> str:
    stem, options = split_options(text)
    words = stem.split()
    words[chance.randrange(len(words))] = chance.choice(
        ["particular", "typical", "chronic", "acute"]
    )
    listed = "\n".join(f"A. {option}" for option in options)
    return shuffled(" ".join(words) + "\n\n" + listed, chance)


def inside(text: str, chance: random.Random) -> str:
    return chance.choice(FRONT) + split_options(text)[0].strip() + chance.choice(BACK)


def _replaced(text: str, pairs: Sequence[tuple[str, str]], chance: random.Random) -> str | None:
    made = text
    for first, second in chance.sample(pairs, len(pairs)):
        old, new = (first, second) if chance.random() < 0.5 else (second, first)
        made = re.sub(rf"\b{re.escape(old)}\b", new, made)
    return made if made != text else None


def synonyms(text: str, chance: random.Random) -> str | None:
    return _replaced(text, SYNONYMS, chance)


def abbreviations(text: str, chance: random.Random) -> str | None:
    return _replaced(text, ABBREVIATIONS, chance)


def other_names(text: str, aliases: dict[str, str]) -> str | None:
    """Replace names of chemicals and diseases by others of the BC5CDR corpus."""
    made = text
    for size in (4, 3, 2, 1):
        words = made.split()
        for at in range(len(words) - size + 1):
            name = " ".join(words[at : at + size]).strip(".,;:?()").casefold()
            if name in aliases:
                made = made.replace(" ".join(words[at : at + size]).strip(".,;:?()"), aliases[name])
                break
    return made if made != text else None


def reordered(text: str, chance: random.Random) -> str | None:
    """Ask for the answer instead of asking, or put the last clause or sentence first."""
    stem, options = split_options(text)
    stem = stem.strip()
    asked = ASKED.match(stem)
    if asked:
        return f"Tell me whether or not {asked[2]} {asked[1].casefold()} what the evidence says."
    sentences = re.split(r"(?<=[.?])\s+", stem)
    if len(sentences) > 2:
        moved = [*chance.sample(sentences[:-1], len(sentences) - 1), sentences[-1]]
        return "\n".join([" ".join(moved), *options])
    clauses = re.split(r",\s+| in (?=[a-z])", stem.rstrip("?. "))
    return f"{clauses[-1]}: {', '.join(clauses[:-1])}?" if len(clauses) > 1 else None


def units(text: str, chance: random.Random) -> str | None:
    made = DOSE.sub(lambda found: UNITS[found[2]](float(found[1])), text)
    return made if made != text else None


def clean(
    tests: dict[str, Sequence[Instruction]], training: dict[str, Sequence[Instruction]], seed: int
) -> dict[str, list[Plant]]:
    """Return the plants that leak nothing, by kind."""
    chance = random.Random(seed)
    found = {
        "another disease in a tested question": _frames(
            tests["medquad"], training["medquad"], chance
        )
    }
    choices = [pair[1] for name in ("medqa", "mmlu-medical") for pair in questions_of(tests[name])]
    stems = [e.instruction for e in training["wikidoc-patient"] if len(e.instruction.split()) > 4]
    found["options under another question"] = [
        Plant("options", f"{chance.choice(stems)}\n\n" + chance.choice(choices).split("\n\n")[-1])
        for _ in range(COUNT)
    ]
    found["headings"] = [
        Plant("headings", f"{chance.choice(['', f'{n % 9 + 1}. ', f'{n % 9}.{n % 7} '])}{heading}")
        for n in range(COUNT // len(HEADINGS))
        for heading in HEADINGS
    ]
    return found


def _frames(
    tests: Sequence[Instruction], training: Sequence[Instruction], chance: random.Random
) -> list[Plant]:
    """Ask a tested question about a disease of which the test asks nothing."""
    about = re.compile(r"^(.*?\b(?:for|with|to|is|of|by|cause|are\)|inherited)) (.+?) (\?)$")
    asked = [match for e in tests if (match := about.match(e.instruction))]
    subjects = {match[2].casefold() for match in asked}
    others = [m[2] for e in training if (m := about.match(e.instruction))]
    others = sorted({name for name in others if name.casefold() not in subjects and len(name) > 6})
    return [
        Plant("frames", f"{chance.choice(asked)[1]} {chance.choice(others)} ?")
        for _ in range(COUNT)
    ]
