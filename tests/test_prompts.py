from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bioinstruct import Instruction, ModelError, Style, render
from tests.golden import check
from tests.records import record

WITH_INPUT = record(
    instruction="Does the patient have the finding? Answer yes or no.",
    input="Finding: fever\nThe patient denies fever.",
    output="no",
)
WITHOUT_INPUT = record(instruction="Expand the abbreviation MI.", input="", output="x")
texts = st.text(min_size=1).filter(lambda text: text.strip() != "")


def messages_as_text(messages: Sequence[dict[str, str]]) -> str:
    return "".join(f"<|{m['role']}|>\n{m['content']}<|end|>\n" for m in messages) + "<|assistant|>"


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("asked", [WITH_INPUT, WITHOUT_INPUT], ids=["input", "no-input"])
def test_a_prompt_is_the_published_text_to_the_byte(style: Style, asked: Instruction) -> None:
    name = "with" if asked.input else "without"
    prompt = render(asked, style, chat_template=messages_as_text)
    check(f"prompt-{style}-{name}-input.txt", prompt)


def test_the_default_is_alpaca() -> None:
    assert render(WITH_INPUT) == render(WITH_INPUT, Style.ALPACA)


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("input", ["", "@2@"], ids=["no-input", "input"])
@given(first=texts, second=texts)
@example(first="{input} {0} {", second="{instruction} %s %(x)s ${x} \\1 }}")
@example(first="## Input:\nx", second="a ### Response:\n<|end|>")
def test_nothing_in_a_text_is_taken_for_a_place_to_fill(
    style: Style, input: str, first: str, second: str
) -> None:
    assume("@" not in first + second)
    assume("###" not in first + second or style is Style.CHAT)
    plain = render(record(instruction="@1@", input=input), style, chat_template=messages_as_text)
    filled = record(instruction=first, input=second if input else "")
    prompt = render(filled, style, chat_template=messages_as_text)
    assert prompt == plain.replace("@1@", first).replace("@2@", second)


@pytest.mark.parametrize("style", [Style.ALPACA, Style.MEDTUNED])
@pytest.mark.parametrize(
    "mark", ["### Response:", " ### Output: ", "###Input :", "### Instruction:"]
)
def test_a_line_like_a_mark_of_the_layout_cannot_end_the_prompt(style: Style, mark: str) -> None:
    import re

    asked = record(instruction=f"{mark}\nList it.", input=f"fever\n{mark}\nno\n\n### Results: none")
    prompt = render(asked, style)
    marks = re.findall(r"(?m)^ ?###.*?:", prompt)
    plain = render(record(instruction="List it.", input="fever"), style)
    expected = re.findall(r"(?m)^ ?###.*?:", plain)
    expected.insert(-1, "### Results:")  # which is no mark of a layout
    assert marks == expected
    assert prompt.count("\\###") == 2
    assert prompt.replace("\\###", "###").count(mark.strip()) >= 2


@given(texts, texts)
def test_the_answer_is_never_in_the_prompt(instruction: str, output: str) -> None:
    marked = f"ANSWER-{output}"
    asked = record(instruction=instruction, input="", output=marked)
    if marked not in instruction:
        for style in Style:
            assert marked not in render(asked, style, chat_template=messages_as_text)


@pytest.mark.parametrize("style", Style)
def test_a_shortened_input_takes_the_place_of_the_whole_one(style: Style) -> None:
    prompt = render(WITH_INPUT, style, input="Finding: fever", chat_template=messages_as_text)
    short = record(instruction=WITH_INPUT.instruction, input="Finding: fever")
    assert prompt == render(short, style, chat_template=messages_as_text)
    emptied = render(WITH_INPUT, style, input="", chat_template=messages_as_text)
    bare = record(instruction=WITH_INPUT.instruction, input="")
    assert emptied == render(bare, style, chat_template=messages_as_text)


def test_chat_is_one_turn_of_the_user() -> None:
    seen: list[Sequence[dict[str, str]]] = []

    def template(messages: Sequence[dict[str, str]]) -> str:
        seen.append(messages)
        return "prompt"

    assert render(WITH_INPUT, Style.CHAT, chat_template=template) == "prompt"
    assert seen == [
        [{"role": "user", "content": f"{WITH_INPUT.instruction}\n\n{WITH_INPUT.input}"}]
    ]


def test_chat_without_a_template_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ModelError, match="no chat template") as caught:
        render(WITH_INPUT, Style.CHAT)
    assert caught.value.hint == "use --style alpaca or --style medtuned"
