from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, Instruction, UnknownNameError, jsonl
from bioinstruct.dataset.hub import in_memory
from bioinstruct.dataset.load import load_dataset, read_examples
from bioinstruct.dataset.publish import publish
from bioinstruct.errors import MissingError
from bioinstruct.parquet import features
from bioinstruct.rejection import Rejection
from bioinstruct.seeds import load_seeds
from tests.records import record, records


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _lines(*examples: Instruction) -> str:
    return "".join(json.dumps(example.row()) + "\n" for example in examples)


def test_the_seeds_load_from_anywhere_with_the_explicit_features() -> None:
    data = load_dataset("bioinstruct", "seeds")
    assert list(data) == ["train"]
    assert data["train"].features == features()
    assert list(data["train"]["id"]) == [seed.id for seed in load_seeds()]


@pytest.mark.parametrize("config", [None, "demo"])
def test_the_demonstration_set_is_the_default_and_has_a_test_split(config: str | None) -> None:
    data = load_dataset("bioinstruct", config)
    assert set(data) == {"train", "test"}
    assert min(len(split) for split in data.values()) > 0
    assert not set(data["train"]["id"]) & set(data["test"]["id"])


def test_one_split_or_a_part_of_it_can_be_asked_for() -> None:
    assert load_dataset("bioinstruct", "seeds", split="train").num_rows == 80
    assert load_dataset("bioinstruct", "seeds", split="train[:5]").num_rows == 5


def test_loading_what_ships_builds_nothing_and_needs_no_network(tmp_path: Path) -> None:
    code = "import bioinstruct; print(bioinstruct.load_dataset('bioinstruct', 'seeds').num_rows)"
    env = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'train': 80}\n"
    assert [path for path in (tmp_path / "hf").rglob("*.arrow")] == []


def test_the_bare_name_is_what_ships_even_beside_a_folder_of_that_name(tmp_path: Path) -> None:
    publish(records(3), tmp_path / "bioinstruct")
    assert load_dataset("bioinstruct", "seeds", split="train").num_rows == 80
    assert load_dataset("./bioinstruct", split="train").num_rows == 3
    assert [e.id for e in read_examples("./bioinstruct")] == [e.id for e in records(3)]


def test_importing_the_loader_does_not_import_datasets() -> None:
    code = (
        "import sys, bioinstruct.dataset.load\n"
        "print('datasets' in sys.modules, 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize(
    ("path", "config", "message", "hint"),
    [
        ("bioinstruct", "seed", "no configuration named 'seed'; known: demo, seeds", "`seeds`"),
        ("bioinstuct", None, "no dataset named 'bioinstuct'", "did you mean `bioinstruct`?"),
        ("./missing", None, "no file or folder './missing'", "check the path"),
        ("a/b/c", None, "'a/b/c' is neither a folder nor a Hub id", "`owner/name`"),
    ],
)
def test_a_name_that_means_nothing_is_an_error_with_a_way_out(
    path: str, config: str | None, message: str, hint: str
) -> None:
    for read in (load_dataset, read_examples):
        with pytest.raises(BioinstructError) as error:
            read(path, config=config)
        assert message in str(error.value)
        assert hint in error.value.hint


def test_a_split_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownNameError, match=r"no split named 'test'; known: train"):
        load_dataset("bioinstruct", "seeds", split="test")
    with pytest.raises(UnknownNameError, match=r"no split named 'test'; known: train"):
        read_examples("seeds", split="test")


def test_a_file_is_not_loaded_as_a_dataset_but_the_error_says_how(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "x.jsonl", records(1))
    with pytest.raises(BioinstructError, match="is a file") as error:
        load_dataset("x.jsonl")
    assert "bioinstruct.read" in error.value.hint


def test_a_source_may_be_a_file_plain_compressed_or_parquet(tmp_path: Path) -> None:
    text = _lines(*records(3))
    (tmp_path / "a.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    publish(records(3), tmp_path / "b")
    parquet = "b/data/train-00000-of-00001.parquet"
    for source in ("a.jsonl", "a.jsonl.gz", parquet, "b", "./b/"):
        assert list(read_examples(source)) == records(3), source


def test_a_source_may_be_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(_lines(*records(2)).encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(read_examples("-")) == records(2)


def test_a_source_may_be_a_name() -> None:
    assert list(read_examples("seeds")) == load_seeds()
    assert list(read_examples("bioinstruct", config="seeds")) == load_seeds()
    assert list(read_examples("demo")) == list(read_examples("bioinstruct"))
    assert list(read_examples("demo", split="test")) != []


def test_a_generated_record_survives_the_way_through_parquet(tmp_path: Path) -> None:
    teacher = {"model": "m", "prompt": "p", "temperature": 0.5, "seed": 1, "examples": ["a", "b"]}
    made = record(0, provenance={"kind": "generated", "revision": "r1", "teacher": teacher})
    publish([made, record(1)], tmp_path / "b")
    assert list(read_examples("b")) == [made, record(1)]
    rows = load_dataset("b", split="train")
    assert [Instruction.model_validate(row) for row in rows] == [made, record(1)]


def test_a_folder_that_others_wrote_is_read_too(tmp_path: Path) -> None:
    in_memory({"test": [e.row() for e in records(2)]})["test"].to_json(
        tmp_path / "b" / "test.jsonl"
    )
    assert list(read_examples("b", split="test")) == records(2)
    with pytest.raises(BioinstructError, match="cannot load 'b'"):
        read_examples("b", split="validation")


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "x.jsonl has no instructions"), ("{}\n", r"x\.jsonl:1: no instruction, no output")],
)
def test_an_empty_or_wrong_file_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(BioinstructError, match=message):
        list(read_examples("x.jsonl"))


def test_a_missing_file_is_an_error_at_once() -> None:
    with pytest.raises(MissingError, match=r"no file or folder 'x\.jsonl'"):
        read_examples("x.jsonl")


def test_wrong_lines_can_be_kept_while_the_good_ones_go_on(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(_lines(record(0)) + "{}\n" + _lines(record(1)), "utf-8")
    rejected: list[Rejection] = []
    assert list(read_examples("x.jsonl", rejected=rejected)) == records(2)
    assert [line.place["line"] for line in rejected] == [2]
    wrong = json.dumps(record(0).row() | {"output": None}) + "\n"
    (tmp_path / "x.jsonl").write_text(wrong * 2, encoding="utf-8")
    with pytest.raises(BioinstructError, match="and 2 lines that are not instructions") as error:
        list(read_examples("x.jsonl", rejected=[]))
    assert "output" in error.value.hint


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    row = {"instruction": "Do.", "note": "", "reply": "Done."}
    (tmp_path / "b" / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as error:
        list(read_examples("b"))
    assert "no output; the fields are instruction, note, reply" in str(error.value)


def test_an_edited_record_in_a_folder_is_refused_by_number(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    wrong = record(1).row() | {"output": "edited"}
    lines = _lines(record(0)) + json.dumps(wrong) + "\n"
    (tmp_path / "b" / "train.jsonl").write_text(lines, encoding="utf-8")
    with pytest.raises(DataError, match=r"b: record 2: id: .*edited after it was written"):
        list(read_examples("b"))
    rejected: list[Rejection] = []
    assert list(read_examples("b", rejected=rejected)) == [record(0)]
    assert rejected[0].place["line"] == 2
