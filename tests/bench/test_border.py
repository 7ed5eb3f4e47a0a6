"""Prompt and answer together have the ids of the whole text, whatever a tokenizer joins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from benchmarks.lm_eval_pairs import encode_pairs

from bioinstruct import Instruction
from bioinstruct.bench.models.tokenization import Asked, PromptTokenizer
from bioinstruct.prompts import Style, few_shot_text, render, user_turn

Make = Callable[..., Instruction]
QWEN = (  # the pattern of Qwen2, at which its byte-level merges stop
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = ["### Response:\nyes\n\n### Output: no , 5 mg.\n\n### Input: yes no\n ### Output:\n\n- a"]
ANSWERS = [("yes", "no"), ("yes", "5 mg", "-"), ("\n- a",), (" yes", "yes"), ("no.\n\n",)]


def joining() -> Any:
    """As Qwen2: a colon and the line break behind it are one token, so are a space and a word."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(QWEN), behavior="isolated")
    levels = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.pre_tokenizer = pre_tokenizers.Sequence([split, levels])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS * 5, trainer)
    return made


def prefixing() -> Any:
    """As Llama 2: a text begins with a space of the tokenizer's own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "</s>"], show_progress=False
    )
    letters = "".join(map(chr, range(32, 127)))
    made.train_from_iterator([letters, "\n", "yes", "no", " yes", " no"] * 9, trainer)
    return made


@pytest.fixture(params=[joining, prefixing], scope="module")
def tokenizer(request: pytest.FixtureRequest) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=request.param(), eos_token="</s>")


def whole(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


@pytest.mark.parametrize("style", [Style.ALPACA, Style.MEDTUNED])
@pytest.mark.parametrize("answers", ANSWERS)
@pytest.mark.parametrize("count", [0, 2])
def test_the_ids_are_those_of_the_whole_text(
    tokenizer: Any, style: Style, answers: Sequence[str], count: int, example: Make
) -> None:
    shots = [example(output=output) for output in ("yes", "no.")][:count]
    prompts = PromptTokenizer(tokenizer, style, 4000)
    asked = prompts.with_answers(example(), answers, front=prompts.front(shots))
    assert asked is not None
    for answer, ids in zip(answers, asked.answers, strict=True):
        text = few_shot_text(example(), shots, style) + answer
        assert [*asked.prompt, *ids] == whole(tokenizer, text)
        assert ids


@pytest.mark.parametrize("style", [Style.ALPACA, Style.MEDTUNED])
def test_an_ordinary_answer_follows_the_prompt_of_generation(
    tokenizer: Any, style: Style, example: Make
) -> None:
    prompts = PromptTokenizer(tokenizer, style, 4000)
    front = prompts.front([example(output="no")])
    written = prompts.prompt(example(), room=9, front=front)
    asked = prompts.with_answers(example(), ["yes", "no"], front=front)
    assert written is not None
    assert asked is not None
    assert tuple(written.ids) == asked.prompt
    text = tokenizer.decode([*asked.prompt, *asked.answers[0]])
    assert text.endswith(render(example(), style) + "yes")
    assert prompts.gap() == (" " if style is Style.MEDTUNED else "")


def test_a_prompt_that_was_shortened_has_the_same_border(tokenizer: Any, example: Make) -> None:
    prompts = PromptTokenizer(tokenizer, Style.MEDTUNED, 200)
    long = example(input=" yes no" * 300)
    asked = prompts.with_answers(long, ["yes", "5 mg"])
    full = prompts.with_answers(example(), ["yes", "5 mg"])
    assert asked is not None
    assert full is not None
    assert asked.shortened
    assert asked.answers == full.answers
    assert asked.prompt[-4:] == full.prompt[-4:]
    assert len(asked.prompt) + max(map(len, asked.answers)) <= 200


def test_a_template_that_ends_with_a_space_leaves_it_to_the_answer(
    tokenizer: Any, example: Make
) -> None:
    import copy

    templated = copy.deepcopy(tokenizer)
    templated.chat_template = "{% for m in messages %}[{{ m.content }}] {% endfor %}"
    prompts = PromptTokenizer(templated, Style.CHAT, 4000)
    text = f"[{user_turn(example())}] "
    for answer in ("yes", "</s>"):
        asked = prompts.with_answers(example(), [answer, "no"])
        written = prompts.prompt(example(), room=9)
        assert asked is not None
        assert written is not None
        assert tuple(written.ids) == asked.prompt
        assert prompts.eos_id not in asked.answers[0]
        assert templated.decode([*asked.prompt, *asked.answers[0]]) == text + answer
    asked = prompts.with_answers(example(), ["yes", "no"])
    assert asked is not None
    assert [*asked.prompt, *asked.answers[0]] == whole(templated, text + "yes")
    assert prompts.gap() == " "


def test_the_harness_loses_a_line_break_that_is_joined_to_the_prompt(example: Make) -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_object=joining(), eos_token="</s>")
    text = render(example(), Style.ALPACA)
    [pair] = encode_pairs(tokenizer, [(text, "yes")], max_length=4000)
    assert pair.joined
    assert tokenizer.decode([*pair.context, *pair.continuation]).endswith("### Response:yes")
    asked: Asked | None = PromptTokenizer(tokenizer, Style.ALPACA, 4000).with_answers(
        example(), ["yes"]
    )
    assert asked is not None
    assert tokenizer.decode([*asked.prompt, *asked.answers[0]]) == text + "yes"
