from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import chatdoctor, get_corpus, read
from bioinstruct.dataset.publish import forbids_redistribution
from bioinstruct.files import read_bytes

ALPACA = {
    "instruction": "If you are a doctor, answer.",
    "input": " My ear hurts. ",
    "output": "Rest.",
}
ICLINIQ = {
    "input": "My ear hurts.",
    "answer_icliniq": "Come and see me.",
    "answer_chatgpt": "As a language model",
    "answer_chatdoctor": "Hi",
}


def test_messages_are_as_many_as_published(data: Path) -> None:
    rows = json.loads(read_bytes(data / "nc/genmedgpt_5k/chatdoctor5k.json"))
    splits = ("train", "validation", "test")
    examples = [e for split in splits for e in read("genmedgpt", split, data=data)]
    examples.sort(key=lambda e: int(e.provenance.document or 0))
    assert len(examples) == 5_452
    assert Counter(e.provenance.split for e in examples)["test"] == 293
    assert [(e.input, e.output) for e in examples] == [
        (row["input"].strip(), row["output"].strip()) for row in rows
    ]


def test_the_database_gives_three_lists_for_each_disease(data: Path) -> None:
    skipped: Counter[str] = Counter()
    examples = list(read("chatdoctor-diseases", "train", data=data, skipped=skipped))
    assert Counter(example.task for example in examples) == {
        "disease-symptoms": 796,
        "disease-tests": 794,
        "disease-medications": 796,
    }
    assert skipped == {"an empty list": 2}
    assert len({example.provenance.document for example in examples}) == 796
    assert examples[0].input == "Panic disorder"
    assert examples[0].output.startswith("Anxiety and nervousness\nDepression\nShortness of breath")


def mini(folder: Path, name: str, file: str, content: object) -> Path:
    place = folder / str(get_corpus(name).folder)
    place.mkdir(parents=True)
    (place / file).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_messages_of_the_two_sites_are_read_in_their_layouts(tmp_path: Path) -> None:
    mini(tmp_path, "healthcaremagic", "HealthCareMagic-100k.json", [ALPACA])
    mini(tmp_path, "icliniq", "iCliniq.json", [ICLINIQ])
    [one] = read("healthcaremagic", "train", data=tmp_path)
    [other] = read("icliniq", "train", data=tmp_path)
    assert (one.input, one.output) == ("My ear hurts.", "Rest.")
    assert (other.input, other.output) == ("My ear hurts.", "Come and see me.")
    assert one.instruction == other.instruction in chatdoctor.WORDINGS["patient-message"]
    assert forbids_redistribution(one.provenance.license)


def test_the_seed_picks_among_the_wordings(tmp_path: Path) -> None:
    mini(tmp_path, "icliniq", "iCliniq.json", [ICLINIQ])
    found = {
        e.instruction
        for seed in range(40)
        for e in read("icliniq", "train", data=tmp_path, seed=seed)
    }
    assert found == set(chatdoctor.WORDINGS["patient-message"])
    every = list(chatdoctor.WORDINGS.values())
    assert all(len(set(wordings)) >= 5 for wordings in every)


@pytest.mark.parametrize("change", [{"output": ""}, {"input": None}, {"output": 7}])
def test_a_record_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    records = [ALPACA, ALPACA | change, ALPACA]
    mini(tmp_path, "healthcaremagic", "HealthCareMagic-100k.json", records)
    rejected: list[DataError] = []
    assert len(list(read("healthcaremagic", "train", data=tmp_path, rejected=rejected))) == 2
    assert f"record 2.{next(iter(change))}: " in str(rejected[0])


def test_the_file_of_another_site_is_refused(tmp_path: Path) -> None:
    mini(tmp_path, "icliniq", "iCliniq.json", [ALPACA])
    with pytest.raises(DataError, match="expected objects with input, answer_icliniq, found keys"):
        list(read("icliniq", "train", data=tmp_path))


def database(folder: Path, **columns: str) -> Path:
    path = folder / "nc/genmedgpt_5k/format_dataset.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        table.writerow(columns)
    return folder


LISTS = {
    "idx": "0",
    "disease": "Gout",
    "Symptom": "['Toe pain', 'Toe pain', ' Joint  swelling']",
    "reason": "",
    "TestsAndProcedures": "[]",
    "commonMedications": "['Allopurinol (Zyloprim)']",
}


def test_a_list_has_each_item_once_on_its_line(tmp_path: Path) -> None:
    symptoms, drugs = read("chatdoctor-diseases", "train", data=database(tmp_path, **LISTS))
    assert symptoms.output == "Toe pain\nJoint swelling"
    assert (drugs.output, drugs.task) == ("Allopurinol (Zyloprim)", "disease-medications")


@pytest.mark.parametrize("text", ["Toe pain", "[1]", "['a'", "{'a'}", "__import__('os')", ""])
def test_what_is_no_list_is_a_fault_of_the_row(tmp_path: Path, text: str) -> None:
    rejected: list[DataError] = []
    data = database(tmp_path, **LISTS | {"Symptom": text})
    [drugs] = read("chatdoctor-diseases", "train", data=data, rejected=rejected)
    assert drugs.task == "disease-medications"
    assert "format_dataset.csv:2: Symptom: expected a list of names" in str(rejected[0])


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    columns = {name: value for name, value in LISTS.items() if name != "commonMedications"}
    with pytest.raises(DataError, match=r"format_dataset\.csv:1: missing column commonMedications"):
        list(read("chatdoctor-diseases", "train", data=database(tmp_path, **columns)))
