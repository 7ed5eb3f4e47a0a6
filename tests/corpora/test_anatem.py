from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import entities

PUBLISHED = {"train": (5861, 6946), "validation": (2118, 2139), "test": (3830, 4616)}


@pytest.mark.parametrize("layout", entities.LAYOUTS)
@pytest.mark.parametrize("split", PUBLISHED)
def test_sentences_and_mentions_are_as_many_as_published(
    data: Path, split: str, layout: str
) -> None:
    examples = list(read("anatem", split, data=data, layout=layout))
    found = sum(len(entities.parse(layout, e.output, e.input.split(" "))) for e in examples)
    assert (len(examples), found) == PUBLISHED[split]


def test_blocks_of_ten_sentences_stand_for_documents(data: Path) -> None:
    found = [e.provenance.document for e in read("anatem", "validation", data=data)]
    assert found == [f"block {place // 10 + 1}" for place in range(len(found))]


def test_a_sentence_at_fault_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "anatem/AnatEM-IOB/test.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("the\tO\neye\tB-Anatomy\n\nno\tB-Organ\n\nend\tO\n", encoding="utf-8")
    rejected: list[DataError] = []
    found = [e.output for e in read("anatem", "test", data=tmp_path, rejected=rejected)]
    assert found == ["eye", "none"]
    assert [(fault.path, fault.line) for fault in rejected] == [(path, 4)]
    path.write_bytes("the\tO\n\n\u00e9ye\tB-Anatomy\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"test\.tsv:3: not UTF-8: byte 0xe9"):
        list(read("anatem", "test", data=tmp_path))
