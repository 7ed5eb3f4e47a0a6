from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pyarrow.parquet as pq
import pytest
from datasets import Features, List, Value
from pydantic import BaseModel

from bioinstruct import (
    BioinstructError,
    DataError,
    Instruction,
    Provenance,
    Teacher,
    UnknownNameError,
)
from bioinstruct.dataset.hub import in_memory, load, select
from bioinstruct.errors import MissingError
from bioinstruct.parquet import features, read_parquet, write_parquet
from tests.records import records

ARROW = {str: "string", float: "float64", int: "int64"}


def _columns(model: type[BaseModel]) -> dict[str, Any]:
    """What the columns of a model must be, worked out from its annotations."""
    columns: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kinds = [
            k for k in (get_args(field.annotation) or (field.annotation,)) if k is not type(None)
        ]
        kind = kinds[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            columns[name] = _columns(kind)
        elif "tuple" in str(field.annotation):
            columns[name] = List(Value("string"))
        else:
            columns[name] = Value(ARROW.get(kind, "string"))
    return columns


def _write(folder: Path, count: int, **options: Any) -> list[Path]:
    rows = (example.row() for example in records(count))
    return write_parquet(folder, "train", rows, **options)


def test_the_columns_are_the_fields_of_the_record() -> None:
    assert dict(features()) == _columns(Instruction)
    assert features()["provenance"].keys() == Provenance.model_fields.keys()
    assert features()["provenance"]["teacher"].keys() == Teacher.model_fields.keys()


def test_a_column_without_any_value_keeps_its_type(tmp_path: Path) -> None:
    (path,) = _write(tmp_path, 3)
    schema = pq.read_schema(path)
    assert Features.from_arrow_schema(schema) == features()
    provenance = schema.field("provenance").type
    assert str(provenance.field("revision").type) == "string"
    assert str(provenance.field("teacher").type.field("seed").type) == "int64"


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    files = _write(tmp_path, 2500)
    assert [path.name for path in files] == ["train-00000-of-00001.parquet"]
    back = [Instruction.model_validate(row) for row in read_parquet(files)]
    assert back == records(2500)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for folder in ("a", "b"):
        (path,) = _write(tmp_path / folder, 1500)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_large_dataset_is_cut_into_numbered_files(tmp_path: Path) -> None:
    files = _write(tmp_path, 100, shard_bytes=2000)
    assert len(files) > 1
    assert [path.name for path in files] == [
        f"train-{n:05d}-of-{len(files):05d}.parquet" for n in range(len(files))
    ]
    assert [row["id"] for row in read_parquet(files)] == [e.id for e in records(100)]
    assert sorted(tmp_path.iterdir()) == files


class _Row(dict[str, Any]):
    """A row whose life can be watched."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def test_a_thousand_rows_at_most_are_held_while_writing(tmp_path: Path) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal most
        for example in records(5000):
            row = _Row(example.row())
            alive.add(row)
            most = max(most, len(alive))
            yield row
            del row

    write_parquet(tmp_path, "train", rows())
    assert most <= 2001  # the thousand being written and the thousand before it


def test_one_field_can_be_read_without_the_rest(tmp_path: Path) -> None:
    files = _write(tmp_path, 2)
    rows = list(read_parquet(files, columns=["provenance.license"]))
    assert rows == [{"provenance": {"license": "CC-BY-4.0"}}] * 2


def test_a_cut_file_is_refused_by_name(tmp_path: Path) -> None:
    (path,) = _write(tmp_path, 50)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet: not a complete Parquet"):
        list(read_parquet([path]))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train", range(10)),
        ("test", range(4)),
        ("train[:3]", range(3)),
        ("train[-2:]", range(8, 10)),
        ("train[:50%]", range(5)),
        ("train[:2]+test[:1]", [0, 1, 0]),
    ],
)
def test_a_split_can_be_a_part(split: str, expected: Any) -> None:
    data = in_memory(
        {name: [e.row() for e in records(n)] for name, n in (("train", 10), ("test", 4))}
    )
    chosen = select(data, split)
    ids = [e.id for e in records(10)]
    assert list(chosen["id"]) == [ids[n] for n in expected]
    assert chosen.features == features()


def test_a_split_that_is_not_there_is_named_with_those_that_are() -> None:
    data = in_memory({"train": [e.row() for e in records(3)]})
    with pytest.raises(UnknownNameError, match=r"no split named 'trian'; known: train"):
        select(data, "trian")
    with pytest.raises(BioinstructError, match="cannot read the split"):
        select(data, "train[a:b]")


def test_a_folder_without_data_is_not_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(MissingError) as error:
        load(str(tmp_path))
    assert error.value.hint


def test_a_hub_id_without_a_network_is_an_error_with_a_way_out() -> None:
    with pytest.raises(MissingError, match="cannot fetch the dataset 'nobody/nothing'") as error:
        load("nobody/nothing")
    assert "HF_HUB_OFFLINE" in error.value.hint
