from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import corpora
from bioinstruct.dataset.label_balance import Answers, Balance
from bioinstruct.dataset.statistics import statistics
from tests.records import record


def balance(outputs: list[str]) -> Balance | None:
    answers = Answers()
    for output in outputs:
        answers.add(output)
    return answers.balance()


def test_labels_are_counted_and_the_majority_is_the_score_of_a_constant_answer() -> None:
    assert balance(["no"] * 10 + ["yes"] * 25 + ["maybe"] * 15) == Balance(
        50, {"yes": 25, "maybe": 15, "no": 10}, 0.5
    )


def test_an_answer_of_several_lines_has_several_labels() -> None:
    found = balance(["a\nb"] * 10 + ["a"] * 5 + ["none"] * 10)
    assert found == Balance(25, {"a": 15, "b": 10, "none": 10}, 0.6)


@pytest.mark.parametrize(
    "outputs",
    [
        ["yes"] * 19,  # too few to say anything
        [f"label {n % 11}" for n in range(54)],  # fewer than five of each
        [f"label {n % 51}" for n in range(1000)],  # too many labels
        [*(["yes"] * 99), "x" * 61],  # one that is no label
    ],
)
def test_answers_that_are_no_closed_set_have_no_balance(outputs: list[str]) -> None:
    assert balance(outputs) is None


@given(st.permutations([*("yes" for _ in range(20)), *(f"label {n}" for n in range(45))]))
def test_the_order_of_the_answers_changes_nothing(outputs: list[str]) -> None:
    assert balance(outputs) == balance(sorted(outputs))


def test_the_statistics_have_the_balance_of_each_task_with_labels() -> None:
    labelled = [record(n, task="yes-no", output="yes" if n % 4 else "no") for n in range(40)]
    texts = [record(n, output=f"a text of its own, {n}") for n in range(40, 80)]
    found = statistics([*labelled, *texts]).answers
    assert found == {"yes-no": Balance(40, {"yes": 30, "no": 10}, 0.75)}


def test_the_published_balance_of_pubmedqa_and_gad_is_found(data: object) -> None:
    from pathlib import Path

    assert isinstance(data, Path)
    pubmedqa = statistics(corpora.read("pubmedqa", "test", data=data)).answers
    [found] = pubmedqa.values()
    assert found.labels == {"yes": 276, "no": 169, "maybe": 55}
    assert found.majority == pytest.approx(0.552)
