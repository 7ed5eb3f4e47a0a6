from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.dataset.publish import forbids_redistribution


def row(output: str, input: str | None = "in", instruction: str = "Do it.") -> dict[str, Any]:
    return {"instruction": instruction, "input": input, "output": output}


def bioinstruct(
    folder: Path, content: str, rejected: list[DataError] | None = None, **counts: Counter[str]
) -> list[Instruction]:
    path = folder / "bioinstruct_25k" / "biomed_instruct_25k.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return list(read("bioinstruct-25k", "train", data=folder, rejected=rejected, **counts))


def medtuned(
    folder: Path, rows: list[dict[str, Any]], rejected: list[DataError] | None = None
) -> list[Instruction]:
    path = (
        folder / "medtuned_instructions" / "data" / "train-00000-of-00001-45c83a9a6160af42.parquet"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return list(read("medtuned-instructions", "train", data=folder, rejected=rejected))


@pytest.mark.parametrize("lines", [False, True])
def test_bioinstruct_is_taken_as_it_is_but_without_categories(tmp_path: Path, lines: bool) -> None:
    rows = [row("out"), row("", "in"), row("o", "<noinput>"), row("p", None)]
    content = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    skipped: Counter[str] = Counter()
    found = bioinstruct(tmp_path, content, skipped=skipped)
    assert [(e.instruction, e.input, e.output) for e in found] == [
        ("Do it.", "in", "out"),
        ("Do it.", "", "o"),
        ("Do it.", "", "p"),
    ]
    assert {e.category for e in found} == {"OTHER"}
    assert [e.provenance.document for e in found] == ["1", "3", "4"]
    assert skipped == {"no output": 1}
    assert found[0].provenance.license == "MIT"


def test_a_row_of_bioinstruct_at_fault_is_named(tmp_path: Path) -> None:
    rows = [row("o"), row("o", instruction=" "), {"instruction": 5, "input": "", "output": "o"}]
    rejected: list[DataError] = []
    assert len(bioinstruct(tmp_path, json.dumps(rows), rejected)) == 1
    assert "record 2.instruction: expected a text" in str(rejected[0])
    assert "record 3.instruction: Input should be a valid string, found 5" in str(rejected[1])
    with pytest.raises(DataError, match="expected objects with instruction, input, output"):
        bioinstruct(tmp_path, '[{"prompt": "a"}]')
    with pytest.raises(DataError, match="not valid JSON"):
        bioinstruct(tmp_path, json.dumps(rows)[:60])


@pytest.mark.parametrize(
    ("output", "input", "category", "task"),
    [
        ("Ataxia : B\n: : O\nT : I", "Ataxia : T", "IE", "ner"),
        ("He : O\nfell : B-OCCURRENCE", "He fell", "IE", "ner"),
        ("TrNAP", "No @treatment$ for @problem$", "IE", "relation-problem-test-treatment"),
        ("No Relations", "@test$ @test$", "IE", "relation-problem-test-treatment"),
        ("Neutral", "Sentence 1: a\nSentence 2: b", "OTHER", "clinical-inference"),
        ("None", "A sentence .", "OTHER", "hallmarks-of-cancer"),
        (
            "Activating invasion & metastasis (IM), Avoiding immune destruction (ID)",
            "A sentence .",
            "OTHER",
            "hallmarks-of-cancer",
        ),
        ("You should see a doctor.", "I cough.", "QA", "medical-question"),
    ],
)
def test_the_kind_of_a_medtuned_row_is_made_out_from_its_answer(
    tmp_path: Path, output: str, input: str, category: str, task: str
) -> None:
    [example] = medtuned(tmp_path, [row(output, input)])
    assert (example.category, example.task) == (category, task)
    assert (example.input, example.output) == (input, output)


def test_gad_with_its_labels_exchanged_is_left_out(tmp_path: Path) -> None:
    rows = [row("Negative", "@GENE$ causes @DISEASE$."), row("Ataxia : B", "Ataxia")]
    [example] = medtuned(tmp_path, rows)
    assert example.provenance.document == "2"


def test_a_medtuned_row_at_fault_is_named_and_another_file_refused(tmp_path: Path) -> None:
    rejected: list[DataError] = []
    assert len(medtuned(tmp_path, [row("a"), row("b", instruction=""), row("c")], rejected)) == 2
    assert "record 2.instruction: expected a text" in str(rejected[0])
    with pytest.raises(DataError, match="expected columns instruction, input, output"):
        medtuned(tmp_path, [{"text": "a"}])
    path = tmp_path / "medtuned_instructions/data/train-00000-of-00001-45c83a9a6160af42.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a complete Parquet file"):
        list(read("medtuned-instructions", "train", data=tmp_path))


def test_the_set_with_credentialed_sources_is_not_published_again() -> None:
    assert forbids_redistribution(get_corpus("medtuned-instructions").license)
    assert not forbids_redistribution(get_corpus("bioinstruct-25k").license)
