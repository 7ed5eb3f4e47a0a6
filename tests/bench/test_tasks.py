from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from bioinstruct import UnknownNameError
from bioinstruct.bench import tasks  # noqa: F401  # defines them
from bioinstruct.bench.metrics import accuracy
from bioinstruct.bench.score import majority
from bioinstruct.bench.task import Task, get_task, known_tasks, task
from bioinstruct.schema import Category

REAL = [t for t in known_tasks().values() if not t.demonstration]
DEMO = [t for t in known_tasks().values() if t.demonstration]
every = pytest.mark.parametrize("each", [*REAL, *DEMO], ids=lambda t: t.name)


def examples(each: Task, request: pytest.FixtureRequest, limit: int | None = None) -> list:
    if not each.demonstration:
        request.getfixturevalue("data")
    return list(islice(each.read("test"), limit))


@every
def test_gold_scores_one_through_its_own_parse(each: Task, request: pytest.FixtureRequest) -> None:
    found = examples(each, request)
    for metric in each.metrics:
        counts = [metric.count(*[each.parse(e.output, e)] * 2) for e in found]
        assert metric.value(np.array(counts).sum(axis=0)) == 1.0


@every
def test_every_gold_answer_is_one_of_the_choices(
    each: Task, request: pytest.FixtureRequest
) -> None:
    if each.choices:
        assert {e.output for e in examples(each, request)} == set(each.choices)


@every
def test_nothing_a_model_writes_breaks_the_parse(
    each: Task, request: pytest.FixtureRequest
) -> None:
    odd = [
        "",
        " ",
        "\n\n",
        "yes" * 1000,
        "a : B : I\n: :\n#",
        "| | |\nnone\nnone",
        "\x00\ufffd",
        "Yes.",
    ]
    for example in examples(each, request, 20):
        gold = each.parse(example.output, example)
        for text in odd:
            for metric in each.metrics:
                assert all(np.isfinite(metric.count(gold, each.parse(text, example))))


@every
def test_a_task_says_what_it_is(each: Task, request: pytest.FixtureRequest) -> None:
    assert each.description
    assert {e.category for e in examples(each, request, 50)} == {each.group}


@pytest.mark.parametrize(
    ("name", "n", "constant"),
    [
        ("pubmedqa", 500, 0.552),  # 276 yes of 500
        ("ncbi-disease", 940, 0.0),
        ("ncbi-disease-medtuned", 940, None),
        ("mts-dialog", 200, None),
    ],
)
def test_test_sets_have_their_published_sizes_and_majorities(
    data: Path, name: str, n: int, constant: float | None
) -> None:
    found = list(get_task(name).read("test"))
    assert len(found) == n
    if constant is not None:
        assert majority(get_task(name), found)[0] == pytest.approx(constant)


def test_yes_no_maybe_is_read_whatever_its_case_and_punctuation() -> None:
    parse = get_task("pubmedqa").parse
    example = next(iter(get_task("demo-qa").read("test")))
    assert [parse(t, example) for t in ("Yes.", " no, because", "MAYBE", "perhaps", "")] == [
        "yes",
        "no",
        "maybe",
        None,
        None,
    ]


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        get_task("pubmed-qa")
    assert error.value.hint == "did you mean `pubmedqa`?"


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two tasks"):

        @task(Category.QA, accuracy, parse=lambda text, example: text)
        def pubmedqa(split: str) -> object:
            return iter(())
