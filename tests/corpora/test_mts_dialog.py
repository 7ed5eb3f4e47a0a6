from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.mts_dialog import SECTIONS, WORDINGS, Judged, judged
from bioinstruct.text import normalize


@pytest.mark.parametrize(
    ("split", "count"), [("train", 1201), ("validation", 100), ("test", 200), ("test-2", 200)]
)
def test_every_conversation_of_the_published_splits_is_there(
    data: Path, split: str, count: int
) -> None:
    skipped: Counter[str] = Counter()
    examples = list(read("mts-dialog", split, data=data, skipped=skipped))
    assert len(examples) == count
    assert [example.provenance.document for example in examples] == [
        str(number) for number in range(count)
    ]
    assert not any("\r" in example.input + example.output for example in examples)
    assert not skipped


def test_all_twenty_sections_are_asked_for_in_five_wordings(data: Path) -> None:
    asked = Counter(
        example.instruction
        for split in get_corpus("mts-dialog").splits
        for example in read("mts-dialog", split, data=data)
    )
    assert len(SECTIONS) == len(set(SECTIONS.values())) == 20
    of_section = {
        section: sum(asked[wording.format(section=section)] for wording in WORDINGS)
        for section in SECTIONS.values()
    }
    assert sum(of_section.values()) == asked.total() == 1701
    assert min(of_section.values()) > 0
    assert max(of_section.items(), key=lambda item: item[1]) == ("family and social history", 465)
    most_asked = [wording.format(section="family and social history") for wording in WORDINGS]
    assert min(asked[wording] for wording in most_asked) > 60


def test_the_study_of_metrics_is_of_the_validation_conversations(data: Path) -> None:
    """400 summaries, four of each conversation; whoever copies the reference is right."""
    rows = list(judged(data / "mts_dialog"))
    assert len(rows) == 400
    validation = list(read("mts-dialog", "validation", data=data))
    for number, row in enumerate(rows):
        example = validation[number % 100]
        assert row.document == str(number % 100) == example.provenance.document
        assert normalize(row.reference) == normalize(example.output)
        if row.reference == row.summary:
            assert (row.factual_f1, row.hallucination_rate) == (1, 0)
        if row.factual_precision + row.factual_recall:
            both = row.factual_precision * row.factual_recall
            f1 = 2 * both / (row.factual_precision + row.factual_recall)
            assert row.factual_f1 == pytest.approx(f1, abs=0.01)


HEADER = "ID,section_header,section_text,dialogue"


def mini(folder: Path, content: bytes) -> list[Instruction]:
    path = folder / "mts_dialog" / "MTS-Dialog-TrainingSet.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    return list(read("mts-dialog", "train", data=folder))


def test_a_conversation_keeps_its_lines(tmp_path: Path) -> None:
    row = '7,GENHX,"Cough, dry.","Doctor: ""Well?""\r\nPatient: A cough.\r\n"'
    [example] = mini(tmp_path, f"{HEADER}\r\n{row}\r\n".encode())
    section = "history of present illness"
    assert example.instruction in {wording.format(section=section) for wording in WORDINGS}
    assert example.input == 'Doctor: "Well?"\nPatient: A cough.'
    assert (example.output, example.provenance.document) == ("Cough, dry.", "7")


def test_a_row_without_text_is_skipped_with_its_reason(tmp_path: Path) -> None:
    content = f'{HEADER}\n0,CC,Cough.,"a\nb"\n1,CC,Cough.," "\n2,CC,,c\n'
    mini(tmp_path, content.encode())
    skipped: Counter[str] = Counter()
    assert len(list(read("mts-dialog", "train", data=tmp_path, skipped=skipped))) == 1
    assert skipped == {"empty dialogue": 1, "empty section_text": 1}


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (f"{HEADER}\n0,CC,a,b\n1,HPI,a,b\n".encode(), 3, "section_header: unknown section 'HPI'"),
        (b"ID,section_header,dialogue\n0,CC,a\n", 1, "missing column section_text; found ID, sec"),
        (b'{"a": 1}\n', 1, "missing column ID, section_header, section_text, dialogue"),
        (f"{HEADER}\n0,CC,caf\xe9,b\n".encode("latin-1"), 2, "not UTF-8: byte 0xe9"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        mini(tmp_path, content)
    assert caught.value.path.name == "MTS-Dialog-TrainingSet.csv"
    assert caught.value.line == line


STUDY = "MTS-Dialog-Automatic-Summaries-ValidationSet.csv"
SCORES = "MTS-Dialog-Manual-Scores4CorrelationStudy.csv"
SUMMARIES = "ID,Dialogue,Reference Summary,Automatic Summary\n0,d,r,s\n"
COLUMNS = (
    "FactualPrecision,FactualRecall,FactualF1,HallucinationRate,OmissionRate,"
    "Edit Distance (Correction)\n"
)


def study(folder: Path, scores: str) -> list[Judged]:
    (folder / "correlation_study").mkdir()
    (folder / "correlation_study" / STUDY).write_text(SUMMARIES, encoding="utf-8-sig")
    (folder / "correlation_study" / SCORES).write_text(COLUMNS + scores, encoding="utf-8-sig")
    return list(judged(folder))


def test_summary_and_scores_are_laid_side_by_side(tmp_path: Path) -> None:
    [row] = study(tmp_path, "1,0.5,0.67,0,0.5,0.25\n")
    assert row == Judged("0", "d", "r", "s", 1, 0.5, 0.67, 0, 0.5, 0.25)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ("", "expected 1 rows of scores"),
        ("1,1,1,1,1,1\n" * 2, "expected 1 rows of scores, as MTS-Dialog-Auto.* has, found 2"),
        ("1,high,1,1,1,1\n", "2: expected numbers .*'high'"),
    ],
)
def test_scores_of_another_study_are_refused(tmp_path: Path, scores: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        study(tmp_path, scores)


def test_a_missing_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=STUDY):
        list(judged(tmp_path))
