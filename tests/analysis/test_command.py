from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bioinstruct import jsonl
from bioinstruct.cli.main import main
from bioinstruct.dataset.statistics import statistics
from tests.records import record, records


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(args))
    return (caught.value.code, *capsys.readouterr())


def test_the_table_goes_to_stdout_and_the_files_are_written(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    jsonl.write("in.jsonl", records(50))
    code, out, err = run(
        capsys, "stats", "in.jsonl", "--json", "s.json", "--html", "s.html", "--records", "20"
    )
    assert code == 0
    assert out.startswith("50 instructions\n")
    assert "20 of 50 records in s.html" in err
    written = json.loads((folder / "s.json").read_text(encoding="utf-8"))
    assert written["statistics"]["fingerprint"] == statistics(records(50)).fingerprint
    assert "<title>in</title>" in (folder / "s.html").read_text(encoding="utf-8")


def test_json_takes_the_place_of_the_table_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "stats", "seeds", "--json", "-", "--tokenizer", "tiny")
    found = json.loads(out)
    assert code == 0
    assert found["statistics"]["examples"] == 80
    assert found["statistics"]["tokenizer"] == "tiny"
    assert found["near_duplicates"] is found["contamination"] is None


def test_near_duplicates_and_benchmarks_are_looked_at_when_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(
        capsys, "stats", "seeds", "--near-duplicates", "0.7", "--against", "demo-ie", "demo-qa"
    )
    assert code == 0
    assert "0 records are near duplicates" in out
    assert "no overlap with demo-ie, demo-qa" in out


def test_a_page_of_records_that_may_not_be_passed_on_is_refused_unless_private(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    closed = record(9, provenance={"origin": "i2b2-2010", "license": "LicenseRef-i2b2-DUA"})
    jsonl.write("in.jsonl", [*records(3), closed])
    code, _, err = run(capsys, "stats", "in.jsonl", "--html", "s.html")
    assert code == 1
    assert "may not be shown to others: its licence is LicenseRef-i2b2-DUA" in err
    assert "--private" in err
    assert not (folder / "s.html").exists()
    assert run(capsys, "stats", "in.jsonl")[0] == 0  # figures show no record
    assert run(capsys, "stats", "in.jsonl", "--html", "s.html", "--private")[0] == 0
    page = (folder / "s.html").read_text(encoding="utf-8")
    assert "Not for redistribution: of 1 records its licence is" in page


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("stats", "nothing.jsonl"), "no file"),
        (("stats", "seeds", "--near-duplicates", "7"), "not between 0 and 1"),
        (("stats", "seeds", "--against", "pubmed"), "named 'pubmed'"),
        (("stats", "seeds", "--tokenizer", "gpt-9"), "no tokenizer named 'gpt-9'"),
        (("export", "seeds", "--to", "axolotl", "--out", "in.jsonl"), "in.jsonl is a file"),
    ],
)
def test_what_the_user_can_mend_is_said_without_a_traceback(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonl.write("in.jsonl", records(1))
    code, out, err = run(capsys, *args)
    assert (code, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


def test_pictures_without_matplotlib_are_refused_before_the_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    code, _, err = run(capsys, "stats", "seeds", "--png", "png")
    assert code == 1
    assert "bioinstruct[plots]" in err


@pytest.mark.parametrize("command", [("stats",), ("export", "--to", "chat", "--out", "out.jsonl")])
def test_lines_that_are_no_instructions_are_kept_beside_and_the_code_is_one(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    jsonl.write("in.jsonl", records(2))
    with Path("in.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    code, _, err = run(capsys, command[0], "in.jsonl", *command[1:])
    assert code == 1
    assert "1 lines that are not instructions" in err
    assert len(list(folder.glob("*.rejected.jsonl"))) == 1


def test_an_export_says_how_many_and_where_from(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "export", "seeds", "demo", "--to", "alpaca", "--out", "a.json")
    assert (code, out) == (0, "")
    assert "3,080 instructions to a.json, from bioinstruct-seeds, bioinstruct-demo" in err
    assert len(json.loads(Path("a.json").read_text(encoding="utf-8"))) == 3080


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_file_that_exists_is_replaced_only_with_force(
    folder: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    Path("mine").write_text("mine", encoding="utf-8")
    code, _, err = run(capsys, "stats", "seeds", option, "mine")
    assert code == 1
    assert "mine exists" in err
    assert Path("mine").read_text("utf-8") == "mine"
    assert run(capsys, "stats", "seeds", option, "mine", "--force")[0] == 0
    assert Path("mine").read_text("utf-8") != "mine"


def test_a_picture_that_exists_is_replaced_only_with_force(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="needs bioinstruct[plots]")
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "png" / "lengths.png"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    code, _, err = run(capsys, "stats", "seeds", "--png", "png")
    assert (code, mine.read_bytes()) == (1, b"mine")
    assert "lengths.png" in err
    assert "--force" in err
    assert run(capsys, "stats", "seeds", "--png", "png", "--force")[0] == 0
    assert mine.read_bytes() != b"mine"
