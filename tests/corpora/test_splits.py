from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.corpora.hash_split import split_of

SHARES = {"train": 90, "validation": 5, "test": 5}


@given(st.text())
def test_every_document_has_one_split_and_keeps_it(document: str) -> None:
    assert split_of(document, SHARES) == split_of(document, dict(SHARES)) in SHARES


def test_the_shares_are_about_kept() -> None:
    splits = [split_of(f"PMC{number}", SHARES) for number in range(10_000)]
    assert 8_900 < splits.count("train") < 9_100
    assert 420 < splits.count("test") < 580


def test_the_split_of_a_document_will_not_change() -> None:
    documents = ("m00162", "m00005", "m00026", "PMC5048405", "PMC31", "A00", "")
    expected = ["train", "validation", "test", "train", "test", "test", "train"]
    assert [split_of(document, SHARES) for document in documents] == expected


def test_shares_must_add_up() -> None:
    with pytest.raises(ValueError, match="add up to 0"):
        split_of("m00162", {"train": 0})
