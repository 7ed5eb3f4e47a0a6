from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bioinstruct import Instruction, corpora, read, write
from bioinstruct.cli.main import main
from tests.records import record, records

FORMS = ["What are the symptoms of {}?", "Which drugs help against {} in adults?"]


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(arg) for arg in ("filter", *args)])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def asked(diseases: Sequence[str]) -> list[Instruction]:
    texts = [form.format(disease) for disease in diseases for form in FORMS]
    return [record(n, instruction=text, input="") for n, text in enumerate(texts)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write(tmp_path / "in.jsonl", asked(["gout", "asthma", "GOUT", "the common cold"]))
    return tmp_path / "in.jsonl"


def test_it_keeps_the_order_and_writes_what_goes_beside(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kept.jsonl"
    assert run(source, "--near-duplicates", "0.7", "--out", out) == 0
    every = list(read(source))
    assert list(read(out)) == every[:2]
    dropped = rows(tmp_path / "kept.dropped.jsonl")
    assert [row["record"] for row in dropped] == [example.row() for example in every[2:]]
    assert {row["reason"] for row in dropped} == {"near-duplicate"}
    said = capsys.readouterr()
    assert said.out == ""
    assert "2 of 8 instructions kept" in said.err
    assert "kept.dropped.jsonl" in said.err


def test_the_same_subject_keeps_the_diseases(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept.jsonl"
    assert run(source, "--near-duplicates", "0.7", "--same-subject", "--out", out) == 0
    every = list(read(source))
    assert list(read(out)) == every[:4] + every[6:]


def test_standard_output_takes_what_is_kept(
    source: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    dropped = tmp_path / "gone.jsonl"
    assert run(source, "--near-duplicates", "0.7", "--out", "-", "--dropped", dropped) == 0
    assert len(capfdbinary.readouterr().out.splitlines()) == 2
    assert len(rows(dropped)) == 6


def test_seeds_rules_and_tests_are_all_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = "State the class of each drug that the patient takes."
    test = "Does early mobilisation after hip fracture surgery shorten the stay in hospital?"
    texts = [seed, "Too short", test, "How far does light travel in a year?"]
    write(tmp_path / "seeds.jsonl", [record(9, instruction=seed)])
    write(tmp_path / "tests.jsonl", [record(8, input=test)])
    write(tmp_path / "in.jsonl", [record(n, instruction=t) for n, t in enumerate(texts)])
    arguments = ["--rules", "all", "--against", tmp_path / "tests.jsonl", "--near-duplicates", 0.7]
    out = tmp_path / "kept.jsonl"
    code = run(tmp_path / "in.jsonl", *arguments, "--seeds", tmp_path / "seeds.jsonl", "--out", out)
    assert code == 0
    assert [example.instruction for example in read(out)] == texts[3:]
    reasons = [row["reason"] for row in rows(tmp_path / "kept.dropped.jsonl")]
    assert reasons == ["near-duplicate", "too-short", "contaminated-exact"]
    assert "contaminated-exact" in capsys.readouterr().err


def test_the_tests_of_all_tasks_are_compared_and_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    tests = list(corpora.read("demo", "test"))[:5]
    write(tmp_path / "in.jsonl", [*tests, *records(3)])
    out = tmp_path / "kept.jsonl"
    assert run(tmp_path / "in.jsonl", "--against", "all", "--out", out) == 0
    assert list(read(out)) == records(3)
    assert "NOT compared with pubmedqa" in capsys.readouterr().err
    assert run(tmp_path / "in.jsonl", "--against", "pubmedqa", "--out", tmp_path / "x") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--near-duplicates", "70"], "not between 0 and 1"),
        (["--near-duplicates", "nan"], "not between 0 and 1"),
        ([], "nothing to filter by"),
        (["--rules", "to-short"], "did you mean `too-short`"),
        (["--against", "pubmedq"], "did you mean `pubmedqa`"),
        (["--near-duplicates", "0.7", "--seeds", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_is_asked_wrongly_is_said_and_nothing_is_written(
    args: list[str],
    message: str,
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(source, *args, "--out", tmp_path / "kept.jsonl") == 1
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_file_that_is_not_there_costs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kept.jsonl"
    out.write_text("what was kept before", encoding="utf-8")
    assert run(tmp_path / "gone.jsonl", "--near-duplicates", "0.7", "--out", out, "--force") == 1
    assert "gone.jsonl" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "what was kept before"


def test_bad_lines_are_kept_aside_and_the_others_filtered(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with source.open("ab") as file:
        file.write(b'{"instruction": "cut\n\x00\xff\n')
        nul = record(7, instruction="A \x00 is a character too, if an odd one.", input="")
        file.write(json.dumps(nul.row()).encode() + b"\n")
    out = tmp_path / "kept.jsonl"
    assert run(source, "--near-duplicates", "0.7", "--out", out) == 1
    assert list(read(out))[-1] == nul
    assert len(rows(tmp_path / "kept.rejected.jsonl")) == 2
    assert "2 lines that are not instructions" in capsys.readouterr().err


def test_compiled_records_are_told_of_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "in.jsonl", [record(n, instruction="Name the disease.") for n in range(4)])
    assert (
        run(tmp_path / "in.jsonl", "--near-duplicates", "0.7", "--out", tmp_path / "k.jsonl") == 0
    )
    assert "--with-input" in capsys.readouterr().err


@pytest.mark.peer
def test_planted_questions_of_pubmedqa_go_and_medquad_stays(
    data: Path, questions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(data))
    tests = [example.input for example in corpora.read("pubmedqa", "test", data=data)]
    planted = [text.rsplit("Question: ", 1)[1] for text in tests[:20]]
    clean = questions[:2000]
    inside = [f"I was asked this last week. {text} So?" for text in planted if len(text) > 30]
    texts = [*clean, *planted, *inside]
    every = [record(n, instruction=text, input="") for n, text in enumerate(texts)]
    write(tmp_path / "medquad.jsonl", every)
    out = tmp_path / "kept.jsonl"
    assert run(tmp_path / "medquad.jsonl", "--against", "pubmedqa", "--out", out) == 0
    assert list(read(out)) == every[:2000]
    reasons = {row["reason"] for row in rows(tmp_path / "kept.dropped.jsonl")}
    assert "contaminated-exact" in reasons
    assert all(reason.startswith("contaminated-") for reason in reasons)


def test_help_loads_no_filter() -> None:
    code = (
        "import sys\nfrom bioinstruct.cli.main import main\n"
        "try: main(['filter', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'numba', 'torch'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numba" not in done.stderr
    assert "--near-duplicates" in done.stdout
