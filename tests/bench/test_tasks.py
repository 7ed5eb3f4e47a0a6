from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioinstruct import BioinstructError, Instruction, UnknownNameError
from bioinstruct.bench.evaluation.evaluate import majority, readouts
from bioinstruct.bench.metrics import accuracy
from bioinstruct.bench.tasks import Evaluation, Formulation, Task, get_task, known_tasks
from bioinstruct.bench.tasks.base import add, task
from bioinstruct.bench.tasks.formulation import formulation_of
from bioinstruct.bench.tasks.suites import SUITES, expand
from bioinstruct.corpora import Access
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.schema import Category
from tests.records import ask

Examples = Callable[..., list[Instruction]]
ALL = list(known_tasks().values())
every = pytest.mark.parametrize("each", ALL, ids=lambda t: t.name)
# The paper counts a doctor's replies among the tasks of generation; the corpora are of questions.
REPLIES = {"genmedgpt", "healthcaremagic", "icliniq", "medquad"}
ODD = [
    "",
    " ",
    "\n\n",
    "yes" * 1000,
    "a : B : I\n: :\n#",
    "| | |\nnone\nnone",
    "\x00\ufffd",
    "Yes.",
    "A",
]


def scores(
    each: Task, examples: list[Instruction], texts: list[str | None], **how: Any
) -> list[float]:
    return [readout.value for readout in readouts(ask(each, examples, **how), texts, "")]


@every
def test_gold_scores_one_through_its_own_parse(each: Task, examples_of: Examples) -> None:
    examples = examples_of(each, 100)
    assert set(scores(each, examples, [e.output for e in examples])) == {1.0}


@pytest.mark.peer
@every
def test_gold_scores_one_on_every_example(each: Task, examples_of: Examples) -> None:
    examples = examples_of(each)
    assert set(scores(each, examples, [e.output for e in examples])) == {1.0}
    for formulation in Formulation:
        one = Evaluation(each, formulation=formulation)
        golds: list[str | None] = [one.shown(example).output for example in examples]
        assert set(scores(each, examples, golds, formulation=formulation)) == {1.0}


@every
def test_every_gold_answer_is_one_of_the_choices(each: Task, examples_of: Examples) -> None:
    for example in examples_of(each, 100) if each.choices else ():
        assert example.output in each.options(example)


@every
def test_nothing_a_model_writes_breaks_the_parse(each: Task, examples_of: Examples) -> None:
    examples = examples_of(each, 20)
    for text in ODD:
        for value in scores(each, examples, [text] * len(examples)):
            assert -1 <= value <= 1
    assert np.isfinite(scores(each, examples, [None] * len(examples))).all()


@every
def test_a_task_says_what_it_is(each: Task, examples_of: Examples) -> None:
    assert each.description.endswith((".", "?"))
    assert each.description[-2].isalnum()  # one full stop, not one behind a question mark
    kinds = {example.category for example in examples_of(each, 50)}
    assert kinds == {Category.QA if each.name in REPLIES else each.group}
    assert each.metrics[0].spec


@pytest.mark.parametrize(
    ("name", "split", "n", "constant"),
    [
        ("pubmedqa", "test", 500, 0.552),  # 276 yes of 500
        ("medqa", "test", 1273, None),
        ("medqa-5", "test", 1273, None),
        ("medqa-5", "validation", 1272, None),
        ("ncbi-disease", "test", 940, 0.0),
        ("ncbi-disease-medtuned", "test", 940, None),
        ("ncbi-disease", "validation", 923, 0.0),
        ("bc5cdr-disease", "test", 4797, 0.0),
        ("bc5cdr-chemical", "validation", 4581, 0.0),
        ("mts-dialog", "test", 200, None),
        ("gad", "test", 534, None),
        ("hoc", "test", 3547, None),
    ],
)
def test_test_sets_have_their_published_sizes_and_majorities(
    data: Path, name: str, split: str, n: int, constant: float | None
) -> None:
    found = list(get_task(name).read(split))
    assert len(found) == n
    if constant is not None:
        assert majority(ask(get_task(name), found))[0] == pytest.approx(constant)


@pytest.mark.parametrize(
    ("name", "metric", "constant"),
    [
        ("gad", "accuracy", 281 / 534),
        ("hoc", "exact match", 0.747),
        ("pubmedqa", "accuracy", 276 / 500),
    ],
)
def test_the_published_baselines_are_reproduced(
    data: Path, name: str, metric: str, constant: float
) -> None:
    each = get_task(name)
    place = [one.name for one in each.metrics].index(metric)
    found = majority(ask(each, each.read("test")))[place]
    assert found == pytest.approx(constant, abs=0.0005)


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
    with pytest.raises(BioinstructError, match="already a task named 'pubmedqa'"):

        @task(Category.QA, accuracy, parse=lambda text, example: text)
        def pubmedqa(split: str) -> object:
            return iter(())


