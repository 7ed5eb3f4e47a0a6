from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import Category, DataError, MissingError
from bioinstruct.corpora import demo, read
from bioinstruct.corpora.answers.entities import parse
from tests.corpora.faults import raise_first


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_demonstration_set_needs_no_data_directory(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    examples = list(read("demo", split))
    assert {example.category for example in examples} >= {Category.QA, Category.IE, Category.GEN}
    assert {example.provenance.license for example in examples} == {demo.CORPUS.license}


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_mention_of_the_demonstration_set_is_whole_words_of_its_input(split: str) -> None:
    for example in read("demo", split):
        if example.category is Category.IE:
            gold = parse("mentions", example.output, example.input.split(" "))
            assert all(entity.start >= 0 for entity in gold), example


def test_a_damaged_installation_is_explained(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*train\.jsonl"):
        list(demo.read(tmp_path, "train", layout="", seed=0))
    (tmp_path / "test.jsonl").write_text('\n{"input": 1}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.jsonl:2: expected an instruction"):
        raise_first(demo.read(tmp_path, "test", layout="", seed=0))
