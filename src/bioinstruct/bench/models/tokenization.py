"""Turn instructions into token ids, in one way for tuning and scoring.

The marks of a chat template are special tokens; what a record spells is plain text.
The ids of a prompt and its answer are those of the whole text, in training and in scoring: a token
that would span the border belongs to the answer. Spaces at the end of a prompt belong to it too, so
a prompt ends in the same way where the answer is yet to come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bioinstruct.bench.models.checks import template_marks
from bioinstruct.bench.models.plain_text import PlainText
from bioinstruct.errors import ModelError
from bioinstruct.prompts import (
    AFTER_EXAMPLE,
    ChatTemplate,
    Style,
    check_style,
    few_shot_text,
    render,
    split_gap,
    user_turn,
)
from bioinstruct.schema import Category, Instruction, Provenance

__all__ = [
    "PROBE",
    "Asked",
    "Encoded",
    "Front",
    "Overflow",
    "PromptTokenizer",
    "before_stop",
    "style_for",
    "style_reason",
]

_OMISSION = " [...] "
_ONE_DAY = "{%- macro strftime_now(form) -%}26 Jul 2024{%- endmacro %}"
"""For templates that write the date: a question asked tomorrow must be the same one."""
_OF_A_CALL = {"truncation", "padding"}

PROBE = Instruction(
    instruction="Is it a drug?",
    input="Metformin.",
    output="yes",
    category=Category.QA,
    task="probe",
    provenance=Provenance(kind="seed", origin="bioinstruct", license="CC0-1.0"),
)
"""Its prompt identifies the layout of all prompts."""


class Overflow(StrEnum):
    """Treatment of a prompt that does not fit the context."""

    SHORTEN = "shorten"
    """Drop words from the middle of the input: question and instruction are at the ends."""
    LEFT = "left"
    """The first tokens are cut off, worked examples first, as in lm-evaluation-harness."""
    SKIP = "skip"
    """The model is not asked."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The token ids of a prompt."""

    ids: list[int]
    shortened: bool
    """True when something was left out to fit the context."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The token ids of a prompt and of the answers that may follow it."""

    prompt: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    """With the spaces at the end of the prompt, and any token that spans the border."""
    shortened: bool
    """True when something was left out of the prompt to fit the context."""


@dataclass(frozen=True, slots=True)
class Front:
    """Worked examples, or nothing, before every prompt of a task."""

    ids: tuple[int, ...] = ()
    """Their token ids, the same for every prompt; empty if a token spans their end."""
    turns: tuple[dict[str, str], ...] = ()
    """In the style `chat`: earlier turns of the conversation."""
    text: str = ""
    """If a token spans their end: their text, which is tokenised with each prompt."""


NO_FRONT = Front()


