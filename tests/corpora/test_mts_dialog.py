from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.mts_dialog import SECTIONS


@pytest.mark.parametrize(
    ("split", "count"), [("train", 1201), ("validation", 100), ("test", 200), ("test-2", 200)]
)
def test_every_conversation_of_the_published_splits_is_there(
    data: Path, caplog: pytest.LogCaptureFixture, split: str, count: int
) -> None:
    examples = list(read("mts-dialog", split, data=data))
    assert len(examples) == count
    assert [example.provenance.document for example in examples] == [
        str(number) for number in range(count)
    ]
    assert not any("\r" in example.input + example.output for example in examples)
    assert caplog.messages == []


def test_all_twenty_sections_are_asked_for(data: Path) -> None:
    asked = Counter(
        example.instruction
        for split in get_corpus("mts-dialog").splits
        for example in read("mts-dialog", split, data=data)
    )
    assert len(asked) == len(SECTIONS) == len(set(SECTIONS.values())) == 20
    most, count = asked.most_common(1)[0]
    assert '"family and social history" section' in most
    assert count == 465


HEADER = "ID,section_header,section_text,dialogue"


def mini(folder: Path, content: bytes) -> list[Instruction]:
    path = folder / "mts_dialog" / "MTS-Dialog-TrainingSet.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    return list(read("mts-dialog", "train", data=folder))


def test_a_conversation_keeps_its_lines(tmp_path: Path) -> None:
    row = '7,GENHX,"Cough, dry.","Doctor: ""Well?""\r\nPatient: A cough.\r\n"'
    [example] = mini(tmp_path, f"{HEADER}\r\n{row}\r\n".encode())
    assert example.instruction == (
        'Write the "history of present illness" section of the clinical note from this '
        "conversation at a medical visit."
    )
    assert example.input == 'Doctor: "Well?"\nPatient: A cough.'
    assert (example.output, example.provenance.document) == ("Cough, dry.", "7")


def test_a_row_without_text_is_skipped_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = f'{HEADER}\n0,CC,Cough.,"a\nb"\n1,CC,Cough.," "\n2,CC,,c\n'
    assert len(mini(tmp_path, content.encode())) == 1
    assert [message.partition(".csv")[2] for message in caplog.messages] == [
        ":4: skipped: empty dialogue",
        ":5: skipped: empty section_text",
    ]


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
