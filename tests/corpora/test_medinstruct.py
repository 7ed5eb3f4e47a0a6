from __future__ import annotations

import json
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read

GOOD = {"instruction": "What is gout?", "input": "<noinput>", "output": "A disease."}


def test_the_test_set_is_as_large_as_published(data: Path) -> None:
    examples = list(read("medinstruct", "test", data=data))
    assert len(examples) == 216
    assert len({example.provenance.document for example in examples}) == 216
    assert examples[0].instruction.startswith("My sister has just returned from a trip")
    assert examples[0].output.startswith("While I strongly recommend your sister sees a health")


def test_the_training_file_marks_an_empty_input(tmp_path: Path) -> None:
    path = tmp_path / "nc/medinstruct/MedInstruct-52k.json"
    path.parent.mkdir(parents=True)
    records = [GOOD, GOOD | {"input": "A toe hurts."}, GOOD | {"input": ""}]
    path.write_text(json.dumps(records), encoding="utf-8")
    assert [e.input for e in read("medinstruct", "train", data=tmp_path)] == [
        "",
        "A toe hurts.",
        "",
    ]


def test_the_seeds_have_no_answers_and_are_no_training_file(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "nc/medinstruct/MedInstruct-52k.json"
    path.parent.mkdir(parents=True)
    path.write_bytes((data / "nc/medinstruct/med_seed.json").read_bytes())
    with pytest.raises(DataError, match="expected objects with instruction, output, found keys"):
        list(read("medinstruct", "train", data=tmp_path))
