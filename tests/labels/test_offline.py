"""The classifier that ships with the package does what docs/label.md says of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bioinstruct import jsonl
from bioinstruct.labels import classifier, label_records
from bioinstruct.labels.features import features
from bioinstruct.schema import Category
from bioinstruct.seeds import load_seeds
from tests.records import record

ROOT = Path(__file__).parent.parent.parent
CORRECT, PLAIN, BORDERLINE = 234, 184, 50  # of 260, 200 and 60
RESULTS = ROOT / "benchmarks" / "results" / "labels.json"


def test_the_hand_labelled_records_get_as_many_right_labels_as_the_docs_say() -> None:
    examples = list(jsonl.read(ROOT / "tests" / "data" / "labelled.jsonl"))
    right = [
        str(made.example.provenance.document).split("-")[0]
        for made in label_records(examples)
        if made.example.category == made.before
    ]
    assert (len(examples), len(right)) == (260, CORRECT)
    assert (right.count("plain"), right.count("borderline")) == (PLAIN, BORDERLINE)
    test = json.loads(RESULTS.read_text(encoding="utf-8"))["test"]
    assert [test[p]["correct"] for p in ("all", "plain", "borderline")] == [
        CORRECT,
        PLAIN,
        BORDERLINE,
    ]
    page = (ROOT / "docs" / "label.md").read_text(encoding="utf-8")
    assert f"**{test['all']['accuracy']:.3f}**" in page
    assert f"{test['all']['macro_f1']:.3f}" in page


def test_a_confident_label_is_right_more_often_than_a_doubtful_one() -> None:
    bands = json.loads(RESULTS.read_text(encoding="utf-8"))["test"]["confidence"]
    shares = [band["correct"] / band["n"] for band in bands]
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    ("instruction", "input", "output", "category"),
    [
        ("Which vitamin prevents scurvy?", "", "Vitamin C", "QA"),
        ("Extract all drugs.", "On aspirin and digoxin.", "aspirin\ndigoxin", "IE"),
        ("Write a letter to his GP.", "Seen today.", "Dear Dr Low,\nI saw him today.", "GEN"),
        ("Classify the sentiment: positive or negative.", "Awful clinic.", "negative", "OTHER"),
    ],
)
def test_clear_cases_are_clear(instruction: str, input: str, output: str, category: str) -> None:
    verdict = classifier()(record(instruction=instruction, input=input, output=output))
    assert verdict.category == category
    assert verdict.confidence > 0.8
    assert verdict.confidence == max(verdict.probabilities.values())
    assert sum(verdict.probabilities.values()) == pytest.approx(1)
    assert set(verdict.probabilities) == set(Category)


def test_what_says_nothing_gets_a_label_without_confidence() -> None:
    verdict = classifier()(record(instruction="\u8bf4", input="", output="\u5bf9"))
    assert verdict.confidence < 0.9
    assert np.isfinite(list(verdict.probabilities.values())).all()


def test_a_label_changes_no_id_and_nothing_but_the_category() -> None:
    seeds = [seed.model_copy(update={"category": Category.OTHER}) for seed in load_seeds()]
    made = list(label_records(seeds))
    assert [one.example.id for one in made] == [seed.id for seed in seeds]
    assert all(one.before == Category.OTHER for one in made)
    for one, seed in zip(made, load_seeds(), strict=True):
        assert one.example.row() | {"category": ""} == seed.row() | {"category": ""}


def test_existing_labels_can_be_kept() -> None:
    made = list(
        label_records([record(category="GEN"), record(category="OTHER")], keep_existing=True)
    )
    assert [one.example.category for one in made] == ["GEN", "IE"]
    assert [one.by for one in made] == ["", "offline-1"]
    assert made[0].offline == "IE"


def test_records_are_labelled_as_they_come() -> None:
    def endless() -> object:
        while True:
            yield record()

    stream = label_records(endless())  # type: ignore[arg-type]
    assert next(stream).example.category == "IE"


def test_the_weights_are_small_and_name_no_test_record() -> None:
    path = ROOT / "src" / "bioinstruct" / "data" / "labels" / "weights.json"
    assert path.stat().st_size < 1_500_000
    names = set(json.loads(path.read_text(encoding="utf-8"))["features"])
    assert {"ask", "1 extract", "copied all"} <= names
    assert len(names & set(features(record()))) > 40
