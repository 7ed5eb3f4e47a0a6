from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import multiple_choice as mc
from bioinstruct.files import read_bytes


def test_questions_are_as_many_as_published(data: Path) -> None:
    """10,178 / 1,272 / 1,273; the letters of the test sets are those of their answer_idx."""
    four = list(read("medqa", "test", data=data))
    five = list(read("medqa-5", "test", data=data))
    assert len(list(read("medqa-5", "validation", data=data))) == 1_272
    assert Counter(example.output for example in four) == {"A": 353, "B": 309, "C": 346, "D": 265}
    assert Counter(example.output for example in five) == {
        "A": 273,
        "B": 277,
        "C": 252,
        "D": 269,
        "E": 202,
    }
    assert [mc.read(e.input)[0] for e in four] == [mc.read(e.input)[0] for e in five]


@pytest.mark.parametrize(("name", "split"), [("medqa", "test"), ("medqa-5", "validation")])
def test_every_layout_of_the_answer_means_the_same_option(
    name: str, split: str, data: Path
) -> None:
    for layout in mc.LAYOUTS:
        for example in read(name, split, data=data, layout=layout):
            question, options = mc.read(example.input)
            assert "\\" not in example.input or "\\" in question + "".join(options)
            letter = mc.parse_letter(example.output, options, layout=layout)
            assert letter
            expected = mc.to_answer(options, mc.LETTERS.index(letter), layout=layout)
            assert expected == example.output


def test_the_options_of_four_are_among_the_options_of_five(data: Path) -> None:
    pairs = zip(
        read("medqa", "test", data=data, layout="text"),
        read("medqa-5", "test", data=data, layout="text"),
        strict=True,
    )
    for four, five in pairs:
        assert four.output == five.output
        assert set(mc.read(four.input)[1]) < set(mc.read(five.input)[1])


@pytest.mark.parametrize(
    ("name", "file"),
    [("medqa", "4_options/phrases_no_exclude_test.jsonl"), ("medqa-5", "test.jsonl")],
)
def test_nothing_of_a_question_is_altered(name: str, file: str, data: Path) -> None:
    lines = read_bytes(data / "medqa_usmle/US" / file).decode("utf-8").splitlines()
    asked = [mc.read(example.input) for example in read(name, "test", data=data)]
    assert asked == [
        (row["question"], tuple(row["options"].values())) for row in map(json.loads, lines)
    ]


QUESTION = {
    "question": "A patient cannot see at night.\nWhich vitamin is lacking?",
    "answer": "Retinol",
    "options": {"A": "Niacin", "B": "Retinol"},
    "meta_info": "step1",
    "answer_idx": "B",
}
CONVERTED = {
    "question": "Which vitamin is lacking?",
    "options": ["A. Niacin", "B. Retinol"],
    "answer": "Retinol",
}


def mini(folder: Path, *records: Any, name: str = "4_options/phrases_no_exclude_train") -> Path:
    path = folder / "medqa_usmle" / "US" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return folder


def test_the_training_file_is_read_in_the_same_layout(tmp_path: Path) -> None:
    [example] = read("medqa", "train", data=mini(tmp_path, QUESTION))
    assert example.input == f"{QUESTION['question']}\n\nA. Niacin\nB. Retinol"
    assert example.output == "B"
    assert example.provenance.document == "train-1"


def test_the_development_set_is_the_official_one_where_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "medqa_usmle/converted_dev/medqa_full_dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([CONVERTED]), encoding="utf-8")
    [example] = read("medqa-5", "validation", data=tmp_path, layout="letter-text")
    assert (example.input, example.output) == (
        "Which vitamin is lacking?\n\nA. Niacin\nB. Retinol",
        "B. Retinol",
    )
    [official] = read("medqa-5", "validation", data=mini(tmp_path, QUESTION, name="dev"))
    assert official.input.startswith("A patient cannot see at night.")
    with pytest.raises(MissingError, match="phrases_no_exclude_dev"):
        next(read("medqa", "validation", data=tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer_idx": "E"}, "option 'E' is not the answer 'Retinol'"),
        ({"answer_idx": "A"}, "option 'A' is not the answer 'Retinol'"),
        ({"options": {"A": "Niacin", "C": "Retinol"}}, "expected options A, B, ..., found A, C"),
        ({"options": {"A": "Retinol"}}, "expected options A, B, ..., found A"),
        ({"options": {"A": " ", "B": "Retinol"}}, r"options\.A: empty text"),
        ({"question": ""}, r"record 2\.question: empty text"),
        ({"question": None}, r"record 2\.question: Input should be a valid string, found None"),
    ],
)
def test_a_record_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rejected: list[DataError] = []
    data = mini(tmp_path, QUESTION, QUESTION | change, QUESTION)
    kept: list[Instruction] = list(read("medqa", "train", data=data, rejected=rejected))
    assert len(kept) == 2
    [fault] = rejected
    assert fault.line == 2
    with pytest.raises(DataError, match=message):
        raise fault


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": "Biotin"}, "expected one option with the answer 'Biotin'"),
        ({"options": ["Niacin", "Retinol"]}, r"expected options that begin with A\., B\., \.\.\."),
        ({"options": ["A. Retinol", "B. Retinol"]}, "expected one option with the answer"),
    ],
)
def test_a_re_written_record_at_fault_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "medqa_usmle/converted_dev/medqa_full_dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([CONVERTED, CONVERTED | change]), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(read("medqa-5", "validation", data=tmp_path))


def test_another_file_at_the_right_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl:1: expected objects with question, options"):
        list(read("medqa", "train", data=mini(tmp_path, {"id": 1, "text": "x"})))
