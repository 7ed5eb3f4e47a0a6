from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import bioasq, read
from bioinstruct.dataset.publish import forbids_redistribution


def question(number: int, kind: str, exact: object = None, **fields: Any) -> dict[str, Any]:
    """Made by hand, in the layout of the official files."""
    made = {
        "body": f"Question {number}?",
        "documents": ["http://www.ncbi.nlm.nih.gov/pubmed/1"],
        "ideal_answer": [f"Paragraph {number}.", "Another."],
        "concepts": [],
        "type": kind,
        "id": f"55{number}",
        "snippets": [
            {
                "offsetInBeginSection": 0,
                "offsetInEndSection": 9,
                "text": f"Snippet {number}\nof it.",
                "beginSection": "abstract",
                "endSection": "abstract",
                "document": "http://www.ncbi.nlm.nih.gov/pubmed/1",
            }
        ],
    }
    if exact is not None:
        made["exact_answer"] = exact
    return made | fields


YES = question(1, "yesno", "Yes.")
FACTOID = question(2, "factoid", [["RET", "RET  proto-oncogene", "RET"]])
LIST = question(3, "list", [["EGF", "epidermal growth factor"], ["TGF-alpha"]])
SUMMARY = question(4, "summary")
ALL = (YES, FACTOID, LIST, SUMMARY)


def mini(
    folder: Path, *questions: object, name: str = "BioASQ-training13b/training13b.json"
) -> Path:
    path = folder / "bioasq" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"questions": questions}), encoding="utf-8")
    return folder


def answers(folder: Path, layout: str, *questions: object) -> dict[str, str]:
    examples = read("bioasq", "train", data=mini(folder, *questions), layout=layout)
    return {example.task: example.output for example in examples}


def test_each_kind_of_question_has_its_form_of_answer(tmp_path: Path) -> None:
    assert answers(tmp_path, "exact", *ALL) == {
        "yes-no-question": "yes",
        "factoid-question": "RET",
        "list-question": "EGF\nTGF-alpha",
        "summary-question": "Paragraph 4.",
    }


def test_synonyms_stand_beside_each_other_and_are_read_back(tmp_path: Path) -> None:
    found = answers(tmp_path, "synonyms", *ALL)
    assert found["factoid-question"] == "RET | RET proto-oncogene"
    assert found["list-question"] == "EGF | epidermal growth factor\nTGF-alpha"
    assert bioasq.parse_items(found["list-question"]) == [
        ["EGF", "epidermal growth factor"],
        ["TGF-alpha"],
    ]
    [example] = read("bioasq", "train", data=mini(tmp_path, LIST), layout="synonyms")
    assert example.instruction.endswith("parted by |.")


def test_the_ideal_answer_is_the_paragraph_of_any_question(tmp_path: Path) -> None:
    examples = list(read("bioasq", "train", data=mini(tmp_path, *ALL), layout="ideal"))
    assert [example.output for example in examples] == [f"Paragraph {n}." for n in range(1, 5)]
    assert {example.task for example in examples} == {"summary-question"}
    assert examples[0].input == "Snippet 1 of it.\n\nQuestion: Question 1?"


@pytest.mark.parametrize(
    ("kind", "exact", "answer"),
    [
        ("yesno", ["no"], "no"),
        ("yesno", "NO", "no"),
        ("factoid", "RET", "RET"),
        ("factoid", ["RET", "RET gene"], "RET"),
        ("list", ["EGF", "TGF"], "EGF\nTGF"),
        ("list", [["EGF"], [""], "TGF"], "EGF\nTGF"),
    ],
)
def test_the_forms_of_other_years_are_read(
    tmp_path: Path, kind: str, exact: object, answer: str
) -> None:
    assert list(answers(tmp_path, "exact", question(1, kind, exact)).values()) == [answer]