class PromptTokenizer:
    """A tokenizer, a prompt style and a context length.

    Args:
        tokenizer: a `transformers` tokenizer.
        style: the layout of prompts.
        max_length: context of the model in tokens, prompt and completion together.
        overflow: what happens to a prompt that does not fit.
    """

    def __init__(
        self,
        tokenizer: Any,
        style: Style,
        max_length: int,
        *,
        overflow: Overflow = Overflow.SHORTEN,
    ) -> None:
        if tokenizer.eos_token_id is None:
            raise ModelError(
                "the tokenizer has no end-of-sequence token, so a model cannot learn to stop",
                hint="set eos_token in tokenizer_config.json",
            )
        self.tokenizer = tokenizer
        self.style = style
        self.max_length = max_length
        self.overflow = overflow
        self.eos_id: int = tokenizer.eos_token_id
        self.plain = PlainText(tokenizer)
        self._chat = _chat_template(tokenizer)
        check_style(style, self._chat)
        self.end_id: int = self.eos_id
        """The token that ends an answer: what a chat template writes there, else `eos_id`."""
        if style is Style.CHAT:
            self.end_id = self._end_of_turn()
        self._front = [] if style is Style.CHAT else self._special_ids_in_front()

    def completion(self, text: str) -> list[int]:
        """Return the token ids of an answer on its own, without the end-of-sequence token."""
        return self._ids(text)

    def front(self, shots: Sequence[Instruction]) -> Front:
        """Return worked examples for the prompts of all examples of a task.

        Each is the prompt that its style gives it, its output and a blank line, tokenised as one
        text. In the style `chat` each is a turn of the user and one of the assistant.
        """
        if self.style is not Style.CHAT:
            text = "".join(f"{render(s, self.style)}{s.output}{AFTER_EXAMPLE}" for s in shots)
            ids, behind = self._ids(text), render(PROBE, self.style)
            clean = [*ids, *self._ids(behind)] == self._ids(text + behind)
            return Front(tuple(ids)) if clean else Front(text=text)
        turns: list[dict[str, str]] = []
        for shot in shots:
            asked = user_turn(shot)
            turns += [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": shot.output},
            ]
        return Front(turns=tuple(turns))

    def prompt(self, example: Instruction, *, room: int, front: Front = NO_FRONT) -> Encoded | None:
        """Return the token ids of a prompt that leaves `room` tokens for the completion.

        Overlong prompts are shortened according to `overflow`; None if it still does not fit.
        """
        limit = self.max_length - room
        ids = self._prompt_ids(example, example.input, front)
        if len(ids) <= limit:
            return Encoded(ids, shortened=False)
        if self.overflow is Overflow.SKIP or limit <= len(self._front):
            return None
        if self.overflow is Overflow.LEFT:
            kept = ids[len(ids) - limit + len(self._front) :]
            return Encoded([*self._front, *kept], shortened=True)
        spans = [match.span() for match in re.finditer(r"\S+", example.input)]
        fitting: list[int] | None = None
        low, high = 1, len(spans) - 1  # how many words to keep; bisection for the most that fit
        while low <= high:
            keep = (low + high) // 2
            ids = self._prompt_ids(example, _without_middle(example.input, spans, keep), front)
            if len(ids) <= limit:
                fitting, low = ids, keep + 1
            else:
                high = keep - 1
        return Encoded(fitting, shortened=True) if fitting is not None else None

    def with_answers(
        self,
        example: Instruction,
        answers: Sequence[str],
        *,
        room: int = 0,
        front: Front = NO_FRONT,
    ) -> Asked | None:
        """Return the token ids of a prompt, and of each answer behind it; None if they do not fit.

        Prompt and answer together have the ids of the whole text. The prompt is the same for all
        answers: it ends before the first token that differs in one of them.

        Args:
            example: the question.
            answers: texts that may follow the prompt.
            room: tokens to leave behind the longest answer.
            front: worked examples.
        """
        alone = self._prompt_ids(example, example.input, NO_FRONT)
        wholes = [self._prompt_ids(example, example.input, NO_FRONT, answer) for answer in answers]
        kept = min(_same(alone, whole) for whole in wholes)
        found = tuple(tuple(whole[kept:]) for whole in wholes)
        prompt = self.prompt(example, room=max(map(len, found)) + room, front=front)
        if prompt is None:
            return None
        ids = prompt.ids[: len(prompt.ids) - (len(alone) - kept)]
        return Asked(tuple(ids), found, prompt.shortened)

    def rendered(self, example: Instruction, shots: Sequence[Instruction] = ()) -> str:
        """Return the text of a prompt, after worked examples, for a person to read."""
        if self._chat is None or self.style is not Style.CHAT:
            return few_shot_text(example, shots, self.style)
        turns = []
        for shot in shots:
            turns += [{"role": "user", "content": user_turn(shot)}]
            turns += [{"role": "assistant", "content": shot.output}]
        return self._chat([*turns, {"role": "user", "content": user_turn(example)}])

    def gap(self) -> str:
        """Return the spaces with which a completion begins, since no prompt ends with them."""
        return split_gap(render(PROBE, self.style, chat_template=self._chat))[1]

    def text(self, ids: list[int]) -> str:
        """Return the text of a completion's token ids, without special tokens."""
        decoded: str = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return decoded

    def about(self) -> list[Any]:
        """Return everything that decides the ids of an example, except for `overflow`.

        A fast tokenizer also holds truncation and padding: those of its last call, so not here.
        """
        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        rules = json.loads(fast.to_str()) if fast is not None else {}
        rules = {name: said for name, said in rules.items() if name not in _OF_A_CALL}
        words = sorted(self.tokenizer.get_vocab().items())
        special = [self.tokenizer.special_tokens_map, self.tokenizer.chat_template]
        front = self.front([PROBE])
        whole = self._prompt_ids(PROBE, PROBE.input, front, PROBE.output)
        laid_out = [whole, self.style, self.max_length]
        return [words, rules, *special, *laid_out]

    def oddities(self) -> list[str]:
        """Return a sentence for each thing in which template and tokenizer do not fit."""
        if self._chat is None or self.style is not Style.CHAT:
            return []
        found = template_marks(self._chat([{"role": "user", "content": "x"}]), self.tokenizer)
        if self.end_id != self.eos_id:
            names = self.tokenizer.convert_ids_to_tokens([self.end_id, self.eos_id])
            found.append(
                f"the chat template ends an answer with {names[0]} ({self.end_id}), the tokenizer "
                f"a text with {names[1]} ({self.eos_id}): either ends one, the first is learnt"
            )
        return found

    def _special_ids_in_front(self) -> list[int]:
        """Return the special ids before a text (BOS), without those after it (EOS)."""
        with_special, plain = self.plain.parsed("a", special=True), self._ids("a")
        starts = range(len(with_special) - len(plain) + 1)
        return next(
            (with_special[:i] for i in starts if with_special[i:][: len(plain)] == plain), []
        )

    def _prompt_ids(
        self, example: Instruction, text: str, front: Front, answer: str | None = None
    ) -> list[int]:
        """Return the ids of a prompt, with an answer behind it unless that is None."""
        if self.style is not Style.CHAT:
            asked, gap = split_gap(render(example, self.style, input=text))
            behind = "" if answer is None else gap + answer
            return [*self._front, *front.ids, *self._ids(f"{front.text}{asked}{behind}")]
        turn = {"role": "user", "content": user_turn(example, input=text)}
        return self._chat_ids([*front.turns, turn], answer)

    def _end_of_turn(self) -> int:
        """Return the special token that the template writes behind an answer, or `eos_id`."""
        turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "\ue000"}]
        text: str = _templated(self.tokenizer, turns, add_generation_prompt=False)
        found = self.plain.first_mark(text.partition("\ue000")[2])
        return self.eos_id if found is None else found

    def _chat_ids(self, turns: Sequence[dict[str, str]], answer: str | None = None) -> list[int]:
        """Return the ids of a conversation and an answer; marks in their texts are plain text."""
        assert self._chat is not None
        text = self._chat(turns)
        contents = [turn["content"] for turn in turns]
        asked, gap = split_gap(text)
        behind = "" if answer is None else gap + answer
        if not any(map(self.plain.has_marks, [*contents, behind])):
            return self.plain.parsed(asked + behind)
        gaps = [f"\ue000{number}\ue001" for number in range(len(turns))]
        frame = self._chat([turn | {"content": gap} for turn, gap in zip(turns, gaps, strict=True)])
        parts = re.split("|".join(gaps), frame)
        for given in (contents, [content.strip() for content in contents]):
            pieces = list(zip(parts, [*given, ""], strict=False))
            if len(parts) == len(turns) + 1 and "".join(map("".join, pieces)) == text:
                last = split_gap(parts[-1])[0]
                return self.plain.mixed([*pieces[:-1], (last, behind)])
        raise ModelError(
            "the chat template rewrites the texts of its turns, so marks in a record's text "
            f"cannot be told from its own: {contents[-1][:80]!r}",
            hint="use --style alpaca",
        )

    def _ids(self, text: str) -> list[int]:
        return self.plain.ids(text)


