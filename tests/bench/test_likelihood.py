from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.loglikelihood import Plan, Scorer, branch_mask
from bioinstruct.bench.models.token_tree import (
    LoglikelihoodRequest,
    batches,
    common_prefix,
    flat_rows,
    tree_row,
)
from bioinstruct.bench.training.lora import add_adapter
from bioinstruct.bench.training.recipe import Recipe

from .conftest import MORE_SHAPES, SHAPES

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
SHARING = {"llama", "qwen2", "mistral", "gemma", "gpt2", "gpt_neox", "opt"}
SHARING |= {"biogpt", "cohere", "granite", "mixtral", "phi3", "qwen3", "starcoder2"}
REPEATING = {"bloom", "falcon", "gemma2", "mamba"}
ids = st.integers(0, 5)
texts = st.lists(ids, min_size=1, max_size=6).map(tuple)
questions_of_ids = st.lists(
    st.builds(LoglikelihoodRequest, texts, st.lists(texts, min_size=1, max_size=5).map(tuple)),
    min_size=1,
)


def some_questions(model: CausalLM, *, shared: int, count: int = 7) -> list[LoglikelihoodRequest]:
    """Contexts of several lengths; options of one and of more tokens, some that begin alike."""
    chance = random.Random(0)
    tokens = range(3, model.vocabulary)

    def draw(length: int) -> tuple[int, ...]:
        return tuple(chance.choices(tokens, k=length))

    begin = draw(shared)
    found = []
    for _ in range(count):
        first = draw(2)
        options = (draw(1), first, (*first, *draw(3)), (*first[:1], *draw(1)), draw(4))
        found.append(LoglikelihoodRequest((*begin, *draw(chance.randint(1, 40))), options))
    return [*found, found[0]]  # asked twice


def one_by_one(model: CausalLM, question: LoglikelihoodRequest) -> list[float]:
    """One row, all logits, no padding: what every plan must equal."""
    sums = []
    for option in question.options:
        row = torch.tensor([[*question.context, *option]])
        with torch.inference_mode():
            scores = model.model(row, use_cache=False).logits[0].double().log_softmax(-1)
        start = len(question.context) - 1
        sums.append(sum(float(scores[start + i, token]) for i, token in enumerate(option)))
    return sums


def by(
    model: CausalLM, plan: Plan, questions: list[LoglikelihoodRequest]
) -> list[tuple[float, ...]]:
    found = dict(Scorer(model, plan).score(questions))
    return [found[n] for n in range(len(questions))]


@pytest.mark.parametrize("shared", [0, 60])
@pytest.mark.parametrize("shape", [*SHAPES, *MORE_SHAPES])
def test_every_plan_gives_what_single_rows_give(
    shape: str, shared: int, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    questions = some_questions(model, shared=shared)
    expected = [one_by_one(model, question) for question in questions]
    plans = [Plan.FLAT, Plan.TREE, Plan.CASCADE] if shape in SHARING else [Plan.FLAT, Plan.AUTO]
    for plan in plans:
        for found, right in zip(by(model, plan, questions), expected, strict=True):
            assert found == pytest.approx(right, abs=1e-4), plan


@pytest.mark.parametrize("shape", [*SHAPES, *MORE_SHAPES])
def test_a_model_that_cannot_share_is_scored_flat_and_says_why(
    shape: str, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    questions = some_questions(model, shared=60, count=2)
    list(model.scorer.score(questions))
    assert model.scorer.used is (Plan.CASCADE if shape in SHARING else Plan.FLAT)
    assert bool(model.scorer.fallback_reason) is (shape in REPEATING)
    if shape in REPEATING:
        with pytest.raises(ModelError, match="cannot be scored by the plan cascade"):
            list(Scorer(model, Plan.CASCADE).score(questions))


def test_a_window_shorter_than_a_text_is_a_reason_to_repeat_it(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("mistral")))
    model.model.config.sliding_window = 50
    list(model.scorer.score(some_questions(model, shared=60, count=2)))
    assert model.scorer.used is Plan.FLAT
    assert "sliding_window of 50 is shorter" in model.scorer.fallback_reason
    list(model.scorer.score([LoglikelihoodRequest((5, 6, 7), ((8,),))]))
    assert model.scorer.used is Plan.CASCADE


def test_only_texts_that_are_longer_than_a_window_are_repeated(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("mistral")))
    questions = some_questions(model, shared=60)
    lengths = sorted(len(question) for question in questions)
    window = model.model.config.sliding_window = lengths[3]
    used = {n: model.scorer.used for n, _ in model.scorer.score(questions)}
    assert used == {
        n: Plan.FLAT if len(question) > window else Plan.CASCADE
        for n, question in enumerate(questions)
    }
    assert set(used.values()) == {Plan.FLAT, Plan.CASCADE}
    with pytest.raises(ModelError, match="is shorter than a text"):
        list(Scorer(model, Plan.CASCADE).score(questions))


@pytest.mark.parametrize("plan", [Plan.FLAT, Plan.CASCADE])
def test_neither_batches_nor_the_order_of_options_change_a_number(
    plan: Plan, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder("qwen2")))
    questions = some_questions(model, shared=60)
    expected = by(model, plan, questions)
    turned = [LoglikelihoodRequest(q.context, q.options[::-1]) for q in reversed(questions)]
    for budget in (1, 300, 10_000):
        model.token_budget = budget
        for found, right in zip(by(model, plan, turned)[::-1], expected, strict=True):
            assert found[::-1] == pytest.approx(right, abs=1e-4)


