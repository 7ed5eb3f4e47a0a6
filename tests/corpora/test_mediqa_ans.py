from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import read
from bioinstruct.corpora.mediqa_ans import KINDS

QUESTION = "i cough since monday, what helps?"
FIRST, SECOND = "Honey (Treatment): Honey helps. It is sweet.", "Cough: It goes away. Rest helps."
FILES: dict[str, dict[str, Any]] = {
    "single_abstractive": {
        "1_Answer4": {
            "summary": "Try honey.",
            "articles": FIRST,
            "question": QUESTION,
            "question_id": "1",
            "rating": "3-Incomplete",
        },
        "5_Answer1": {"summary": "Rest.", "articles": SECOND, "question": "what else?"},
    },
    "single_extractive": {
        "1_Answer4": {"summary": "Honey helps.", "articles": FIRST, "question": QUESTION}
    },
    "multi_abstractive": {
        "1": {
            "summary": "Honey and rest help.",
            "articles": {
                "1_Answer4": [FIRST, "3-Incomplete"],
                "1_Answer8": [SECOND, "4-Excellent"],
            },
            "question": QUESTION,
        }
    },
    "multi_extractive": {
        "1": {
            "summary": "Honey helps. Rest helps.",
            "articles": {"1_Answer4": [FIRST, "3-Incomplete"]},
            "question": QUESTION,
        }
    },
}


def mini(
    folder: Path, split: str, files: dict[str, Any]
) -> tuple[list[Instruction], list[DataError]]:
    """Question 1 is in `train`, question 5 in `test`."""
    (folder / "mediqa_ans").mkdir(exist_ok=True)
    for kind, content in files.items():
        path = folder / "mediqa_ans" / f"section2answer_{kind}_summ.json"
        path.write_text(json.dumps(content, indent=4), encoding="utf-8")
    rejected: list[DataError] = []
    return list(read("mediqa-ans", split, data=folder, rejected=rejected)), rejected


def test_every_kind_of_summary_is_its_own_task(tmp_path: Path) -> None:
    examples, rejected = mini(tmp_path, "train", FILES)
    assert [(example.task, example.output) for example in examples] == [
        ("answer-summary", "Try honey."),
        ("answer-extract", "Honey helps."),
        ("answers-summary", "Honey and rest help."),
        ("answers-extract", "Honey helps. Rest helps."),
    ]
    assert examples[0].input == f"Question: {QUESTION}\n\nPassage: {FIRST}"
    assert examples[2].input == (
        f"Question: {QUESTION}\n\nPassage 1: {FIRST}\n\nPassage 2: {SECOND}"
    )
    assert "passages" in examples[2].instruction
    for example, (_, text, wordings) in zip(examples, KINDS.values(), strict=True):
        assert example.instruction in {wording.format(text=text) for wording in wordings}
    assert rejected == []


def test_a_question_is_in_one_split_in_every_file(tmp_path: Path) -> None:
    [example], _ = mini(tmp_path, "test", FILES)
    assert (example.provenance.document, example.output) == ("5", "Rest.")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"articles": FIRST, "question": QUESTION}, "summary: missing field"),
        ({"summary": "S", "articles": 7, "question": QUESTION}, "articles.*: Input should be a"),
        ({"summary": "S", "articles": {"a": []}, "question": QUESTION}, "articles"),
        ({"summary": "S", "articles": {}, "question": QUESTION}, "articles"),
        ({"summary": " ", "articles": FIRST, "question": QUESTION}, "summary: empty text"),
        ({"summary": "\ud800", "articles": FIRST, "question": QUESTION}, "summary: Input should"),
        ("text", "not an object"),
    ],
)
def test_a_record_at_fault_is_named_and_the_others_go_on(
    tmp_path: Path, record: Any, message: str
) -> None:
    broken = {"1_Answer9": record, **FILES["single_abstractive"]}
    examples, [fault] = mini(tmp_path, "train", {**FILES, "single_abstractive": broken})
    assert len(examples) == 4
    assert re.search(rf"single_abstractive_summ\.json: 1_Answer9\b.*{message}", str(fault))


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a JSON object, found list"):
        mini(tmp_path, "train", {**FILES, "multi_extractive": []})
