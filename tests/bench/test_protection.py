"""What benchmarks score is in nothing that is compiled to train on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from bioinstruct import Instruction, MissingError, corpora
from bioinstruct.bench.experiment import load_training, without_tests
from bioinstruct.bench.tasks import (
    Task,
    get_task,
    known_tasks,
    load_evaluations,
    protected_texts,
)
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.filters import scored_texts
from bioinstruct.mixtures.build import compile_mixture
from bioinstruct.mixtures.spec import Mixture, Source, load_mixture, mixtures
from bioinstruct.text import normalize, unicode_words
from tests.corpora import test_chatdoctor, test_medmcqa, test_medquad
from tests.records import record

HELD_OUT = ("medquad", "genmedgpt", "healthcaremagic", "icliniq")


def passage(name: str) -> str:
    """Text that shares nothing with that of another name."""
    return " ".join(f"{name}{word}" for word in "abcdefghijklmnopq")


# The same message twice, and other answers to it, in whatever split each is.
MESSAGES = [
    {"instruction": "Answer.", "input": passage(f"m{n}"), "output": passage(f"{part}{n}")}
    for part in ("first", "second")
    for n in range(200)
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small files of the corpora whose scored split is not their test split as published."""
    folder = tmp_path_factory.mktemp("small")
    for name, file in (
        ("genmedgpt", "chatdoctor5k.json"),
        ("healthcaremagic", "HealthCareMagic-100k.json"),
    ):
        test_chatdoctor.mini(folder, name, file, MESSAGES)
    test_chatdoctor.mini(
        folder,
        "icliniq",
        "iCliniq.json",
        [{"input": m["input"], "answer_icliniq": m["output"]} for m in MESSAGES],
    )
    first = test_medmcqa.QUESTION
    for name, numbers in (("train.json", range(30)), ("dev.json", range(25, 40))):
        questions = [
            first | {"question": f"Which cells are many in disease {n}?", "id": f"{name}-{n}"}
            for n in numbers
        ]
        test_medmcqa.mini(folder, *questions, first | {"cop": 1, "question": name}, name=name)
    pairs = "".join(
        f'<QAPair pid="{n}"><Question>What are the symptoms of disease {n % 150} ?</Question>'
        f"<Answer>{passage(f'a{n // 2}')}</Answer></QAPair>"
        for n in range(300)
    )
    test_medquad.mini(folder, f"<Document>{pairs}</Document>")
    return folder


def texts(examples: Iterable[Instruction]) -> set[str]:
    """Return the texts of records but for short answers: a section, `breast cancer`, `Methods`.

    These stand as lines of their own in a test too, and give nothing of it away.
    """
    found = {text for e in examples for text in (e.input, e.instruction) if text}
    found |= {e.output for e in examples if len(unicode_words(e.output)) >= 6}
    return {normalize(text) for text in found if unicode_words(text)}  # `.` is no test item


def scored(task: Task) -> list[Instruction]:
    try:
        return list(task.read(task.split))
    except MissingError:
        return []


@cache
def scored_ids_and_texts(data: str) -> dict[str, tuple[set[str], set[str]]]:
    """Return the ids and the texts of what every task scores, of the corpora in `data`."""
    assert os.environ["BIOINSTRUCT_DATA"] == data
    found = {task.name: scored(task) for task in known_tasks().values()}
    return {
        name: ({e.id for e in examples}, {normalize(t.text) for t in scored_texts(examples)})
        for name, examples in found.items()
    }


def assert_nothing_leaks(compiled: list[Instruction]) -> None:
    """No record, and no text, of what any task scores."""
    ids, held = {e.id for e in compiled}, texts(compiled)
    for name, (tested, known) in scored_ids_and_texts(os.environ["BIOINSTRUCT_DATA"]).items():
        assert not ids & tested, name
        assert not held & known, name


def assert_held_out(name: str) -> None:
    corpus, task = corpora.get_corpus(name), get_task(name)
    examples = scored(task)
    assert examples
    for split in ("train", "validation"):
        for layout in corpus.layouts or (None,):
            compiled = list(corpora.read(name, split, layout=layout))
            assert compiled
            assert not {e.id for e in compiled} & {e.id for e in examples}
            assert not texts(compiled) & {normalize(t.text) for t in scored_texts(examples)}


