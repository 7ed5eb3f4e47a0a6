from __future__ import annotations

import json
from typing import Any

import pytest

from bioinstruct.filters import RULES, Contaminated
from bioinstruct.generation.accept import ORIGIN, Acceptor, Sieve
from bioinstruct.generation.prompt import Plan, prompt
from bioinstruct.generation.recipes import BIOINSTRUCT, RECIPES
from bioinstruct.llm.types import Answer, Failure, Response
from bioinstruct.seeds import load_seeds

SEEDS = load_seeds()
PLAN = Plan(model="gpt-4", seeds=SEEDS, format="json")


def answer(*tasks: dict[str, Any] | str, finish: str = "stop", model: str = "gpt-4") -> Answer:
    parts = [task if isinstance(task, str) else json.dumps(task) for task in tasks]
    return Answer(
        text=f'{{"tasks": [{", ".join(parts)}]}}',
        finish_reason=finish,
        model=model,
        prompt_tokens=9,
        completion_tokens=9,
    )


def task(instruction: str, **fields: Any) -> dict[str, Any]:
    return {"instruction": instruction, "output": f"As to {instruction}, yes."} | fields


def acceptor(sieve: Sieve | None = None) -> Acceptor:
    return Acceptor(SEEDS, sieve or Sieve.of(BIOINSTRUCT), license="CC-BY-4.0")


def reasons(*outcomes: Response, sieve: Sieve | None = None) -> list[str]:
    """For each part of the answers, its reason; empty for what is accepted."""
    judge, found = acceptor(sieve), []
    for number, outcome in enumerate(outcomes):
        judged = judge.take(prompt(PLAN, number), outcome)
        rejects = {reject.place["item"]: reject.reason for reject in judged.rejected}
        count = len(judged.accepted) + len(judged.rejected)
        found += [rejects.get(item, "") for item in range(1, count + 1)] if count else []
    return found


def test_an_accepted_record_says_where_it_is_from() -> None:
    asked = prompt(PLAN, 7)
    given = task("List the adverse effects of lisinopril.", task="Adverse Effects!", category="ie")
    (made,) = acceptor().take(asked, answer("3", given, model="gpt-4-0613")).accepted
    assert (made.category, made.task, made.input) == ("IE", "adverse-effects", "")
    source = made.provenance
    assert (source.kind, source.origin, source.license) == ("generated", ORIGIN, "CC-BY-4.0")
    assert source.document == "7.2", "request and part"
    assert source.teacher is not None
    assert source.teacher.model == "gpt-4-0613", "the date that the server gives"
    assert source.teacher.prompt == "bioinstruct/1"
    assert source.teacher.examples == asked.teacher.examples
    assert (source.teacher.temperature, source.teacher.top_p) == (1.0, 1.0)


