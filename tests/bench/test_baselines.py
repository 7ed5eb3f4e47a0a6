"""Floors without a language model, and what of a test was seen in training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioinstruct import Instruction
from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.baselines import floors as module
from bioinstruct.bench.baselines.bag_of_words import classify, classify_sets, options_only, overlap
from bioinstruct.bench.baselines.copying import copy
from bioinstruct.bench.baselines.floors import Floor, best, floors, training_of
from bioinstruct.bench.baselines.lookup import Lookup, Tagged
from bioinstruct.bench.baselines.memory import (
    entity_counts,
    near_texts,
    pair_of,
    seen_pairs,
    surfaces,
)
from bioinstruct.bench.metrics import entity_f1
from bioinstruct.bench.tasks.base import get_task
from bioinstruct.corpora.answers.entities import Entity
from tests.records import ask, record


def text(words: str, *places: tuple[int, int], document: str = "1", type: str = "") -> Tagged:
    entities = tuple(Entity(start, end, type) for start, end in places)
    return Tagged(tuple(words.split()), entities, document)


def test_the_longest_known_mention_is_found_whatever_its_case() -> None:
    known = Lookup.fit([text("breast cancer and cancer", (0, 2), (3, 4), type="Disease")])
    assert known.predict(["Breast", "Cancer", "is", "cancer"]) == [
        Entity(0, 2, "Disease"),
        Entity(3, 4, "Disease"),
    ]


def test_the_threshold_leaves_out_words_that_are_seldom_a_mention() -> None:
    training = []
    for document in range(20):
        # `cold` is a disease once in five times, `flu` always.
        training.append(text("a flu is here", (1, 2), document=str(document)))
        training += [text("it is cold now", document=str(document)) for _ in range(4)]
        training.append(text("a cold is here", (1, 2), document=str(document)))
    known = Lookup.fit(training)
    assert 0.2 < known.threshold <= 1.0
    assert known.predict(["flu", "or", "cold"]) == [Entity(0, 1, "")]


def test_of_one_document_no_threshold_can_be_chosen() -> None:
    assert Lookup.fit([text("a flu", (1, 2))]).threshold == 0.5
    assert Lookup.fit([]).predict(["flu"]) == []


def test_a_bag_of_words_learns_what_words_say() -> None:
    training = ["it is good", "good indeed", "it is bad", "bad indeed"] * 3
    labels = ["up", "up", "down", "down"] * 3
    assert classify(training, labels, ["so good", "so bad"]) == ["up", "down"]
    assert classify(["one"], ["up"], ["other"]) == ["up"]
    sets = classify_sets(training, [(x, "all") for x in labels], ["so good", "so bad"])
    assert sets == [("all", "up"), ("all", "down")]


def test_options_only_learns_that_the_longest_is_right() -> None:
    questions = [["no", "yes it is the case", "maybe"], ["a longer answer than the rest", "b", "c"]]
    assert options_only(questions * 10, [1, 0] * 10, [["x", "y", "a longer answer than"]]) == [2]


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        (None, "One. Two!\nThree?"),
        (1, "One."),
        (2, "One. Two!"),
        (-1, "Three?"),
    ],
)
def test_copies(sentences: int | None, expected: str) -> None:
    assert copy("One. Two!\nThree?", sentences) == expected


def test_overlap() -> None:
    assert overlap("a b c", "b c d") == pytest.approx(4 / 6)
    assert overlap("", "") == 0.0


# ---- floors of tasks


@pytest.mark.parametrize(
    ("name", "floor"),
    [("demo-qa", "bag of words"), ("demo-ie", "look-up"), ("demo-gen", "copy")],
)
def test_the_demonstration_has_floors_and_they_are_taken_from_the_cache(
    name: str, floor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = get_task(name)
    examples = list(task.read("test"))[:40]
    training, missing = training_of(ask(task, examples))
    assert missing == ""
    found = floors(task, examples, training, cache=tmp_path)
    name_of_best, score = best(found, task.metrics[0].name) or ("", 0.0)
    assert name_of_best == floor
    assert 0.0 <= score < 1.0
    monkeypatch.setattr(module, "answered", lambda *given: pytest.fail("computed again"))
    assert floors(task, examples, training, cache=tmp_path) == found
    [kept] = tmp_path.iterdir()
    kept.write_text("damaged", encoding="utf-8")
    monkeypatch.setattr(module, "answered", lambda *given: iter(()))
    assert floors(task, examples, training, cache=tmp_path) == ()


def test_other_data_have_other_floors(tmp_path: Path) -> None:
    task = get_task("demo-qa")
    examples = list(task.read("test"))[:20]
    training, _ = training_of(ask(task, examples))
    for asked, learnt in ((examples, training), (examples[1:], training), (examples, training[1:])):
        floors(task, asked, learnt, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_without_training_data_there_is_no_floor_from_it_and_it_is_said() -> None:
    task = get_task("medqa")
    training, missing = training_of(ask(task, []))
    assert training == []
    assert missing.startswith("no training data: ")
    assert best((), "accuracy") is None


def test_a_training_example_that_the_scored_split_has_is_not_learnt_from() -> None:
    test, train = [record(n) for n in range(3)], [record(n) for n in range(5)]

    def read(split: str) -> Iterator[Instruction]:
        return iter(train if split == "train" else test)

    task = replace(get_task("demo-ie"), read=read)
    kept, _ = training_of(ask(task, test[:1]))  # as with --limit 1
    assert kept == train[3:]
    train = train[:3]
    assert training_of(ask(task, test[:1])) == ([], "no training data but what is asked")


def test_of_several_methods_the_one_that_is_best_in_training_counts() -> None:
    copied, first = (
        Floor("copy", {"F1": 0.9}, {"F1": 0.2}),
        Floor("first", {"F1": 0.5}, {"F1": 0.4}),
    )
    assert best([copied, first], "F1") == ("first", 0.5)
    assert best([replace(copied, in_training={}), replace(first, in_training={})], "F1") == (
        "copy",
        0.9,
    )


def test_the_copy_is_chosen_on_training_examples(tmp_path: Path) -> None:
    # In training the first sentence is the answer; on the scored items it is the last one.
    def items(answer: int, numbers: range) -> list[Instruction]:
        sentences = [[f"One {n} begins here.", f"Another {n} ends there."] for n in numbers]
        return [
            record(n, input=" ".join(both), output=both[answer], category="GEN")
            for n, both in zip(numbers, sentences, strict=True)
        ]

    task = get_task("demo-gen")
    found = floors(task, items(1, range(9)), items(0, range(20, 60)), cache=tmp_path)
    name, score = best(found, "ROUGE-L") or ("", 1.0)
    assert name == "first sentence"
    assert score < 0.5
    last = next(floor for floor in found if floor.name == "last sentence")
    assert last.scores["ROUGE-L"] == 1.0


# ---- memory


def test_entities_are_parted_by_whether_their_words_were_seen() -> None:
    known = surfaces([text("Flu is bad", (0, 1))])
    asked = [text("flu or gout or cough", (0, 1), (2, 3))]
    found = [[Entity(0, 1, ""), Entity(4, 5, "")]]  # gout missed, cough a false alarm
    seen, unseen = entity_counts(entity_f1, asked, found, known)
    assert seen.tolist() == [[1, 1, 1]]
    assert unseen.tolist() == [[0, 1, 1]]
    nothing, _ = entity_counts(entity_f1, asked, [None], known)
    assert nothing.tolist() == [[0, 1, 0]]


def test_pairs_are_known_in_either_order() -> None:
    asked = "The text.\n\nDrug 1: warfarin #2\nDrug 2: Aspirin"
    assert pair_of(asked) == frozenset({"warfarin", "aspirin"})
    assert pair_of("no pair here") is None
    training = ["Other.\n\nDrug 1: aspirin\nDrug 2: warfarin"]
    other = "The text.\n\nDrug 1: warfarin\nDrug 2: ibuprofen"
    assert seen_pairs(training, [asked, other]).tolist() == [True, False]  # type: ignore[union-attr]
    assert seen_pairs(training, ["no pair here"]) is None


def test_a_text_is_near_that_shares_most_of_its_words() -> None:
    training = ["what causes a stroke in the young", "how is measles treated"]
    asked = ["what causes a stroke in the old", "which gene is mutated"]
    assert near_texts(training, asked).tolist() == [True, False]
    assert np.array_equal(near_texts(training, training), [True, True])
