"""Data in the forms that people have comes in as records, and what does not is named."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bioinstruct
from bioinstruct import BioinstructError, DataError, ImportOptions, Instruction
from bioinstruct.cli.main import main
from bioinstruct.dataset.convert import AUTO
from bioinstruct.dataset.export import FORMATS, export
from bioinstruct.dataset.load import read_examples
from bioinstruct.dataset.shapes import SEVERAL_TURNS
from bioinstruct.rejection import Rejection
from tests.records import records
from tests.test_exports import ODD

ROWS = [
    {"instruction": "What is measles?", "input": "", "output": "A disease."},
    {"instruction": "Name the drug.", "input": "Give aspirin,\n100 mg.", "output": "aspirin"},
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def texts(examples: list[Instruction]) -> list[dict[str, str]]:
    return [example.model_dump(include={"instruction", "input", "output"}) for example in examples]


def turns(*parts: str, roles: str = "user assistant") -> list[dict[str, str]]:
    names = roles.split() * len(parts)
    return [{"role": role, "content": text} for role, text in zip(names, parts, strict=False)]


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_what_export_writes_comes_back_as_the_same_texts_and_ids(to: str) -> None:
    export(ODD, to, Path("out"))
    found = list(read_examples("out"))
    assert texts(found) == texts(ODD)
    assert [example.id for example in found] == [example.id for example in ODD]


def as_array(path: Path) -> None:
    path.write_text(json.dumps([ROWS[0] | {"input": None}, ROWS[1]], indent=1), "utf-8")


def as_lines(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")


def as_gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(json.dumps(ROWS).encode()))


def as_messages(path: Path) -> None:
    rows = [
        {"messages": turns(ROWS[0]["instruction"], ROWS[0]["output"])},
        {"messages": turns(*ROWS[1].values(), roles="system user assistant")},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def as_sharegpt(path: Path) -> None:
    def conversation(row: dict[str, str]) -> dict[str, Any]:
        said = [("system", row["instruction"]), ("human", row["input"]), ("gpt", row["output"])]
        said = said if row["input"] else [("human", row["instruction"]), said[2]]
        return {"conversations": [{"from": who, "value": text} for who, text in said]}

    path.write_text(json.dumps([conversation(row) for row in ROWS]), "utf-8")


def table(path: Path, delimiter: str, encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


def as_parquet(path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), path)


def as_dataset(path: Path) -> None:
    datasets.Dataset.from_list(ROWS).save_to_disk(str(path))


def as_splits(path: Path) -> None:
    data = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": data, "test": data.select([0])}).save_to_disk(str(path))


FORMS = {
    "array.json": as_array,
    "lines.jsonl": as_lines,
    "packed.json.gz": as_gzip,
    "messages.jsonl": as_messages,
    "sharegpt.json": as_sharegpt,
    "a.csv": lambda path: table(path, ","),
    "excel.csv": lambda path: table(path, ";", "utf-8-sig"),
    "a.tsv": lambda path: table(path, "\t"),
    "a.parquet": as_parquet,
    "without-suffix": as_parquet,
    "saved": as_dataset,
    "splits": as_splits,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_by_the_function_that_all_commands_use(name: str) -> None:
    FORMS[name](Path(name))
    found = list(read_examples(name))
    assert texts(found) == ROWS
    made = found[0].provenance
    assert (made.kind, made.license, made.origin) == (
        "imported",
        "NOASSERTION",
        Path(name).stem.removesuffix(".json"),
    )


def test_a_saved_dataset_has_splits() -> None:
    as_splits(Path("saved"))
    assert len(list(read_examples("saved", split="test"))) == 1
    with pytest.raises(BioinstructError, match="known: test, train"):
        list(read_examples("saved", split="validation"))


def test_a_longer_conversation_is_rejected_with_its_number_and_the_others_are_kept() -> None:
    rows = [
        {"messages": turns("a", "b")},
        {"messages": turns("a", "b", "c", "d")},
        {"messages": turns("a", "b", "c", "d", "e", "f")},
        {"messages": turns("a", "b", roles="tool assistant")},
    ]
    Path("m.json").write_text(json.dumps(rows), "utf-8")
    rejected: list[Rejection] = []
    assert len(list(read_examples("m.json", rejected=rejected))) == 1
    assert [r.reason for r in rejected[:2]] == [SEVERAL_TURNS] * 2
    assert [r.detail for r in rejected[:2]] == ["2 turns of the user", "3 turns of the user"]
    assert "tool" in rejected[2].reason
    with pytest.raises(DataError, match=r"m\.json:1: a conversation of several turns"):
        list(read_examples("m.json"))


def test_columns_are_mapped_and_one_instruction_serves_a_column_of_notes() -> None:
    Path("n.csv").write_text(
        'pid,note,summary,kind\n7,"Fever, cough.",Flu.,IE\n8,Rash.,Measles.,other\n', "utf-8"
    )
    options = ImportOptions(
        columns={"input": "note", "output": "summary", "document": "pid", "category": "kind"},
        instruction="Summarise the note.",
        license="LicenseRef-internal",
        task="summary",
        category="GEN",
        kind="clinical",
    )
    first, second = bioinstruct.load("n.csv", options=options)
    assert texts([first]) == [
        {"instruction": "Summarise the note.", "input": "Fever, cough.", "output": "Flu."}
    ]
    assert (first.category, second.category, first.task) == ("IE", "GEN", "summary")
    made = first.provenance
    assert (made.kind, made.document, made.license) == ("clinical", "7", "LicenseRef-internal")


def test_a_nested_column_and_whole_numbers_are_taken() -> None:
    Path("q.json").write_text(json.dumps([{"q": "2+2?", "a": {"value": 4}}]), "utf-8")
    options = ImportOptions(columns={"instruction": "q", "output": "a.value"})
    assert texts(list(read_examples("q.json", options=options)))[0]["output"] == "4"


def test_the_labeller_gives_a_category_only_where_none_is() -> None:
    rows = [ROWS[0], ROWS[1] | {"category": "GEN"}]
    Path("a.json").write_text(json.dumps(rows), "utf-8")
    found = list(read_examples("a.json", options=ImportOptions(category=AUTO)))
    assert [example.category.value for example in found] == ["QA", "GEN"]


@pytest.mark.parametrize(
    ("columns", "seems", "hint"),
    [
        ("id,question,answer", "questions and answers", "--map instruction=question output=answer"),
        ("note,summary", "column `summary`", "--map input=note output=summary"),
        ("patient_note", "documents without answers", "--map input=patient_note output=summary"),
        ("prompt,chosen,rejected", "preferences", "--map instruction=prompt output=chosen"),
        ("a,b", "another kind", "--map instruction=COLUMN"),
    ],
)
def test_a_file_of_another_kind_is_named_with_all_it_lacks_and_what_reads_it(
    columns: str, seems: str, hint: str
) -> None:
    Path("x.csv").write_text(f"{columns}\n{','.join('v' for _ in columns.split(','))}\n", "utf-8")
    with pytest.raises(DataError, match="no instruction, no output") as error:
        list(read_examples("x.csv"))
    assert seems in str(error.value)
    assert hint in error.value.hint


@pytest.mark.parametrize("columns", ["id,question,answer", "note,summary"])
def test_the_command_of_the_hint_reads_the_file(
    columns: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import shlex

    Path("x.csv").write_text(f"{columns}\n{','.join('v' for _ in columns.split(','))}\n", "utf-8")
    with pytest.raises(DataError) as error:
        list(read_examples("x.csv"))
    with pytest.raises(SystemExit) as done:
        main(shlex.split(error.value.hint)[1:])
    assert done.value.code == 0
    assert len(bioinstruct.load("records.jsonl")) == 1


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"%PDF-1.7", "PDF"),
        ("a;b\nä;b\n".encode("utf-16"), "UTF-16"),
        (b"instruction,output\n\xe4,b\n", "not UTF-8: byte 0xe4"),
        (b"a,a\n1,2\n", "column 'a' twice"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, what: str) -> None:
    Path("x.csv").write_bytes(content)
    with pytest.raises(DataError, match=what):
        list(read_examples("x.csv"))


def test_good_rows_are_kept_and_each_bad_one_has_its_line_and_reason() -> None:
    Path("x.csv").write_bytes(b'instruction,output\na,b\n"two\nlines",c\nd\n,e\nf,\xe9\ng,h\n')
    rejected: list[Rejection] = []
    found = list(read_examples("x.csv", rejected=rejected))
    assert [example.instruction for example in found] == ["a", "two\nlines", "g"]
    assert [(r.place["line"], r.reason) for r in rejected] == [
        (5, "1 fields, and the header has 2"),
        (6, "instruction: empty text"),
        (7, "not UTF-8: byte 0xe9"),
    ]


def test_broken_json_is_one_rejected_row_with_its_line() -> None:
    lines = [json.dumps(row) for row in ROWS]
    Path("x.jsonl").write_text(
        "\n".join([lines[0], '{"instruction": "a", ', lines[1], ""]), "utf-8"
    )
    rejected: list[Rejection] = []
    assert len(list(read_examples("x.jsonl", rejected=rejected))) == 2
    assert rejected[0].place["line"] == 2


def test_rows_of_no_known_form_before_the_others_are_rejected_not_the_file() -> None:
    Path("x.json").write_text(json.dumps([{"note": "x"}, *ROWS]), "utf-8")
    rejected: list[Rejection] = []
    assert len(list(read_examples("x.json", rejected=rejected))) == 2
    assert [r.reason for r in rejected] == ["instruction, output: missing fields"]


def test_records_of_ours_in_an_array_keep_everything() -> None:
    Path("x.json").write_text(json.dumps([one.row() for one in records(3)]), "utf-8")
    assert list(read_examples("x.json")) == records(3)


def test_the_command_writes_records_and_a_second_run_overwrites_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_array(Path("a.json"))
    codes = []
    for extra in ([], [], ["--force", "--license", "MIT"]):
        with pytest.raises(SystemExit) as done:
            main(["import", "a.json", "--out", "r.jsonl", *extra])
        codes.append(done.value.code)
    assert codes == [0, 1, 0]
    assert {one.provenance.license for one in bioinstruct.load("r.jsonl")} == {"MIT"}
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": {"answer": "x"}},
        {"license": "free for all"},
        {"category": "qa"},
        {"kind": "seed"},
        {"instruction": "x", "columns": {"instruction": "y"}},
    ],
)
def test_options_that_cannot_be_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(BioinstructError):
        ImportOptions(**wrong)
