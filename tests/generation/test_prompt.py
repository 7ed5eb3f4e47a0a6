from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.filters import RULES
from bioinstruct.generation.attributes import ATTRIBUTES, choose_attributes
from bioinstruct.generation.parse import Draft, parse
from bioinstruct.generation.prompt import Plan, Prompt, prompt
from bioinstruct.generation.recipes import ALPACA, BIOINSTRUCT, RECIPES, SELF_INSTRUCT, get_recipe
from bioinstruct.seeds import load_seeds
from tests.records import record, records

SEEDS = load_seeds()
PLAN = Plan(model="gpt-4", seeds=SEEDS)


def text(asked: Prompt) -> str:
    return asked.request.messages[0].content


def test_a_request_is_a_function_of_its_number_and_shows_three_different_seeds() -> None:
    asked = [prompt(PLAN, number) for number in range(200)]
    assert [prompt(PLAN, number) for number in reversed(range(200))] == asked[::-1]
    shown = [a.teacher.examples for a in asked]
    assert all(len(set(three)) == 3 for three in shown)
    assert {id for three in shown for id in three} == {seed.id for seed in SEEDS}, "all seeds"
    assert len(set(shown)) > 190, "in ever new combinations and orders"
    assert len({a.request.key("") for a in asked}) == 200
    by_id = {seed.id: seed for seed in SEEDS}
    for one in asked[:20]:
        for id in one.teacher.examples:
            assert by_id[id].output in text(one)


def test_draws_are_the_same_on_every_machine_and_python() -> None:
    assert [prompt(PLAN, n).teacher.examples[0] for n in range(4)] == [
        "0653f043d93e81e0",
        "454987a519213ce5",
        "0e5faf29a5c25dfe",
        "0d35670dd07e3495",
    ]


def test_another_seed_asks_something_else() -> None:
    other = replace(PLAN, seed=1)
    same = [prompt(PLAN, n).request == prompt(other, n).request for n in range(20)]
    assert not any(same)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.name)
@pytest.mark.parametrize("format", ["json", "delimited"])
def test_the_examples_of_a_prompt_are_in_the_form_that_it_asks_for(
    recipe: object, format: str
) -> None:
    plan = replace(PLAN, recipe=recipe, format=format)
    asked = prompt(plan, 3)
    examples = text(asked).partition("Examples:\n\n")[2].partition("\n\nNow write")[0]
    parts = parse(examples, asked.form, cut=False)
    shown = [seed for id in asked.teacher.examples for seed in SEEDS if seed.id == id]
    assert len(shown) == plan.recipe.seed_examples
    for part, seed in zip(parts, shown, strict=True):
        assert isinstance(part, Draft)
        assert part.fields["instruction"] == seed.instruction
        assert part.fields["output"] == seed.output.strip()
    assert (asked.request.schema is not None) == (format == "json")
    assert ("task, category, instruction" in text(asked)) == plan.recipe.labels
    assert asked.request.stop == ()


def test_marks_differ_from_request_to_request_and_from_all_texts() -> None:
    tags = [prompt(PLAN, number).form.tag for number in range(50)]
    assert len(set(tags)) == 50
    taken = [record(n, output=f"See @@{tags[0]} end") for n in range(3)]
    form = prompt(replace(PLAN, seeds=taken), 0).form
    assert form.tag != tags[0]
    assert len(form.tag) == 6


def test_attributes_are_drawn_for_each_request_said_and_kept() -> None:
    plan = replace(PLAN, attributes=choose_attributes("specialty", "difficulty"))
    asked = [prompt(plan, number) for number in range(300)]
    for one in asked:
        names = dict(attribute.split("=", 1) for attribute in one.teacher.attributes)
        assert list(names) == ["specialty", "difficulty"]
        for name, value in names.items():
            assert f"{name}: {value}" in text(one)
    drawn = {one.teacher.attributes[0] for one in asked}
    assert drawn == {f"specialty={value}" for value in ATTRIBUTES["specialty"]}
    assert choose_attributes("all") == ATTRIBUTES
    assert choose_attributes() == {}
    with pytest.raises(UnknownNameError, match="no attribute named 'specialy'") as caught:
        choose_attributes("specialy")
    assert caught.value.hint == "did you mean `specialty`?"


def test_machine_examples_take_the_place_of_seeds() -> None:
    plan = replace(PLAN, recipe=SELF_INSTRUCT)
    seeds = {seed.id for seed in SEEDS}
    machine = records(30)
    for pool, written in ((machine, 2), (machine[:1], 1), ([], 0)):
        for number in range(20):
            examples = prompt(plan, number, pool).teacher.examples
            assert len(examples) == 8
            assert len(set(examples) - seeds) == written
    assert len(prompt(PLAN, 0, machine).teacher.examples) == 3, "only where the recipe has them"


def test_the_published_settings_are_as_published() -> None:
    si, alpaca = SELF_INSTRUCT, ALPACA
    assert (si.seed_examples, si.machine_examples, si.tasks) == (8, 2, 8)
    assert (si.temperature, si.top_p, si.presence_penalty, si.frequency_penalty) == (0.7, 0.5, 2, 0)
    assert (alpaca.seed_examples, alpaca.machine_examples, alpaca.tasks) == (3, 0, 16)
    assert (alpaca.temperature, alpaca.top_p, alpaca.max_tokens) == (1.0, 1.0, 3072)
    assert BIOINSTRUCT.seed_examples == 3
    for recipe in RECIPES.values():
        assert recipe.near_duplicates == 0.7
        assert set(recipe.rules) <= set(RULES)
        assert recipe.ours, "what is not published is said"
    assert prompt(replace(PLAN, recipe=si), 0).request.presence_penalty == 2
    with pytest.raises(UnknownNameError, match="no recipe named 'alpacca'"):
        get_recipe("alpacca")


def test_too_few_seeds_are_told() -> None:
    with pytest.raises(BioinstructError, match="2 seeds, and recipe bioinstruct shows 3"):
        Plan(model="m", seeds=SEEDS[:2])


def test_a_description_of_a_plan_changes_with_the_requests_and_only_then() -> None:
    said = PLAN.describe()
    assert json.loads(json.dumps(said)) == said
    assert replace(PLAN, recipe=replace(BIOINSTRUCT, near_duplicates=0.5)).describe() == said
    asked = [prompt(PLAN, n).request for n in range(9)]
    others = [
        replace(PLAN, seed=1),
        replace(PLAN, model="m"),
        replace(PLAN, format="json"),
        replace(PLAN, seeds=SEEDS[1:]),
        replace(PLAN, attributes=choose_attributes("audience")),
        replace(PLAN, recipe=replace(BIOINSTRUCT, tasks=4)),
        replace(PLAN, recipe=replace(BIOINSTRUCT, opening="Write.")),
        replace(PLAN, recipe=replace(BIOINSTRUCT, temperature=None)),
    ]
    for other in others:
        assert other.describe() != said
        assert [prompt(other, n).request for n in range(9)] != asked