def test_what_is_tested_is_not_learnt_from(tmp_path: Path) -> None:
    mini(tmp_path, YES, SUMMARY, name="Task13BGoldenEnriched/13B1_golden.json")
    mini(tmp_path, LIST, name="Task13BGoldenEnriched/13B2_golden.json")
    data = mini(tmp_path, *ALL)
    skipped: Counter[str] = Counter()
    [train] = read("bioasq", "train", data=data, skipped=skipped)
    test = list(read("bioasq", "test", data=data))
    assert train.provenance.document == FACTOID["id"]
    assert skipped == {"a question of the test batches": 3}
    assert [example.provenance.document for example in test] == ["551", "554", "553"]
    assert forbids_redistribution(train.provenance.license)


def test_the_newest_training_file_is_read_in_whichever_form(tmp_path: Path) -> None:
    data = mini(tmp_path, YES, name="BioASQ-trainingDataset5b.json")
    assert documents(data) == ["551"]
    mini(tmp_path, YES, FACTOID, name="BioASQ-training9b/training9b.json")
    assert documents(data) == ["551", "552"]
    with zipfile.ZipFile(tmp_path / "bioasq/BioASQ-training13b.zip", "w") as archive:
        archive.writestr("BioASQ-training13b/training13b.json", json.dumps({"questions": [LIST]}))
        archive.writestr("BioASQ-training13b/readme.txt", "Read me.")
    assert documents(data) == ["553"]


def documents(data: Path) -> list[str | None]:
    return [example.provenance.document for example in read("bioasq", "train", data=data)]


def test_wordings_are_several(tmp_path: Path) -> None:
    data = mini(tmp_path, YES)
    found = {e.instruction for s in range(40) for e in read("bioasq", "train", data=data, seed=s)}
    assert found == set(bioasq.WORDINGS["yesno"])
    assert all(len(set(wordings)) >= 5 for wordings in bioasq.WORDINGS.values())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (question(9, "yesno", "maybe"), "559: exact_answer: expected yes or no, found 'maybe'"),
        (question(9, "yesno"), "559: exact_answer: expected yes or no, found None"),
        (question(9, "yesno", ["yes", "no"]), "expected yes or no"),
        (question(9, "riddle"), r"question 2\.type: Input should be 'yesno', 'factoid'"),
        (question(9, "list", [["a | b"]]), r"a name with ' \| ' in it"),
        (question(9, "yesno", "yes", body=""), r"question 2\.body: empty text"),
        (
            question(9, "yesno", "yes", snippets=[{}]),
            r"question 2\.snippets\.0\.text: missing field",
        ),
    ],
)
def test_a_question_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, bad: dict[str, Any], message: str
) -> None:
    rejected: list[DataError] = []
    data = mini(tmp_path, YES, bad, YES)
    kept: list[Instruction] = list(read("bioasq", "train", data=data, rejected=rejected))
    assert len(kept) == 2
    with pytest.raises(DataError, match=message):
        raise rejected[0]


def test_a_question_without_an_answer_is_skipped(tmp_path: Path) -> None:
    skipped: Counter[str] = Counter()
    data = mini(tmp_path, question(1, "list"), question(2, "summary", ideal_answer=[]))
    assert list(read("bioasq", "train", data=data, skipped=skipped)) == []
    assert skipped == {"no answer of this form is published": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", 'expected an object with a list "questions"'),
        ('{"articles": []}', 'expected an object with a list "questions"'),
        ('{"questions": [1]}', 'expected an object with a list "questions"'),
        ('{"questions": [', r"training13b\.json:1: not valid JSON"),
        ("\xef\xbb", "not UTF-8"),
    ],
)
def test_another_file_at_the_right_path_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = mini(tmp_path) / "bioasq/BioASQ-training13b/training13b.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        list(read("bioasq", "train", data=tmp_path))


def test_missing_files_are_named_with_where_to_register(tmp_path: Path) -> None:
    for split in ("train", "test"):
        with pytest.raises(MissingError, match=r"no file .*bioasq/") as caught:
            list(read("bioasq", split, data=tmp_path))
        assert "participants-area.bioasq.org" in caught.value.hint
