from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import Category, DataError, MissingError, corpora
from bioinstruct.corpora import demo, read

SHIPPED = Path(corpora.__file__).parents[1] / "data" / "demo"


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="the demonstration set is not written yet")
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_demonstration_set_needs_no_data_directory(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    examples = list(read("demo", split))
    assert {example.category for example in examples} >= {Category.QA, Category.IE, Category.GEN}
    assert {example.provenance.license for example in examples} == {demo.CORPUS.license}


def test_a_damaged_installation_is_explained(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*train\.jsonl"):
        list(demo.read(tmp_path, "train", ""))
    (tmp_path / "test.jsonl").write_text('\n{"input": 1}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.jsonl:2: expected an instruction"):
        list(demo.read(tmp_path, "test", ""))
