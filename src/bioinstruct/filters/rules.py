"""Why an instruction is unfit: the published rules of Self-Instruct and Alpaca, and our own."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable

from bioinstruct.answer_text import html_entity, is_nothing
from bioinstruct.errors import UnknownNameError
from bioinstruct.filters.identifiers import possible_identifiers
from bioinstruct.markup import special_tokens
from bioinstruct.schema import Instruction
from bioinstruct.text import normalize

__all__ = ["BY_NAME", "PUBLISHED", "RULES", "Rule", "choose_rules"]

Rule = Callable[[Instruction], str | None]
"""Returns the fault of a record in words, or None."""

# Self-Instruct, bootstrap_instructions.py, post_process_gpt3_response; Alpaca has the last five
# besides (generate_instruction.py).
_SELF_INSTRUCT = "image images graph graphs picture pictures file files map maps draw plot go to"
_ALPACA = "video audio music flowchart diagram"


def too_short(example: Instruction) -> str | None:
    """Reject an instruction of three words or fewer (Self-Instruct)."""
    words = len(example.instruction.split())
    return f"{words} words" if words <= 3 else None


def too_long(example: Instruction) -> str | None:
    """Reject an instruction of more than 150 words (Self-Instruct)."""
    words = len(example.instruction.split())
    return f"{words} words" if words > 150 else None


def needs_other_media(example: Instruction) -> str | None:
    """Reject words for what a language model cannot do or see (Self-Instruct, Alpaca)."""
    found = _MEDIA.search(example.instruction)
    return f"the word {found.group().lower()!r}" if found else None


_WORDS = [word for word in f"{_SELF_INSTRUCT} {_ALPACA}".split() if word not in {"go", "to"}]
_MEDIA = re.compile(rf"\b(?:{'|'.join(_WORDS)}|go to)\b", re.IGNORECASE)


def writes_a_program(example: Instruction) -> str | None:
    """Reject 'Write a program', which is ambiguous without a language (Self-Instruct)."""
    begins = example.instruction.strip().lower().startswith("write a program")
    return "begins with 'Write a program'" if begins else None


def begins_with_punctuation(example: Instruction) -> str | None:
    """Reject remains of a list or of markup (Self-Instruct)."""
    first = example.instruction.strip()[0]
    return f"begins with {first!r}" if first in string.punctuation else None


def begins_with_non_ascii(example: Instruction) -> str | None:
    """Reject an instruction that begins in another script, even a Greek letter (Self-Instruct)."""
    first = example.instruction.strip()[0]
    return None if first.isascii() else f"begins with {first!r}"


def repeats_input(example: Instruction) -> str | None:
    """Reject an output that equals the input (Self-Instruct)."""
    same = example.input and normalize(example.input) == normalize(example.output)
    return "the output is the input" if same else None


def unfinished(example: Instruction) -> str | None:
    """Reject an input or output that ends in a colon: the rest is missing (Self-Instruct)."""
    for name in ("input", "output"):
        if getattr(example, name).rstrip().endswith(":"):
            return f"the {name} ends in a colon"
    return None


def speaks_as_a_model(example: Instruction) -> str | None:
    """Reject an output where the teacher talks about itself or refuses."""
    found = _MODEL.search(example.output)
    return f"says {found.group()!r}" if found else None


_MODEL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"|\bi(?:'m| am) (?:just |only )?an? (?:ai|language model)\b"
    r"|\bi(?:'m| am) sorry\b.{0,40}\b(?:cannot|can't|unable|not able)\b"
    r"|\bknowledge cutoff\b",
    re.IGNORECASE | re.DOTALL,
)


def placeholder(example: Instruction) -> str | None:
    """Reject unfilled gaps such as '[patient name]' and '<insert text>', but not a tag '[NAME]'."""
    for name in ("instruction", "input", "output"):
        if found := _GAP.search(getattr(example, name)):
            return f"the {name} has {found.group()!r}"
    return None


_GAP = re.compile(
    r"[\[<]\s*(?:(?:insert|enter|add|provide|your)\b|(?:patient|doctor|hospital)(?:'s)? name\b)"
    r"[^\]>\n]{0,40}[\]>]"
    r"|<\s*no ?input\s*>",
    re.IGNORECASE,
)


def missing_input(example: Instruction) -> str | None:
    """Reject an instruction that refers to a missing text."""
    if example.input or "\n" in example.instruction.strip():
        return None
    found = _GIVEN.search(example.instruction)
    return f"speaks of {found.group().lower()!r}, and there is no input" if found else None


_GIVEN = re.compile(
    r"\b(?:the|this|these) (?:following|given|provided|below) "
    r"(?:(?:clinical|medical|biomedical|patient|discharge|case|research|scientific) )*"
    r"(?:text|sentence|passage|paragraph|abstract|note|summary|report|article|conversation|"
    r"dialogue|dialog|document|record|case)s?\b(?!.*[:\"“])",
    re.IGNORECASE | re.DOTALL,
)


def broken_text(example: Instruction) -> str | None:
    """Reject control characters, and UTF-8 that was decoded as Latin-1 or Windows-1252."""
    for name in ("instruction", "input", "output"):
        if found := _BROKEN.search(getattr(example, name)):
            return f"the {name} has {found.group()!r}"
    return None


# What a dash, an accented letter, a Greek letter, and a degree or micro sign become.
_BROKEN = re.compile(
    "[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\\ufffd]"
    "|\u00e2\u20ac.|\u00c3[\u0080-\u00bf]|[\u00ce\u00cf][\u0080-\u00bf]|\u00c2[\u00b0\u00b1\u00b5]"
)


def says_nothing(example: Instruction) -> str | None:
    """Reject an input that only says that there is none, and an output that does.

    `none` is a gold answer of annotated corpora, so only a mark such as `<nooutput>` counts in an
    output that no teacher wrote.
    """
    if example.input and is_nothing(example.input):
        return f"the input is {example.input.strip()!r}"
    written = example.provenance.kind == "generated" or _MARK.fullmatch(example.output.strip())
    if written and is_nothing(example.output):
        return f"the output is {example.output.strip()!r}"
    return None


_MARK = re.compile(r"<[^<>]*>")


def has_html_entities(example: Instruction) -> str | None:
    """Reject a text with character references of HTML, such as `&gt;`: it was not decoded."""
    for name in ("instruction", "input", "output"):
        if found := html_entity(getattr(example, name)):
            return f"the {name} has {found!r}"
    return None


def special_token(example: Instruction) -> str | None:
    """Reject a text that spells a special token, which most trainers take for a mark."""
    for name in ("instruction", "input", "output"):
        if found := special_tokens(getattr(example, name)):
            return f"the {name} spells {found[0]!r}"
    return None


def impossible_vital(example: Instruction) -> str | None:
    """Reject impossible vital signs, where the teacher lost a digit or a unit."""
    text = f"{example.instruction}\n{example.input}\n{example.output}"
    for found in _VITAL.finditer(text):
        name, low, high = next(v for v in _VITALS if found[v[0]])
        value = float(found[name].replace(",", "."))
        if not low <= value <= high:
            return f"{found.group()!r}"
    return None


_NUMBER = r"\d{1,4}(?:\.\d+)?"
_VITALS = (("saturation", 20, 100), ("ph", 6.3, 8.0), ("celsius", 20, 46), ("heart", 10, 400))
_VITAL = re.compile(
    rf"\b(?:(?:spo2|oxygen saturation)(?: is| was| of|:)? (?P<saturation>{_NUMBER}) ?%"
    rf"|(?:arterial|blood|serum) ph(?: is| was| of|:)? (?P<ph>{_NUMBER})\b"
    rf"|(?:body )?temperature(?: is| was| of|:)? (?P<celsius>{_NUMBER}) ?(?:°|degrees )c\b"
    rf"|heart rate(?: is| was| of|:)? (?P<heart>{_NUMBER})\b)",
    re.IGNORECASE,
)

PUBLISHED = (
    too_short,
    too_long,
    needs_other_media,
    writes_a_program,
    begins_with_punctuation,
    begins_with_non_ascii,
    repeats_input,
    unfinished,
)
OURS = (
    speaks_as_a_model,
    says_nothing,
    placeholder,
    missing_input,
    broken_text,
    has_html_entities,
    special_token,
    impossible_vital,
)

RULES: dict[str, Rule] = {rule.__name__.replace("_", "-"): rule for rule in (*PUBLISHED, *OURS)}
"""All rules by name, in the order in which they are tried."""


BY_NAME: dict[str, Rule] = {"possible-identifiers": possible_identifiers}
"""Rules that are tried only if they are named: `all` does not hold them."""


def choose_rules(names: Iterable[str]) -> dict[str, Rule]:
    """Return the rules of these names; `all`, `none` and `published` are sets of them.

    Raises:
        UnknownNameError: there is no rule of a name.
    """
    groups = {
        "all": list(RULES),
        "none": [],
        "published": [name for name, rule in RULES.items() if rule in PUBLISHED],
    }
    known = RULES | BY_NAME
    chosen: set[str] = set()
    for name in names:
        if name not in groups and name not in known:
            raise UnknownNameError("rule", name, [*groups, *known])
        chosen.update(groups.get(name, [name]))
    return {name: rule for name, rule in known.items() if name in chosen}
