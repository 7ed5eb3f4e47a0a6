from __future__ import annotations

import itertools
import json
import re
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.primock57 import WORDINGS
from tests.corpora import guide
from tests.corpora.packing import tar_gz
from tests.corpora.test_primock57_textgrid import grid

SPLITS = get_corpus("primock57").splits
MARK = re.compile(r"\[(?:unintelligible|inaudible)\]")


def raw(data: Path) -> dict[str, str]:
    """The members of the official archive, read by other means than ours."""
    with tarfile.open(data / "primock57" / "primock57_text.tar.gz") as archive:
        return {
            member.name: file.read().decode()
            for member in archive
            if member.name.endswith((".json", ".TextGrid"))
            and (file := archive.extractfile(member))
        }


def test_all_57_consultations_are_there_with_their_notes(data: Path) -> None:
    examples = [e for split in SPLITS for e in read("primock57", split, data=data)]
    notes = {
        f"day{record['day']}_consultation{record['consultation']:02}": record["note"]
        for name, content in raw(data).items()
        if name.endswith(".json") and (record := json.loads(content))
    }
    assert len(examples) == len(notes) == 57
    for example in examples:
        assert example.output.split() == notes[str(example.provenance.document)].split()
    assert len({example.instruction for example in examples}) == len(WORDINGS)
    assert Counter(example.provenance.split for example in examples) == guide.counts("primock57")


def test_every_word_said_is_in_the_conversation_and_no_tag_is(data: Path) -> None:
    said = "".join(
        " ".join(re.findall(r'text = "((?:[^"]|"")*)"', content))
        for name, content in raw(data).items()
        if name.endswith(".TextGrid")
    )
    expected = len(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", said)))
    found = 0
    for split in SPLITS:
        for example in read("primock57", split, data=data):
            assert not set("<>") & set(example.input)
            turns = example.input.splitlines()
            speakers = [turn.partition(": ")[0] for turn in turns]
            assert set(speakers) == {"Doctor", "Patient"}
            assert all(one != other for one, other in itertools.pairwise(speakers))
            words = " ".join(turn.partition(": ")[2] for turn in turns)
            found += len(re.findall(r"\w+", MARK.sub(" ", words)))
    # A tag inside of a word parts it here and not there; there are five such words.
    assert abs(found - expected) <= 10
    assert expected > 70_000


DOCTOR = grid(
    (0, 1, ""), (1, 2, "Hello <UNSURE>Ann</UNSURE>."), (2, 3, "<UNIN/>."), (5 - 2, 6, "Since when?")
)
PATIENT = grid((0, 2.5, ""), (2.5, 3, "I <INAUDIBLE_SPEECH/>, cough."), (3, 6, "<UNIN/>"))
NOTE = json.dumps({"day": 1, "consultation": 1, "note": "Cough. \nPlan: rest.\n\n"})
FILES: dict[str, str | bytes] = {
    "transcripts/day1_consultation01_doctor.TextGrid": DOCTOR,
    "transcripts/day1_consultation01_patient.TextGrid": PATIENT,
    "notes/day1_consultation01.json": NOTE,
    "transcripts/day1_consultation06_doctor.TextGrid": DOCTOR,
    "transcripts/day1_consultation06_patient.TextGrid": PATIENT,
    "notes/day1_consultation06.json": NOTE,
}


def mini(
    folder: Path, files: Mapping[str, str | bytes]
) -> tuple[list[Instruction], list[DataError]]:
    """Both consultations are in `train`."""
    tar_gz(folder / "primock57" / "primock57_text.tar.gz", files)
    rejected: list[DataError] = []
    return list(read("primock57", "train", data=folder, rejected=rejected)), rejected


def test_both_tracks_make_one_conversation_in_time(tmp_path: Path) -> None:
    [example, _], rejected = mini(tmp_path, FILES)
    assert example.input == (
        "Doctor: Hello Ann.\nPatient: I [inaudible], cough.\nDoctor: Since when?"
    )
    assert example.output == "Cough.\nPlan: rest."
    assert example.provenance.document == "day1_consultation01"
    assert rejected == []


def test_an_unpacked_repository_is_read_alike(tmp_path: Path) -> None:
    packed, _ = mini(tmp_path / "packed", FILES)
    for name, content in FILES.items():
        path = tmp_path / "primock57" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content), encoding="utf-8")
    assert list(read("primock57", "train", data=tmp_path)) == packed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("doctor.TextGrid", DOCTOR.replace("xmin = 2 ", "xmin = 1.5 "), ":23: expected interval 3"),
        ("doctor.TextGrid", DOCTOR.replace("<UNIN/>", "<LAUGH/>"), "unknown tag in '<LAUGH/>."),
        ("patient.TextGrid", PATIENT.encode("utf-16"), "not UTF-8: byte 0xff"),
        ("patient.TextGrid", PATIENT.replace("cough", "caf\xe9").encode("latin-1"), ":22: not UTF"),
        ("patient.TextGrid", NOTE, "expected the header of a TextGrid"),
        ("patient.TextGrid", None, "expected all of day1_consultation01_doctor.TextGrid, day1_"),
        (".json", None, "expected all of day1_consultation01_doctor.TextGrid, day1_consultation"),
        (".json", '{"note": ""}', "note: empty text"),
        (".json", '{"note": "\\ud800"}', "note: Input should be a valid string"),
        (".json", "[]", "expected records, found none"),
        (".json", '{"text": "Cough."}', "expected objects with note"),
        (".json", '{"note": 7}', "note: Input should be a valid string, found 7"),
        (".json", '{"note"', "not valid JSON"),
    ],
)
def test_a_consultation_at_fault_is_named_and_the_others_go_on(
    tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    [broken] = [
        found for found in FILES if found.endswith(f"01_{name}") or found.endswith(f"01{name}")
    ]
    files = {**FILES, broken: content}
    left = {name: found for name, found in files.items() if found is not None}
    [example], [fault] = mini(tmp_path, left)
    assert example.provenance.document == "day1_consultation06"
    assert re.search(message, str(fault))


def test_a_half_downloaded_archive_is_named(tmp_path: Path) -> None:
    path = tar_gz(tmp_path / "primock57" / "primock57_text.tar.gz", FILES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(Exception, match=r"primock57_text\.tar\.gz: not a (whole|complete)"):
        list(read("primock57", "train", data=tmp_path))
