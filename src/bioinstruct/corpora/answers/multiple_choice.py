"""Multiple-choice questions: written as input, read back from it, and what an answer looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bioinstruct.corpora.base import choose
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Category, Instruction, Provenance

__all__ = [
    "LAYOUTS",
    "LETTERS",
    "TASK",
    "WORDINGS",
    "example",
    "letters",
    "parse_letter",
    "read",
    "to_answer",
    "to_text",
]

LETTERS = "ABCDEFGHIJ"
"""Letters of the options, in order; a question has two to ten."""

LAYOUTS = ("letter", "text", "letter-text")
"""Forms of the answer: `C`, the option itself, or `C. ` and the option."""

TASK = "multiple-choice-question"

WORDINGS = wordings("multiple_choice")

# A line that begins an option, or would if no backslash stood before it.
_MARK = re.compile(r"(\\*)([A-J])\. ")


def letters(options: Sequence[str]) -> tuple[str, ...]:
    """Return the letters of the options, in order."""
    return tuple(LETTERS[: len(options)])


def to_text(question: str, options: Sequence[str]) -> str:
    """Write the question, an empty line, and a line `A. ...` for each option; `read` inverts it.

    Nothing is altered, but where a line inside of the question or of an option would be taken for
    the beginning of the next option, it gets a backslash.

    Raises:
        ValueError: there are fewer than two options or more than ten.
    """
    if not 2 <= len(options) <= len(LETTERS):
        raise ValueError(f"expected 2 to {len(LETTERS)} options, found {len(options)}")
    lines: list[str] = []
    for line in question.split("\n"):
        lines.append("\\" + line if _mark(lines, line, 0) else line)
    lines.append("")
    for number, option in enumerate(options, start=1):
        first, *more = option.split("\n")
        lines.append(f"{LETTERS[number - 1]}. {first}")
        for line in more:
            lines.append("\\" + line if _mark(lines, line, number) else line)
    return "\n".join(lines)


def read(text: str) -> tuple[str, tuple[str, ...]]:
    """Parse question and options from the output of `to_text`.

    Raises:
        ValueError: the text is not of that form.
    """
    parts: list[list[str]] = [[]]
    lines = text.split("\n")
    for place, line in enumerate(lines):
        mark = _mark(lines[place - 1 : place], line, len(parts) - 1)
        if mark and not mark[1]:
            parts.append([line[len("A. ") :]])
        else:
            parts[-1].append(line[1:] if mark else line)
    if len(parts) < 3:
        raise ValueError(f"expected a question, an empty line and options, found {text[:80]!r}")
    question, *options = ("\n".join(part) for part in parts)
    return question.removesuffix("\n"), tuple(options)


def _mark(before: Sequence[str], line: str, number: int) -> re.Match[str] | None:
    """Return whether a line starts that option; the first one follows an empty line."""
    mark = _MARK.match(line)
    if not mark or mark[2] != LETTERS[number : number + 1] or not (number or before[-1:] == [""]):
        return None
    return mark


def to_answer(options: Sequence[str], answer: int, *, layout: str = "letter") -> str:
    """Write the option at that position as an answer.

    Raises:
        UnknownNameError: there is no such layout.
    """
    if layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    letter, option = LETTERS[answer], options[answer]
    return {"letter": letter, "text": option, "letter-text": f"{letter}. {option}"}[layout]


def example(
    question: str,
    options: Sequence[str],
    answer: int,
    *,
    layout: str,
    seed: int,
    provenance: Provenance,
    medical: bool = True,
) -> Instruction:
    """Make the instruction that all multiple-choice corpora share.

    Args:
        question: the question.
        options: its options.
        answer: the position of the right one.
        layout: one of `LAYOUTS`.
        seed: picks the wording.
        provenance: of the record.
        medical: whether the instruction may call it a medical question.

    Raises:
        ValueError: the number of options is not one that `to_text` can write.
        IndexError: there is no option at the position of the answer.
    """
    input = to_text(question, options)
    known = WORDINGS[layout]
    fitting = known if medical else tuple(text for text in known if "medical" not in text)
    return Instruction(
        instruction=choose(fitting, input, seed),
        input=input,
        output=to_answer(options, answer, layout=layout),
        category=Category.QA,
        task=TASK,
        provenance=provenance,
    )


# ---- what a model writes

_LETTER = r"[(\[]?\**([A-Ja-j])\**(?:[)\].:]\**|(?=\s*$|,))"
_ALONE = re.compile(rf"\**{_LETTER}\s*")
# At the beginning only a capital counts, and not the article of `A patient`.
_FIRST = re.compile(r"\**[(\[]?([A-J])(?:\*\*|[)\].:,]|\n|\s+-\s)")
_SAID = re.compile(
    r"\b(?:answer|option|choice)\b(?:\s+is)?\s*:?\s*(?:option\s+)?\**[(\[]?([A-J])"
    r"(?=\**[)\].:,;*]|\**\s*$|\**\n|\**\s\()",
    re.IGNORECASE,
)


def parse_letter(text: str, options: Sequence[str], *, layout: str = "letter") -> str | None:
    """Return the letter that an answer means, or None if it means no option or several.

    Understood are the letter (`C`, `c.`, `(C)`, `**C**`), the letter and anything after it (`C. an
    option`), the option itself whatever its case, spacing and final full stop, and a sentence that
    says it (`The answer is C.`). A letter stands before a text, except in the layout `text`, where
    blood group `A` may be option C.
    """
    text = text.strip()
    by_text = _by_text(text, options)
    if by_text and layout == "text":
        return by_text
    if exact := _by_text(text, [f"{a}. {o}" for a, o in zip(LETTERS, options, strict=False)]):
        return exact  # an option may look like a list of others
    first = _ALONE.fullmatch(text) or _FIRST.match(text)
    if by_text and not first:
        return by_text
    if len(set(_LISTED.findall(text))) > 1:
        return None  # the options are repeated, and none is chosen
    found: set[str | None] = {_chosen(text, said) for said in _SAID.finditer(text)} - {""}
    if first:
        found.add(_chosen(text, first, at_start=True))
    known = found & set(letters(options))
    return known.pop() if len(found) == len(known) == 1 else None


# Several options of which none is chosen, one that is denied, and a sentence that denies.
_LISTED = re.compile(r"^\W*([A-J])[.)]\s", re.MULTILINE)
_OR = re.compile(r"[\W_]*?(?:\b(?:or|and|versus|vs)\b|[/&])[\W_]*(?:option\s+)?([A-J])(?![\w'])")
_NEXT = re.compile(
    r"[\W_]*,\s*(?:or\s+|and\s+)?[*(\[]*([A-J])[*)\]]*(?:\s*[.,;]|\s*$|\s+(?:or|and)\b)"
)
_DENIED = re.compile(
    r"[\W_]*(?:is|was|would be|seems)\s+(?:not|never|wrong|incorrect|false|unlikely)\b"
    r"|[\W_]*(?:isn't|wasn't|can't|cannot)\b",
    re.IGNORECASE,
)
_DENIES = re.compile(
    r"\b(?:not|never|neither|nor|cannot|\w+n['\u2019]t|except|rather than|instead of|unless|if|"
    r"wrong|incorrect|false|eliminate|exclude|rules? out|ruled out)\b[^.!?\n]*$",
    re.IGNORECASE,
)


def _chosen(text: str, match: re.Match[str], *, at_start: bool = False) -> str | None:
    """Return the letter of a match; None if it is denied or one of several, "" if it is no letter.

    The word before a letter is read whatever its case, the letter only as a capital: `is a`.
    """
    letter = match[1]
    if not (at_start or letter.isupper()):
        return ""
    rest = text[match.end(1) :]
    other = _OR.match(rest) or _NEXT.match(rest)
    several = other is not None and other[1] != letter
    denied = _DENIED.match(rest) or (not at_start and _DENIES.search(text, 0, match.start()))
    return None if several or denied else letter.upper()


def _by_text(text: str, options: Sequence[str]) -> str | None:
    """Return the first option that matches the text."""
    wanted = _plain(text)
    if not wanted:
        return None
    same = (letter for letter, o in zip(LETTERS, options, strict=False) if _plain(o) == wanted)
    return next(same, None)


def _plain(text: str) -> str:
    folded = " ".join(text.split()).casefold()
    return folded.removesuffix(".") or folded