def test_a_task_of_an_unknown_corpus_is_refused_by_name() -> None:
    lost = replace(get_task("pubmedqa"), name="lost", corpus="no-such-corpus")
    with pytest.raises(BioinstructError, match="'lost' is of the corpus 'no-such-corpus'"):
        add(lost)
    assert "lost" not in known_tasks()


@pytest.mark.parametrize("module", ["bench.tasks", "bench.tasks.base"])
def test_the_shipped_tasks_are_known_without_another_import(module: str) -> None:
    code = f"from bioinstruct.{module} import get_task; print(get_task('pubmedqa').name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "pubmedqa\n"


# ---- formulations


@pytest.fixture
def question(examples_of: Examples) -> Instruction:
    return examples_of(get_task("medmcqa"))[0]


def test_a_question_is_put_by_letters_as_a_cloze_or_to_be_written(question: Instruction) -> None:
    lettered = get_task("medmcqa")
    usual = Evaluation(lettered)
    assert usual.options(question) == ("A", "B", "C", "D")
    assert usual.shown(question) == question
    assert (usual.read_by, usual.form, usual.split) == ("letters", "", "validation")

    cloze = Evaluation(lettered, formulation=Formulation.CLOZE)
    shown = cloze.shown(question)
    assert (shown.input, shown.output) == (multiple_choice.read(question.input)[0], "Neutrophils")
    assert cloze.options(question) == multiple_choice.read(question.input)[1]
    read = [cloze.parse(option, question) for option in cloze.options(question)]
    assert read == ["A", "B", "C", "D"]

    written = Evaluation(lettered, formulation=Formulation.FREE_FORM)
    assert (written.read_by, written.options(question)) == ("generated", ())
    assert written.parse("The answer is D.", question) == "D"


def test_fixed_choices_are_the_same_by_letters_and_as_a_cloze() -> None:
    fixed = get_task("gad")
    usual = Evaluation(fixed)
    assert Evaluation(fixed, formulation=Formulation.CLOZE) == usual
    assert usual.read_by == "likelihood"
    written = Evaluation(fixed, formulation=Formulation.FREE_FORM)
    assert (written.read_by, written.form, written.labels) == ("generated", "generated", ())


def test_a_task_without_options_is_free_form_in_any_case() -> None:
    for formulation in Formulation:
        written = Evaluation(get_task("demo-gen"), formulation=formulation)
        assert (written.formulation, written.form) == (Formulation.FREE_FORM, "")


def test_a_formulation_has_the_name_of_the_literature_and_that_of_the_report() -> None:
    assert formulation_of("letters") is formulation_of("multiple-choice")
    assert formulation_of("generated") is formulation_of("free-form")
    with pytest.raises(UnknownNameError) as caught:
        formulation_of("clozed")
    assert "`cloze`" in caught.value.hint


# ---- suites


def test_the_nine_tasks_are_in_the_three_groups_of_the_paper() -> None:
    groups = [each.task.group.value for each in SUITES["bioinstruct-9"]()]
    assert groups == ["QA"] * 4 + ["IE"] * 2 + ["GEN"] * 3


def test_what_medtuned_called_its_test_is_scored_with_the_official_one() -> None:
    found = {(each.name, each.split) for each in SUITES["medtuned"]()}
    assert {("ncbi-disease-medtuned", "validation"), ("ncbi-disease-medtuned", "test")} <= found
    assert ("gad", "test") in found
    assert ("gad", "validation") not in found
    for each in SUITES["medtuned"]():
        if each.task.group is Category.IE and not each.labels and each.name != "i2b2-2012-medtuned":
            assert "entity F1, compat" in [metric.name for metric in each.task.metrics]


def test_open_needs_no_credentials_and_has_each_corpus_once() -> None:
    found = SUITES["open"]()
    assert {each.task.access for each in found} == {Access.OPEN}
    assert not any(each.task.demonstration or each.task.variant for each in found)
    origins = [each.task.corpus for each in found]
    assert len(set(origins)) == len(origins) == 31


def test_names_and_suites_may_be_mixed_and_each_task_is_there_once() -> None:
    names = [each.name for each in expand(["gad", "demo", "demo-qa", "gad"])]
    assert names == ["gad", "demo-qa", "demo-ie", "demo-gen"]
    with pytest.raises(UnknownNameError, match="no task or suite named 'opne'") as error:
        expand(["opne"])
    assert error.value.hint == "did you mean `open`?"
