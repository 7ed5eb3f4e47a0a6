from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.aci_bench import DIVISION, DIVISIONS, FILES, NOTE

DIALOGUE = "[doctor] hi ann , how are you ?\n[patient] i have a cough .\n[doctor] lungs are clear ."
NOTE_TEXT = "CHIEF COMPLAINT\n\nCough.\n\nPHYSICAL EXAMINATION\n\n• Lungs: Clear."
COLUMNS = ["dataset", "encounter_id", "dialogue", "note"]
TEXTS = {
    "subjective": "CHIEF COMPLAINT\n\nCough.\n\n",
    "objective_exam": "PHYSICAL EXAMINATION\n\n• Lungs: Clear.\n\n",
    "objective_results": "",
    "assessment_and_plan": "ASSESSMENT AND PLAN\n\nRest.\n\n",
}


def mini(
    folder: Path, split: str = "train", rows: list[list[str]] | None = None, **divisions: Any
) -> tuple[list[Instruction], list[DataError], Counter[str]]:
    """The official layout: a CSV file of whole notes, a JSON file for each division."""
    top = folder / "aci_bench" / "data"
    for name in ("challenge_data", "challenge_data_json"):
        (top / name).mkdir(parents=True, exist_ok=True)
    table = [COLUMNS, *(rows or [["virtassist", "D2N001", DIALOGUE, NOTE_TEXT]])]
    with (top / f"challenge_data/{FILES[split]}.csv").open("w", encoding="utf-8", newline="") as f:
        csv.writer(f).writerows(table)
    for division, text in TEXTS.items():
        record = {"src": DIALOGUE, "tgt": text, "file": f"D2N001-virtassist-{division}"}
        content = divisions.get(division, {"data": [record]})
        path = top / f"challenge_data_json/{FILES[split]}_{division}.json"
        path.write_text(json.dumps(content, indent=4), encoding="utf-8")
    rejected: list[DataError] = []
    skipped: Counter[str] = Counter()
    examples = list(read("aci-bench", split, data=folder, rejected=rejected, skipped=skipped))
    return examples, rejected, skipped


@pytest.mark.parametrize("split", get_corpus("aci-bench").splits)
def test_a_visit_gives_its_note_and_the_divisions_that_it_has(tmp_path: Path, split: str) -> None:
    examples, rejected, skipped = mini(tmp_path, split)
    assert [(example.task, example.output) for example in examples] == [
        ("dialogue-to-note", NOTE_TEXT),
        ("dialogue-to-subjective", "CHIEF COMPLAINT\n\nCough."),
        ("dialogue-to-objective-exam", "PHYSICAL EXAMINATION\n\n• Lungs: Clear."),
        ("dialogue-to-assessment-and-plan", "ASSESSMENT AND PLAN\n\nRest."),
    ]
    assert {example.input for example in examples} == {DIALOGUE}
    assert {example.provenance.document for example in examples} == {"D2N001"}
    assert skipped == {"division that the note does not have": 1}
    assert rejected == []


def test_the_instruction_names_the_division(tmp_path: Path) -> None:
    note, *divisions = mini(tmp_path)[0]
    assert note.instruction in NOTE
    for example, name in zip(divisions, ("subjective", "objective_exam"), strict=False):
        assert example.instruction in {
            wording.format(division=DIVISIONS[name]) for wording in DIVISION
        }


def test_a_row_at_fault_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    rows = [["aci", "D2N002", DIALOGUE, " "], ["aci", "D2N003", DIALOGUE, "Cough."]]
    records = [
        {"src": DIALOGUE, "tgt": "Clear.", "file": "D2N002-aci-subjective"},
        {"src": DIALOGUE, "tgt": "Clear."},
        {"src": DIALOGUE, "tgt": None, "file": "D2N002-aci-objective_exam"},
        {"src": DIALOGUE, "tgt": "Clear.", "file": "D2N003-aci-objective_exam"},
    ]
    examples, rejected, _ = mini(tmp_path, rows=rows, objective_exam={"data": records})
    assert [e.provenance.document for e in examples] == ["D2N003", "D2N001", "D2N003", "D2N001"]
    assert [(fault.path.name, fault.line) for fault in rejected] == [
        ("train.csv", 2),
        *[("train_objective_exam.json", None)] * 3,
    ]
    assert "data.1.file: missing field" in str(rejected[2])
    assert "data.0.file: expected the end -objective_exam, found 'D2N002" in str(rejected[1])


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"train_subjective\.json: data: expected a list"):
        mini(tmp_path, subjective={"rows": []})


def test_a_missing_division_is_named(tmp_path: Path) -> None:
    mini(tmp_path)
    (tmp_path / "aci_bench/data/challenge_data_json/train_assessment_and_plan.json").unlink()
    with pytest.raises(MissingError, match=r"train_assessment_and_plan\.json"):
        list(read("aci-bench", "train", data=tmp_path))
