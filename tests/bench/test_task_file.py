from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, MissingError, UnknownNameError, write
from bioinstruct.bench.evaluation.evaluate import readouts
from bioinstruct.bench.tasks import base as registry
from bioinstruct.bench.tasks.user_file import load_task_file
from tests.records import ask, record

OWN = '''\
from collections.abc import Iterator

from bioinstruct import Instruction, read
from bioinstruct.bench.metrics import accuracy
from bioinstruct.bench.tasks.base import task


@task("QA", accuracy, choices=("yes", "no"))
def trial_outcome(split: str) -> Iterator[Instruction]:
    """Did the trial meet its primary endpoint?"""
    return read(f"trials-{split}.jsonl")
'''


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_python_file_defines_a_task_in_a_dozen_lines() -> None:
    assert OWN.count("\n") <= 13
    Path("own.py").write_text(OWN, encoding="utf-8")
    write("trials-test.jsonl", [record(0, output="yes"), record(1, output="no")])
    [own] = load_task_file(Path("own.py"))
    assert (own.name, own.description) == (
        "trial-outcome",
        "Did the trial meet its primary endpoint?",
    )
    examples = list(own.read("test"))
    assert own.options(examples[0]) == ("yes", "no")
    found = [own.parse(text, examples[0]) for text in ("Yes, it did.", "no", "perhaps")]
    assert found == ["yes", "no", None]
    assert registry.get_task("trial-outcome") == own


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1\n", r"own\.py defines no task"),
        ("x = 1\nraise KeyError('label')\n", r"own\.py:2: KeyError: 'label'"),
        ("import nothing_of_this_name\n", r"own\.py:1: ModuleNotFoundError: "),
        ("def (:\n", r"own\.py:1: SyntaxError: "),
    ],
    ids=["no task", "an error", "an import", "a slip"],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(content: str, message: str) -> None:
    Path("own.py").write_text(content, encoding="utf-8")
    with pytest.raises(BioinstructError, match=message):
        load_task_file(Path("own.py"))


def test_a_file_that_is_not_there_is_missed() -> None:
    with pytest.raises(MissingError, match=r"no file own\.py"):
        load_task_file(Path("own.py"))


def test_a_name_that_is_taken_is_told() -> None:
    Path("own.py").write_text(OWN.replace("trial_outcome", "gad"), encoding="utf-8")
    with pytest.raises(BioinstructError, match=r"own\.py:8: there is already a task named 'gad'"):
        load_task_file(Path("own.py"))


def test_records_of_few_answers_are_a_closed_set() -> None:
    write("mine.jsonl", [record(n, output=("yes", "no")[n % 2]) for n in range(20)])
    [own] = load_task_file(Path("mine.jsonl"), ["accuracy"])
    assert (own.name, own.labels, ask(own, []).read_by) == (
        "mine",
        ("no", "yes"),
        "likelihood",
    )
    assert own.description == "20 records of mine.jsonl."
    with pytest.raises(UnknownNameError):
        own.read("train")


@pytest.mark.parametrize("metric", ["accuracy", "rougeL", "exact-match", "token-f1", "chrf"])
def test_records_of_any_answers_are_written_and_their_gold_scores_one(metric: str) -> None:
    write("mine.jsonl", [record(n, output=f"Answer number {n}.") for n in range(20)])
    [own] = load_task_file(Path("mine.jsonl"), [metric])
    examples = list(own.read("test"))
    [found] = readouts(ask(own, examples), [e.output for e in examples], "")
    assert (ask(own, examples).read_by, found.value) == ("generated", pytest.approx(1.0))


@pytest.mark.parametrize("gold", ["pain", "chest pain | Problem"])
def test_records_of_entities_are_read_with_types_where_they_have_them(gold: str) -> None:
    records = [record(n, input=f"Case {n} has chest pain .", output=gold) for n in range(3)]
    write("mine.jsonl", [*records, record(9, input="No .", output="none")])
    [own] = load_task_file(Path("mine.jsonl"), ["entity-f1"])
    examples = list(own.read("test"))
    [found] = readouts(ask(own, examples), [e.output for e in examples], "")
    assert found.counts.sum(axis=0).tolist() == [3, 3, 3]


WRONG: list[tuple[str, list[str], type[BioinstructError], str]] = [
    ("", ["accuracy"], BioinstructError, "has no instructions"),
    ('{"instruction": 5}\n', ["accuracy"], DataError, r"mine\.jsonl:1"),
    ("", [], BioinstructError, "nothing says how answers are counted"),
    ("", ["acuracy"], UnknownNameError, "no metric named 'acuracy'"),
]


@pytest.mark.parametrize(("content", "metrics", "error", "message"), WRONG)
def test_records_that_cannot_be_scored_are_told(
    content: str, metrics: list[str], error: type[BioinstructError], message: str
) -> None:
    Path("mine.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(error, match=message):
        load_task_file(Path("mine.jsonl"), metrics)


def test_a_file_named_as_a_task_that_there_is_is_an_error_that_says_so() -> None:
    write("mine.jsonl", [record(0)])
    load_task_file(Path("mine.jsonl"), ["rougeL"])
    with pytest.raises(BioinstructError, match="there is one of that name") as caught:
        load_task_file(Path("mine.jsonl"), ["rougeL"])
    assert caught.value.hint == "give the file another name"
