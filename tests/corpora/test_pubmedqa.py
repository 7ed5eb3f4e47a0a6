from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import pubmedqa, read


def test_answers_are_as_many_as_published(data: Path) -> None:
    train, test = (list(read("pubmedqa", split, data=data)) for split in ("train", "test"))
    assert Counter(example.output for example in test) == {"yes": 276, "no": 169, "maybe": 55}
    assert Counter(example.output for example in train + test) == {
        "yes": 552,
        "no": 338,
        "maybe": 110,
    }
    assert len({example.provenance.document for example in train + test}) == 1000


def test_the_test_split_is_the_official_list(data: Path) -> None:
    answers = json.loads((data / "pubmedqa/test_ground_truth.json").read_text(encoding="utf-8"))
    read_back = {
        example.provenance.document: example.output
        for example in read("pubmedqa", "test", data=data)
    }
    assert read_back == answers


def test_the_input_does_not_hold_the_conclusion(data: Path) -> None:
    example = next(
        example
        for example in read("pubmedqa", "test", data=data)
        if example.provenance.document == "21645374"
    )
    assert example.input.startswith("BACKGROUND: Programmed cell death (PCD) is")
    assert "\nRESULTS: The following paper elucidates" in example.input
    assert example.input.endswith(
        "\n\nQuestion: Do mitochondria play a role in remodelling lace plant leaves during "
        "programmed cell death?"
    )
    assert "To the best of our knowledge" not in example.input  # the conclusion is the long answer


QUESTION = {
    "QUESTION": "Is it?",
    "CONTEXTS": ["We looked.", "It is."],
    "LABELS": ["METHODS", "UNLABELLED"],
    "final_decision": "yes",
}


def mini(folder: Path, questions: Any, tested: Any) -> list[Instruction]:
    (folder / "pubmedqa").mkdir()
    for name, content in (("ori_pqal", questions), ("test_ground_truth", tested)):
        path = folder / "pubmedqa" / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
    return list(read("pubmedqa", "test", data=folder))


def test_each_part_of_the_abstract_has_its_label(tmp_path: Path) -> None:
    [example] = mini(tmp_path, {"1": QUESTION, "2": QUESTION}, {"2": "yes"})
    assert example.input == "METHODS: We looked.\nIt is.\n\nQuestion: Is it?"
    assert (example.output, example.provenance.document) == ("yes", "2")


@pytest.mark.parametrize(
    ("questions", "tested", "message"),
    [
        (
            {"1": QUESTION, "2": QUESTION | {"final_decision": "perhaps"}},
            {},
            r"2\.final_decision: Input should be 'yes', 'no' or 'maybe', found 'perhaps'",
        ),
        ({"1": {"QUESTION": "?"}}, {}, r"1\.CONTEXTS: missing field"),
        ({"1": QUESTION | {"LABELS": []}}, {}, r"1\.LABELS: expected as many as CONTEXTS"),
        ({"1": QUESTION | {"CONTEXTS": ["a", 2]}}, {}, r"1\.CONTEXTS\.1: .* string, found 2"),
        ({"1": "yes"}, {}, "1: not an object, found 'yes'"),
        ({"1": QUESTION}, {"1": "no"}, "1: 'yes' here, 'no' in the official test answers"),
        ({"1": QUESTION}, {"3": "no"}, "3: expected a PMID of ori_pqal"),
        ([QUESTION], {}, "expected a JSON object, found list"),
    ],
)
def test_a_fault_is_named_with_file_and_key(
    tmp_path: Path, questions: Any, tested: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        [*mini(tmp_path, questions, tested), *read("pubmedqa", "train", data=tmp_path)]
    assert caught.value.path.parent == tmp_path / "pubmedqa"


ARTIFICIAL = {
    "QUESTION": "Does it?",
    "CONTEXTS": ["We looked."],
    "LABELS": ["METHODS"],
    "LONG_ANSWER": "It does.",
    "MESHES": [],
    "final_decision": "yes",
}
UNLABELLED = {key: value for key, value in ARTIFICIAL.items() if key != "final_decision"}


def other(folder: Path, name: str, questions: Any) -> Path:
    kinds = {"ori_pqaa.json": "pubmedqa_artificial", "ori_pqau.json": "pubmedqa_unlabelled"}
    (folder / kinds[name]).mkdir()
    (folder / kinds[name] / name).write_text(json.dumps(questions), encoding="utf-8")
    return folder


def test_artificial_questions_are_answered_by_a_word_or_by_the_conclusion(tmp_path: Path) -> None:
    data = other(tmp_path, "ori_pqaa.json", {"7": ARTIFICIAL})
    [decided] = read("pubmedqa-artificial", "train", data=data)
    [concluded] = read("pubmedqa-artificial", "train", data=data, layout="conclusion")
    assert decided.input == concluded.input == "METHODS: We looked.\n\nQuestion: Does it?"
    assert (decided.output, decided.task) == ("yes", "yes-no-question")
    assert (concluded.output, concluded.task) == ("It does.", "abstract-conclusion")
    assert "maybe" not in decided.instruction
    assert decided.provenance.document == "7"


def test_unlabelled_questions_are_answered_by_the_conclusion(tmp_path: Path) -> None:
    data = other(tmp_path, "ori_pqau.json", {"7": UNLABELLED})
    [example] = read("pubmedqa-unlabelled", "train", data=data)
    assert (example.output, example.task) == ("It does.", "abstract-conclusion")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"final_decision": "maybe"}, r"8\.final_decision: Input should be 'yes' or 'no'"),
        ({"LONG_ANSWER": " "}, r"8\.LONG_ANSWER: empty text"),
        ({"LABELS": []}, r"8\.LABELS: expected as many as CONTEXTS"),
    ],
)
def test_an_artificial_question_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    questions = {"7": ARTIFICIAL, "8": ARTIFICIAL | change, "9": ARTIFICIAL}
    data = other(tmp_path, "ori_pqaa.json", questions)
    rejected: list[DataError] = []
    assert len(list(read("pubmedqa-artificial", "train", data=data, rejected=rejected))) == 2
    with pytest.raises(DataError, match=message):
        raise rejected[0]


def test_every_form_of_answer_has_wordings_of_its_own(data: Path) -> None:
    assert all(len(set(wordings)) >= 5 for wordings in pubmedqa.WORDINGS.values())
    found = {example.instruction for example in read("pubmedqa", "test", data=data)}
    assert found == set(pubmedqa.WORDINGS["decision"])
    again = {example.instruction for example in read("pubmedqa", "test", data=data, seed=1)}
    assert again == found
