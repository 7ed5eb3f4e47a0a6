"""The suite `fresh`: new items for each seed, read by tolerance, exactly, by line and by span."""

from __future__ import annotations

import pytest

from bioinstruct import bench
from bioinstruct.bench.baselines.floors import answered
from bioinstruct.bench.metrics import quantities, within_tolerance
from bioinstruct.bench.tasks import Evaluation, get_task
from bioinstruct.bench.tasks.fresh import FRESH, seeded
from bioinstruct.errors import UnknownNameError
from bioinstruct.synthesis.catalogue import KINDS, chosen
from bioinstruct.synthesis.verify import check


def test_every_kind_is_in_one_task() -> None:
    named = [kind.name for kinds, _ in FRESH.values() for kind in chosen(kinds)]
    assert sorted(named) == sorted(KINDS)


@pytest.mark.parametrize("name", FRESH)
def test_a_seed_gives_its_own_items_and_all_are_right(name: str) -> None:
    items = {}
    for seed in (1, 2):
        task = seeded(Evaluation(get_task(name)), seed).task
        items[seed] = [example.id for example in task.read("test")]
        assert items[seed] == [example.id for example in task.read("test")]
        assert not [found for example in task.read("test") if (found := check(example))]
    assert not set(items[1]) & set(items[2])
    training = [example.id for example in get_task(name).read("train")]
    assert len(training) > len(items[1])
    assert not set(training) & {*items[1], *items[2]}


def test_there_is_no_validation_split() -> None:
    with pytest.raises(UnknownNameError):
        list(get_task("fresh-scores").read("validation"))


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("58 mL/min/1.73 m²", "58 mL/min/1.73m2", True),
        ("58 mL/min/1.73 m²", "59 mL/min/1.73 m²", True),  # one unit in the last place
        ("58 mL/min/1.73 m²", "60 mL/min/1.73 m²", False),
        ("58 mL/min/1.73 m²", "58 mL/min", False),
        ("4516 mg", "4540 mg", True),  # within 1 %
        ("4516 mg", "4600 mg", False),
        ("4516 mg", "4.516 g", False),
        ("-1.5 mmol/L", "1.5 mmol/L", False),
        ("12 µmol/L", "12 μmol/L", True),
        ("rising (+12.5%)", "Rising (+12.5 %).", True),
        ("rising (+12.5%)", "falling (+12.5%)", False),
        ("1.50 (95% CI 1.10 to 2.05)", "1.50 (95% CI 1.10 to 2.50)", False),
        ("Cannot be computed: age is missing.", "cannot be computed: age is missing", True),
        ("Cannot be computed: age is missing.", "58 mL/min", False),
    ],
)
def test_numbers_are_right_within_tolerance_and_unit(gold: str, answer: str, right: bool) -> None:
    wanted, given = quantities(gold), quantities(answer)
    assert within_tolerance.count(wanted, given) == (float(right), 1.0)


def test_scores_and_spans_are_read_with_some_freedom_of_form() -> None:
    example = next(iter(get_task("fresh-scores").read("test")))
    points = get_task("fresh-scores").parse
    assert {points(text, example) for text in ("5 points", "5", "5.0 points.", "5 Points")} == {"5"}
    assert points("5 points, class A", example) == "5 points, class a"
    spans = get_task("fresh-places").parse
    assert spans("3-9 | aspirin | drug\nnothing\n12 - 16 | gout | Disease", example) == (
        (3, 9, "drug"),
        (12, 16, "disease"),
    )
    assert spans("none of this", example) is None


def test_the_floor_is_the_most_frequent_answer_of_the_kind() -> None:
    task = get_task("fresh-scores")
    training, asked = list(task.read("train")), list(task.read("test"))
    [(name, answers)] = answered(task, training, asked)
    assert name == "most frequent of its kind"
    right = sum(answer == task.parse(e.output, e) for answer, e in zip(answers, asked, strict=True))
    assert 0 < right < len(asked)


def test_the_python_api_takes_the_seed() -> None:
    assert bench.suites()["fresh"] == tuple(FRESH)
