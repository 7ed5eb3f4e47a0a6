from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read, wikidoc
from bioinstruct.files import read_bytes


def test_questions_are_as_many_as_published_repetitions_and_all(data: Path) -> None:
    path = data / "medical_meadow_wikidoc_patient/medical_meadow_small.json"
    examples = list(read("wikidoc-patient", "train", data=data))
    assert [(example.input, example.output) for example in examples] == [
        (row["input"], row["output"]) for row in json.loads(read_bytes(path))
    ]
    assert len(examples) == 5_942
    assert len(examples) - len({example.id for example in examples}) == 92
    assert len(examples) - len({example.input for example in examples}) == 155
    assert {example.instruction for example in examples} == set(wikidoc.WORDINGS)


def test_a_question_without_an_answer_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "medical_meadow_wikidoc_patient").mkdir()
    path = tmp_path / "medical_meadow_wikidoc_patient/medical_meadow_small.json"
    good = {"instruction": "Answer", "input": "What is gout?", "output": "A disease."}
    path.write_text(json.dumps([good, good | {"output": " "}, good]), encoding="utf-8")
    rejected: list[DataError] = []
    assert len(list(read("wikidoc-patient", "train", data=tmp_path, rejected=rejected))) == 2
    with pytest.raises(DataError, match=r"record 2\.output: empty text"):
        raise rejected[0]