def test_an_adapter_that_does_nothing_moves_nothing(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    questions = some_questions(model, shared=60)
    before = {plan: by(model, plan, questions) for plan in (Plan.FLAT, Plan.CASCADE)}
    add_adapter(model, Recipe(rank=4))
    assert model.has_adapter
    for plan, expected in before.items():
        assert by(model, plan, questions) == expected
        with model.adapter(on=False):
            assert by(model, plan, questions) == expected


def test_the_model_computes_its_own_attention_again_afterwards(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("gpt2")))
    before = model.model.config._attn_implementation
    list(model.scorer.score(some_questions(model, shared=60)))
    assert model.model.config._attn_implementation == before


def test_a_half_precision_model_has_no_ties_that_its_head_made(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    model.model.to(torch.bfloat16)
    words = tuple((token,) for token in range(3, 203))
    question = LoglikelihoodRequest((5, 6, 7, 8), words)
    for plan in (Plan.FLAT, Plan.CASCADE):
        (found,) = by(model, plan, [question])
        assert len(set(found)) > 195
    with torch.inference_mode():
        plain = model.model(torch.tensor([[5, 6, 7, 8]])).logits[0, -1, 3:203]
    assert len(set(plain.tolist())) < 195


def test_an_option_without_a_token_is_refused(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(ModelError, match="no tokens"):
        list(model.choose([example()], choices=[("yes", "")]))
    with pytest.raises(ModelError, match="without a token"):
        list(model.scorer.score([LoglikelihoodRequest((1, 2), ((3,), ()))]))


def test_a_broken_weight_gives_no_number(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    with torch.no_grad():
        model.model.model.norm.weight[0] = float("nan")
    for plan in (Plan.FLAT, Plan.AUTO):
        (found,) = by(model, plan, [LoglikelihoodRequest((5, 6), ((7,), (8, 9)))])
        assert all(value != value for value in found)


def test_worked_examples_stand_in_front_of_every_prompt(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    model.prompt_tokenizer.max_length = 1000
    shots = [example(input="fever", output="yes"), example(input="none", output="no")]
    asked = example(input="The patient denies pain .")
    prompt = model.prompt_tokenizer.prompt(asked, room=0, front=model.prompt_tokenizer.front(shots))
    alone = model.prompt_tokenizer.prompt(asked, room=0)
    assert prompt is not None
    assert alone is not None
    assert prompt.ids[-len(alone.ids) :] == alone.ids
    first = model.prompt_tokenizer.prompt(shots[0], room=0)
    assert first is not None
    assert prompt.ids[: len(first.ids)] == first.ids
    text = model.prompt_tokenizer.text(prompt.ids)
    assert text.count("### Response:\n") == 3
    assert "### Response:\nyes\n\nBelow is" in text
    assert "### Response:\nno\n\nBelow is" in text


@given(questions_of_ids)
@settings(deadline=None)
def test_a_tree_reads_every_token_of_every_option_behind_the_right_ones(
    questions: list[LoglikelihoodRequest],
) -> None:
    skip = common_prefix([q.context for q in questions]) if len(questions) > 1 else 0
    for question in questions:
        row = tree_row(question.context, enumerate(question.options), skip=skip)
        assert all(parent >= row.trunk - 1 for parent in row.parents)
        for number, option in enumerate(question.options):
            own = [read for read in row.reads if read.option == number]
            assert tuple(read.token for read in own) == option
            for offset, read in enumerate(own):
                path, at = [], read.position
                while at >= row.trunk:
                    path.append(row.ids[at])
                    at = row.parents[at - row.trunk]
                assert tuple(path[::-1]) == option[:offset]
                assert row.positions[read.position] == len(question.context) + offset - 1
        assert len(row.ids) <= sum(
            len(r.ids) for r in flat_rows(question.context, enumerate(question.options))
        )


@given(questions_of_ids)
@settings(deadline=None)
def test_a_branch_sees_its_trunk_and_itself_and_nothing_else(
    questions: list[LoglikelihoodRequest],
) -> None:
    row = tree_row(questions[0].context, enumerate(questions[0].options))
    mask = branch_mask(row, torch.device("cpu"))
    if mask is None:
        return
    for node in range(len(row.parents)):
        seen, at = set(range(row.trunk)), row.trunk + node
        while at >= row.trunk:
            seen.add(at)
            at = row.parents[at - row.trunk]
        assert {i for i, value in enumerate(mask[node].tolist()) if value == 0} == seen


@given(questions_of_ids, st.integers(1, 40), st.booleans())
@settings(deadline=None)
def test_every_group_is_in_one_batch_and_no_batch_is_too_large(
    questions: list[LoglikelihoodRequest], limit: int, padded: bool
) -> None:
    groups = [flat_rows(q.context, enumerate(q.options)) for q in questions]
    found = list(batches(groups, tokens=limit, slots=12, padded=padded))
    assert sorted(n for batch in found for n in batch) == list(range(len(groups)))
    for batch in found:
        rows = [row for number in batch for row in groups[number]]
        lengths: list[Any] = [len(row.ids) for row in rows]
        fed = max(lengths) * len(rows) if padded else sum(lengths)
        assert len(batch) == 1 or fed <= limit
        assert len(batch) == 1 or sum(row.slots for row in rows) <= 12
