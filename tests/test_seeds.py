from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from bioinstruct import Instruction
from bioinstruct.seeds import check_seeds, load_seeds, rouge_l
from bioinstruct.text import words


@pytest.fixture(scope="module")
def seeds() -> list[Instruction]:
    return load_seeds()


def test_the_seeds_that_ship_have_no_problem(seeds: list[Instruction]) -> None:
    assert check_seeds(seeds) == []
    assert len(seeds) == 80


def test_rouge_l_is_that_of_the_rouge_score_package_on_every_pair(
    seeds: list[Instruction],
) -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    texts = [seed.instruction for seed in seeds]
    for one, other in itertools.combinations(texts, 2):
        theirs = scorer.score(one, other)["rougeL"].fmeasure
        assert rouge_l(words(one), words(other)) == pytest.approx(theirs)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_rouge_l_is_symmetric_and_that_of_the_package_on_any_words(
    one: list[str], other: list[str]
) -> None:
    scorer = RougeScorer(["rougeL"])
    theirs = scorer.score(" ".join(one), " ".join(other))["rougeL"].fmeasure
    assert rouge_l(one, other) == rouge_l(other, one) == pytest.approx(theirs)


def _changed(seed: Instruction, **changes: object) -> Instruction:
    fields = seed.row() | changes
    del fields["id"]
    return Instruction.model_validate(fields)


def test_a_missing_seed_is_a_problem_of_number_and_of_category(seeds: list[Instruction]) -> None:
    problems = check_seeds(seeds[1:])
    assert problems[0] == "79 seeds, not 80"
    assert f"in {seeds[0].category}, not" in problems[1]


def test_a_repeated_seed_is_named(seeds: list[Instruction]) -> None:
    assert f"{seeds[0].id}: appears 2 times" in check_seeds([*seeds[:-1], seeds[0]])


def test_two_instructions_that_are_alike_are_named_with_their_score(
    seeds: list[Instruction],
) -> None:
    twin = _changed(seeds[0], input="Another text.")
    problems = check_seeds([*seeds[:-1], twin])
    found = f"{seeds[0].id} and {twin.id}: ROUGE-L 1.00 between their instructions, above 0.5"
    assert found in problems


def test_too_few_tasks_a_wrong_kind_and_a_wrong_task_name_are_problems(
    seeds: list[Instruction],
) -> None:
    provenance = {"kind": "compiled", "origin": "x", "license": "MIT"}
    wrong = [_changed(seed, task="Same Task", provenance=provenance) for seed in seeds]
    problems = check_seeds(wrong)
    assert "1 different tasks, fewer than 50" in problems
    assert f"{wrong[0].id}: its provenance says compiled, not seed" in problems
    assert f"{wrong[0].id}: task 'Same Task' is not in kebab-case" in problems
