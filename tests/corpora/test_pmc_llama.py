from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read

# Made by hand, in the layout of the release.
GOOD = {
    "output": "###Answer: OPTION B IS CORRECT.",
    "source": "medqa_train",
    "instruction": "You're a doctor.\nAnswer with the best option directly.",
    "input": "###Question: Which vitamin is lacking?\n###Options:\nA. Niacin\nB. Retinol\n",
    "sample_id": 0,
}


def mini(folder: Path, text: str) -> Path:
    (folder / "pmc_llama_instructions").mkdir()
    (folder / "pmc_llama_instructions/release.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("as_lines", [True, False])
def test_records_are_read_in_their_own_words(tmp_path: Path, as_lines: bool) -> None:
    records = [GOOD, GOOD | {"source": "umls", "sample_id": None, "output": ""}]
    text = "\n".join(map(json.dumps, records)) if as_lines else json.dumps(records)
    skipped: Counter[str] = Counter()
    [example] = read("pmc-llama-instructions", "train", data=mini(tmp_path, text), skipped=skipped)
    assert example.instruction == GOOD["instruction"]
    assert (example.input, example.output) == (GOOD["input"], GOOD["output"])
    assert example.provenance.document == "medqa_train-1"
    assert skipped == {"no instruction or no answer": 1}


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected objects with source, instruction, input, output"):
        list(read("pmc-llama-instructions", "train", data=mini(tmp_path, '[{"text": "x"}]')))