def style_for(tokenizer: Any) -> Style:
    """Return the style that fits a model: its chat template where there is one, else Alpaca."""
    return Style.CHAT if getattr(tokenizer, "chat_template", None) else Style.ALPACA


def style_reason(tokenizer: Any) -> str:
    """Return why `style_for` chooses as it does."""
    article = "a" if style_for(tokenizer) is Style.CHAT else "no"
    return f"the model has {article} chat template"


def before_stop(text: str, stop: Sequence[str]) -> str:
    """Return the text up to the first of the stop strings."""
    ends = [at for at in (text.find(mark) for mark in stop if mark) if at >= 0]
    return text[: min(ends)] if ends else text


def _same(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many first tokens are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _without_middle(text: str, spans: list[tuple[int, int]], keep: int) -> str:
    """Return the first and last words of a text, `keep` in all, with a mark in between."""
    front = (keep + 1) // 2
    back = keep - front
    head = text[: spans[front - 1][1]]
    tail = text[spans[-back][0] :] if back else ""
    return f"{head}{_OMISSION}{tail}".rstrip()


def _chat_template(tokenizer: Any) -> ChatTemplate | None:
    if not getattr(tokenizer, "chat_template", None):
        return None

    def apply(messages: Any) -> str:
        return _templated(tokenizer, messages, add_generation_prompt=True)

    return apply


def _templated(tokenizer: Any, messages: Any, *, add_generation_prompt: bool) -> str:
    template = tokenizer.chat_template
    dated = isinstance(template, str) and "strftime_now" in template
    text: str = tokenizer.apply_chat_template(
        messages,
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
        **({"chat_template": _ONE_DAY + template} if dated else {}),
    )
    return text