@pytest.mark.parametrize("given", [{}, {"task": " ", "category": "nonsense"}, {"category": None}])
def test_what_the_teacher_does_not_label_is_other_until_it_is_labelled(given: Any) -> None:
    made = acceptor().take(prompt(PLAN, 0), answer(task("Name four drugs for asthma.", **given)))
    assert (made.accepted[0].category, made.accepted[0].task) == ("OTHER", "generated")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (task("List drugs."), "too-short"),
        (task("word " * 151), "too-long"),
        (task("Describe the graph of the heart rate."), "needs-other-media"),
        (task("Write a program that counts heartbeats."), "writes-a-program"),
        (task("- List the adverse effects of lisinopril."), "begins-with-punctuation"),
        (task("Repeat the sentence of the patient.", input="a b", output="A  b"), "repeats-input"),
        (task("List the adverse effects of lisinopril.", output="They are:"), "unfinished"),
        (task("List four adverse effects.", output="As an AI I cannot."), "speaks-as-a-model"),
        (task("Greet the patient by the name.", output="Hello [patient name]"), "placeholder"),
        (task("Summarise the following note in a line."), "missing-input"),
        (task(SEEDS[0].instruction), "near-duplicate"),
        (task("List four adverse effects.", output=""), "incomplete"),
        (task("List four adverse effects.", output=["a"]), "unparsable"),
        (task("List four adverse effects.", output="\ud800"), "unparsable"),
        (task("β-Amyloid: what does it do?"), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_each_reason_has_its_code(given: dict[str, Any], reason: str) -> None:
    assert reasons(answer(given)) == [reason]


def test_published_recipes_have_published_rules_only() -> None:
    given = answer(task("Greet the patient by the name.", output="Hello [patient name]"))
    for name, expected in (("bioinstruct", "placeholder"), ("alpaca", ""), ("self-instruct", "")):
        assert reasons(given, sieve=Sieve.of(RECIPES[name])) == [expected]
    greek = answer(task("β-Amyloid: what does it do?"))
    assert reasons(greek, sieve=Sieve.of(RECIPES["alpaca"])) == ["begins-with-non-ascii"]


def test_a_near_duplicate_names_what_was_there_first_and_how_near_it_is() -> None:
    judge = acceptor()
    first = task("What are the symptoms of Wilson disease?")
    second = task("What are the symptoms of Gaucher disease?")
    kept = judge.take(prompt(PLAN, 0), answer(task("List drugs."), first)).accepted
    (reject,) = judge.take(
        prompt(PLAN, 1), answer(task("Name four drugs for asthma."), second)
    ).rejected
    assert (dict(reject.place), reject.reason) == ({"request": 1, "item": 2}, "near-duplicate")
    assert (reject.other, reject.detail) == (kept[0].id, first["instruction"])
    assert reject.score == pytest.approx(0.857, abs=1e-3)
    assert json.loads(reject.text or "") == second
    row = reject.row()
    assert list(row) == ["reason", "detail", "other", "score", "request", "item", "text"]


def test_what_is_rejected_takes_no_others_with_it() -> None:
    bad = task("What are the symptoms of Wilson disease?", output="As an AI, no.")
    good = task("What are the symptoms of Wilson disease?")
    assert reasons(answer(bad), answer(good, good)) == ["speaks-as-a-model", "", "exact-duplicate"]


def test_instructions_without_a_latin_letter_are_not_accepted_twice() -> None:
    sieve = Sieve(rules={})
    assert reasons(answer(task("高血压"), task("高血压")), sieve=sieve) == ["", "exact-duplicate"]


def test_what_overlaps_a_test_is_rejected_with_the_test_text() -> None:
    test = "Does metformin reduce the risk of colorectal cancer in patients with diabetes?"
    sieve = Sieve(rules={}, contaminated=Contaminated([test]))
    given = answer(task("Answer the question in one word.", input=test))
    (reject,) = acceptor(sieve).take(prompt(PLAN, 0), given).rejected
    assert (reject.reason, reject.detail, reject.score) == ("contaminated-exact", test, 1.0)


def test_of_a_cut_answer_the_whole_tasks_are_accepted() -> None:
    whole, half = task("Name four drugs for asthma."), task("Name four drugs for gout.")
    text = answer(whole, half).text[:-20]
    for finish in ("length", "content_filter"):
        cut = Answer(
            text=text, finish_reason=finish, model="m", prompt_tokens=1, completion_tokens=1
        )
        assert reasons(cut) == ["", "cut-off"]


def test_a_request_without_an_answer_is_a_reject_with_the_reason_of_the_server() -> None:
    failure = Failure(reason="content-filter", message="the content policy")
    judged = acceptor().take(prompt(PLAN, 4), failure)
    assert judged.accepted == []
    (reject,) = judged.rejected
    assert (reject.reason, reject.detail) == ("content-filter", "the content policy")
    assert (dict(reject.place), reject.text) == ({"request": 4, "item": 0}, "")


def test_no_more_is_taken_than_is_wanted() -> None:
    given = answer(*(task(f"Name {n} drugs for disease {n}{n}.") for n in range(9)), task("List."))
    judged = acceptor(Sieve(rules=RULES, near_duplicates=1)).take(prompt(PLAN, 0), given, most=4)
    assert (len(judged.accepted), judged.rejected) == (4, [])
