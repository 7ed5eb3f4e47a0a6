"""Render instructions as prompts, for tuning and for scoring."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from bioinstruct.errors import ModelError
from bioinstruct.schema import Instruction

__all__ = [
    "AFTER_EXAMPLE",
    "NEXT_EXAMPLE",
    "ChatTemplate",
    "Style",
    "check_style",
    "few_shot_text",
    "render",
    "split_gap",
    "split_rendered",
    "user_turn",
]

ChatTemplate = Callable[[Sequence[dict[str, str]]], str]
"""Render messages as text, up to and including the header of the assistant's turn."""


class Style(StrEnum):
    """Prompt layouts."""

    ALPACA = "alpaca"
    """Stanford Alpaca's templates, with and without an input, each followed by a line break as in
    Alpaca-LoRA."""
    MEDTUNED = "medtuned"
    """The layout of Llama2-MedTuned's training script."""
    CHAT = "chat"
    """The model's chat template, with one user turn."""


_ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request."
)
_ALPACA_WITHOUT_INPUT = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request."
)

AFTER_EXAMPLE = "\n\n"
"""Text between the output of a worked example and the next prompt."""
NEXT_EXAMPLE = tuple(
    f"{AFTER_EXAMPLE}{start}" for start in ("Below is an instruction", "### Instruction")
)
"""Texts with which a model that does not stop begins another example; not part of its answer."""


# A line of a record that looks like a mark of the layouts; a backslash makes it plain text, as in
# Markdown, so that it cannot end the prompt.
_MARK = re.compile(r"^([^\S\n]*)(###[^\S\n]*(?:Instruction|Input|Response|Output)[^\S\n]*:)", re.M)


def _without_marks(text: str) -> str:
    return _MARK.sub(r"\1\\\2", text)


_ESCAPED = re.compile(
    r"^([^\S\n]*)\\(###[^\S\n]*(?:Instruction|Input|Response|Output)[^\S\n]*:)", re.M
)
_ALPACA_END = "\n\n### Response:\n"


def _with_marks(text: str) -> str:
    return _ESCAPED.sub(r"\1\2", text)


def _alpaca(instruction: str, text: str) -> str:
    if text:
        return (
            f"{_ALPACA_WITH_INPUT}\n\n### Instruction:\n{instruction}\n\n"
            f"### Input:\n{text}\n\n### Response:\n"
        )
    return f"{_ALPACA_WITHOUT_INPUT}\n\n### Instruction:\n{instruction}\n\n### Response:\n"


def _medtuned(instruction: str, text: str) -> str:
    # The published script (nlpie-research/BioInstTune-LLM) has the spaces after the line breaks.
    middle = f"\n ### Input: {text}" if text else ""
    return f"### Instruction: {instruction}{middle}\n ### Output: "


def check_style(style: Style, chat_template: ChatTemplate | None) -> None:
    """Refuse a style that the model does not support.

    Raises:
        ModelError: the style is `chat` and the model has no chat template.
    """
    if style is Style.CHAT and chat_template is None:
        raise ModelError(
            "the model has no chat template", hint="use --style alpaca or --style medtuned"
        )


def render(
    example: Instruction,
    style: Style = Style.ALPACA,
    *,
    input: str | None = None,
    chat_template: ChatTemplate | None = None,
) -> str:
    """Render the prompt for an example; the expected completion is `example.output`.

    `input` replaces the example's input, for instance after truncation to fit a context. A line of
    the example that looks like a mark of the layout, such as `### Response:`, gets a backslash.

    Raises:
        ModelError: the style is `chat` and the model has no chat template.
    """
    check_style(style, chat_template)
    text = example.input if input is None else input
    if chat_template is not None and style is Style.CHAT:
        return chat_template([{"role": "user", "content": user_turn(example, input=text)}])
    layout = _alpaca if style is Style.ALPACA else _medtuned
    return layout(_without_marks(example.instruction), _without_marks(text))


def split_gap(prompt: str) -> tuple[str, str]:
    """Divide a prompt into itself without the spaces at its end, and these spaces.

    They go in front of the answer: a tokenizer joins a space to the word that follows it, so a
    model never sees a prompt that ends with one.
    """
    kept = prompt.rstrip(" ")
    return kept, prompt[len(kept) :]


def split_rendered(prompt: str) -> Iterator[tuple[str, str]]:
    """Yield instruction and input of a prompt in Alpaca's layout; nothing for another text.

    The texts come as they stand in the prompt, and then without the backslashes that `render` puts
    before marks.
    """
    if not prompt.endswith(_ALPACA_END):
        return
    body = prompt.removesuffix(_ALPACA_END)
    for front in (_ALPACA_WITH_INPUT, _ALPACA_WITHOUT_INPUT):
        head = f"{front}\n\n### Instruction:\n"
        if not body.startswith(head):
            continue
        body = body.removeprefix(head)
        middle = "\n\n### Input:\n" if front == _ALPACA_WITH_INPUT else ""
        instruction, _, text = body.partition(middle) if middle else (body, "", "")
        yield instruction, text
        yield _with_marks(instruction), _with_marks(text)


def user_turn(example: Instruction, *, input: str | None = None) -> str:
    """Return the text of the user's turn in the style `chat`; `input` as in `render`."""
    text = example.input if input is None else input
    return f"{example.instruction}\n\n{text}" if text else example.instruction


def few_shot_text(example: Instruction, shots: Sequence[Instruction], style: Style) -> str:
    """Return the prompt for an example after worked examples, for a style that is plain text."""
    front = (f"{render(shot, style)}{shot.output}{AFTER_EXAMPLE}" for shot in shots)
    return "".join(front) + render(example, style)
