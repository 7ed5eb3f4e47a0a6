from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import BioinstructError, Instruction, MissingError, UnknownNameError
from bioinstruct.bench.tasks import Evaluation, get_task, load_evaluations
from bioinstruct.bench.tasks.evaluation_set import draw_shots, sample, with_shots
from tests.records import record

QA = get_task("demo-qa")


@given(st.permutations(range(30)), st.integers(1, 30), st.integers(1, 30))
def test_a_smaller_sample_is_part_of_a_larger_one_whatever_the_order(
    order: list[int], few: int, more: int
) -> None:
    examples = [record(n) for n in order]
    few, more = sorted((few, more))
    small, large = sample(examples, few), sample(examples, more)
    assert len(small) == few
    assert {e.id for e in small} <= {e.id for e in large}
    assert small == [e for e in examples if e in small]
    assert {e.id for e in small} == {e.id for e in sample([record(n) for n in range(30)], few)}


def test_a_sample_is_not_the_beginning_of_the_file() -> None:
    examples = [record(n) for n in range(1000)]
    numbers = [examples.index(e) for e in sample(examples, 100)]
    assert 400 < sum(numbers) / 100 < 600


def test_a_task_of_a_suite_that_is_not_there_is_noted_and_a_named_one_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    both = [QA, get_task("pubmedqa")]
    evaluations, [missing] = load_evaluations(both, 3, must=set())
    assert [e.task for e in evaluations] == [QA]
    assert (missing.task, missing.split) == ("pubmedqa", "test")
    assert "github.com/pubmedqa" in missing.how
    with pytest.raises(MissingError):
        load_evaluations(both, 3, must={"pubmedqa"})


def test_a_split_that_a_corpus_lacks_is_noted_too() -> None:
    planned = [Evaluation(QA, "validation")]
    none, [missing] = load_evaluations(planned, must=set())
    assert none == []
    assert "no split of demo named 'validation'" in missing.why
    with pytest.raises(UnknownNameError):
        load_evaluations(planned)


def test_shots_are_from_the_training_split_and_the_same_for_the_whole_task() -> None:
    evaluations, _ = load_evaluations([QA], 20)
    [shown], _ = with_shots(evaluations, 5)
    assert len(shown.shots) == 5
    assert shown.examples == evaluations[0].examples
    train = {e.id for e in QA.read("train")}
    assert {shot.id for shot in shown.shots} <= train
    [again], _ = with_shots(load_evaluations([QA], 3)[0], 5)
    assert again.shots == shown.shots
    [one], _ = with_shots(evaluations, 1)
    assert one.shots == shown.shots[:1]
    [other], _ = with_shots(evaluations, 5, seed=1)
    assert other.shots != shown.shots


def test_no_worked_example_asks_what_the_test_asks() -> None:
    def read(split: str) -> Iterator[Instruction]:
        return iter([record(n) for n in range(10 if split == "test" else 14)])

    own = Evaluation(replace(QA, read=read), examples=(record(0),))
    shots = draw_shots(own, 4)
    assert {shot.id for shot in shots} == {record(n).id for n in range(10, 14)}
    with pytest.raises(MissingError, match="demo-qa has 4 examples in its validation split"):
        draw_shots(own, 5)


def test_without_examples_to_show_a_task_is_noted_or_an_error() -> None:
    def read(split: str) -> Iterator[Instruction]:
        if split != "test":
            raise UnknownNameError("split", split, ["test"])
        return iter([record(0)])

    evaluations, _ = load_evaluations([replace(QA, read=read), QA], 2)
    [shown], [missing] = with_shots(evaluations, 2)
    assert shown.task == QA
    assert "no worked examples to show: no split named 'train'" in missing.why
    with pytest.raises(BioinstructError):
        with_shots(evaluations, 2, must={"demo-qa"})