@pytest.mark.parametrize("name", HELD_OUT)
def test_a_training_split_of_ours_has_nothing_that_is_scored(
    small: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(small))
    assert_held_out(name)


def test_a_training_split_of_ours_has_nothing_that_is_scored_on_real_files(data: Path) -> None:
    assert_held_out("genmedgpt")


@pytest.mark.peer
def test_medquad_has_nothing_that_is_scored_on_real_files(data: Path) -> None:
    assert_held_out("medquad")


def test_every_task_scores_a_protected_split_of_its_corpus() -> None:
    for task in filter(lambda one: one.corpus, known_tasks().values()):
        assert task.split in corpora.get_corpus(task.corpus).protected_splits, task.name
    assert get_task("medmcqa").split == "validation"


def all_corpora(**settings: object) -> Mixture:
    sources = tuple(
        Source(corpus=name, layout=layout, optional=True)
        for name in corpora.names()
        if "train" in corpora.get_corpus(name).splits
        for layout in corpora.get_corpus(name).layouts or ("",)
    )
    return Mixture(source=sources, **settings)


MIXTURES = [*map(load_mixture, mixtures()), all_corpora(), all_corpora(decontaminate=False)]
every_mixture = pytest.mark.parametrize(
    "mixture", MIXTURES, ids=[*mixtures(), "all", "all-as-published"]
)


@every_mixture
def test_no_mixture_has_anything_that_is_scored(
    small: Path, monkeypatch: pytest.MonkeyPatch, mixture: Mixture
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(small))
    sources = tuple(replace_optional(source) for source in mixture.source)
    mixture = mixture.model_copy(update={"source": sources})
    compiled = list(compile_mixture(mixture, data=small, allow_nc=True))
    assert compiled
    assert_nothing_leaks(compiled)


def replace_optional(source: Source) -> Source:
    return source.model_copy(update={"optional": True})


# A mixture that compares by n-grams as well leaves out all that is left out here.
@pytest.mark.peer
@pytest.mark.parametrize(
    "mixture",
    [load_mixture("medtuned"), all_corpora(decontaminate=False)],
    ids=["medtuned", "all-as-published"],
)
def test_no_mixture_of_the_real_corpora_has_anything_that_is_scored(
    data: Path, mixture: Mixture
) -> None:
    sources = tuple(replace_optional(source) for source in mixture.source)
    mixture = mixture.model_copy(update={"source": sources})
    compiled = list(
        compile_mixture(mixture, data=Path(os.environ["BIOINSTRUCT_DATA"]), allow_nc=True)
    )
    assert compiled
    assert_nothing_leaks(compiled)


@pytest.mark.parametrize("name", [*HELD_OUT, "medmcqa"])
def test_all_has_the_texts_of_every_task(
    small: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(small))
    every = protected_texts()
    own = protected_texts([name])
    assert own.texts[name]
    assert {scored.text for scored in own} <= {scored.text for scored in every}
    assert "pubmedqa" in every.missing
    assert "pubmedqa" not in every.texts


def test_the_questions_of_one_frame_about_another_disease_are_kept(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(small))
    look = protected_texts(["medquad"]).contaminated()
    tested = scored(get_task("medquad"))[0].instruction
    assert look(record(0, instruction=tested, input="")) == "exact"
    # 7 of 8 words in common: a near duplicate, were it not a frame.
    assert (
        look(record(0, instruction="What are the symptoms of disease scurvy ?", input="")) is None
    )


def test_a_limit_changes_what_is_asked_and_not_what_is_protected() -> None:
    task = get_task("demo-qa")
    limited, _ = load_evaluations([task], 2)
    whole, _ = load_evaluations([task])
    asked, every = limited[0].examples, whole[0].examples
    assert (len(asked), len(every)) == (2, 150)
    own = [record(0), *every]
    found = load_training(Recipe(), limited, own, "own.jsonl")
    assert found.examples == [record(0)]
    assert found.examples == load_training(Recipe(), whole, own, "own.jsonl").examples
    assert without_tests(own, limited)[0] == [record(0)]


def test_a_task_that_is_named_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(tmp_path))
    with pytest.raises(MissingError, match="pubmedqa"):
        protected_texts(["pubmedqa"])


def test_a_task_of_ones_own_is_protected_too() -> None:
    own = replace(get_task("demo-qa"), name="own", corpus="", read=lambda split: iter([record(3)]))
    assert [scored.text for scored in protected_texts([own])] == [record(3).input]
