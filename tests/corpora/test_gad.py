from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.gad import LABELS, WORDINGS

HEADER = "index\tsentence\tlabel\n"
GOOD = "0\t@GENE$ causes @DISEASE$.\t1\n1\t@DISEASE$ without @GENE$.\t0\n"


def mini(folder: Path, text: str, rejected: list[DataError] | None = None) -> list[tuple[str, str]]:
    path = folder / "gad" / "tsv" / "test.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [(e.input, e.output) for e in read("gad", "test", data=folder, rejected=rejected)]


def test_one_is_positive_and_they_are_as_many_as_published(data: Path) -> None:
    train, test = (list(read("gad", split, data=data)) for split in ("train", "test"))
    assert (len(train), len(test)) == (4796, 534)
    assert Counter(e.output for e in train + test)["Positive"] == 2801
    assert Counter(e.output for e in test)["Positive"] == 281
    assert {e.output for e in train + test} == set(LABELS)


def test_both_copies_hold_the_same(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "gad" / "arrow", tmp_path / "gad" / "arrow")
    for split in ("train", "test"):
        assert list(read("gad", split, data=tmp_path)) == list(read("gad", split, data=data))


def test_copies_of_a_sentence_never_differ_in_their_label(data: Path) -> None:
    labels: dict[str, set[str]] = {}
    splits: dict[str, set[str]] = {}
    for split, copies in (("train", 177), ("test", 26)):
        examples = list(read("gad", split, data=data))
        assert len(examples) - len({e.input for e in examples}) == copies
        for example in examples:
            labels.setdefault(example.input, set()).add(example.output)
            splits.setdefault(example.input, set()).add(split)
    assert {len(found) for found in labels.values()} == {1}
    assert sum(len(found) == 2 for found in splits.values()) == 5


def test_all_wordings_are_used(data: Path) -> None:
    used = Counter(e.instruction for e in read("gad", "train", data=data))
    assert len(used) == len(set(WORDINGS)) == 5
    assert min(used.values()) > 0.9 * 4796 / 5
    assert used != Counter(e.instruction for e in read("gad", "train", data=data, seed=1))


def test_a_small_file_is_read(tmp_path: Path) -> None:
    assert mini(tmp_path, HEADER + GOOD) == [
        ("@GENE$ causes @DISEASE$.", "Positive"),
        ("@DISEASE$ without @GENE$.", "Negative"),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2\t@GENE$ and @DISEASE$\tTRUE", r"test\.tsv:4: label: unknown 'TRUE'; known: 0, 1"),
        ("2\tBRCA1 and @DISEASE$\t1", r"test\.tsv:4: sentence: expected @GENE\$ once"),
        ("2\t@GENE$ or @GENE$ and @DISEASE$\t1", "expected @GENE. once"),
        ("2\t@GENE$ and @DISEASE$", r"test\.tsv:4: expected 3 fields, found 2"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, row: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        mini(tmp_path, f"{HEADER}{GOOD}{row}\n{GOOD}")
    rejected: list[DataError] = []
    assert len(mini(tmp_path, f"{HEADER}{GOOD}{row}\n{GOOD}", rejected)) == 4
    assert len(rejected) == 1


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test\.tsv:1: expected a header index, sentence, label"):
        mini(tmp_path, "sentence\tlabel\nx\t1\n")
    (tmp_path / "gad" / "tsv" / "test.tsv").unlink()
    path = tmp_path / "gad" / "arrow" / "test" / "data-00000-of-00001.arrow"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not arrow")
    with pytest.raises(DataError, match=r"\.arrow: not a complete Arrow stream file"):
        list(read("gad", "test", data=tmp_path))
