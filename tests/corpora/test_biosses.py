from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read


def test_the_hundred_pairs_are_split_once(data: Path) -> None:
    splits = {
        split: list(read("biosses", split, data=data)) for split in ("train", "validation", "test")
    }
    assert [len(examples) for examples in splits.values()] == [70, 16, 14]
    rows = [e.provenance.document for examples in splits.values() for e in examples]
    assert sorted(int(str(row)) for row in rows) == list(range(100))


def test_the_scores_of_the_test_are_those_of_its_answer_file(data: Path) -> None:
    with (data / "biosses" / "test_results.tsv").open(encoding="utf-8", newline="") as file:
        answers = [row["score"] for row in csv.DictReader(file, delimiter="\t")]
    assert [e.output for e in read("biosses", "test", data=data)] == answers


HEADER = "\told_index\tsentence1\tsentence2\tscore\n"


def mini(folder: Path, text: str, rejected: list[DataError] | None = None) -> list[tuple[str, str]]:
    path = folder / "biosses" / "dev.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    found = read("biosses", "validation", data=folder, rejected=rejected)
    return [(example.input, example.output) for example in found]


def test_a_tab_inside_a_quoted_sentence_is_white_space(tmp_path: Path) -> None:
    assert mini(tmp_path, HEADER + '0\t7\tA b.\t"GATA2  \tloss."\t1.4\n') == [
        ("Sentence 1: A b.\nSentence 2: GATA2 loss.", "1.4")
    ]


@pytest.mark.parametrize("score", ["4.2", "-1.0", "1,4", "3", "", "nan"])
def test_a_score_outside_of_the_scale_is_named_and_the_others_are_read(
    tmp_path: Path, score: str
) -> None:
    rejected: list[DataError] = []
    text = f"{HEADER}0\t1\tA.\tB.\t{score}\n1\t2\tC.\tD.\t0.0\n"
    assert len(mini(tmp_path, text, rejected)) == 1
    assert f"dev.tsv:2: score: expected 0.0 to 4.0 with one decimal, found '{score}'" in str(
        rejected[0]
    )


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dev\.tsv:1: missing column old_index, sentence1"):
        mini(tmp_path, "index,sentence\n1,a\n")
