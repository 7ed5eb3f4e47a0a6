"""`bioinstruct label` as a user runs it, with a teacher over real HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import read, write
from bioinstruct.cli.main import main
from bioinstruct.dataset.load import read_examples
from bioinstruct.labels import Audit, label_records
from tests.golden import check
from tests.openai_server import Server, Settings
from tests.records import record, records


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(body: dict[str, Any], sample: int) -> str:
    shown = json.loads(body["messages"][1]["content"])["records"]
    labels = [
        {"number": row["number"], "category": "QA" if "3" in row["input"] else "IE"}
        for row in shown
    ]
    return json.dumps({"labels": labels})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(Settings(answer=answer)).running() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-secret")
        yield running


def command(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["label", *map(str, args)])
    assert isinstance(caught.value.code, int)
    return caught.value.code, *capsys.readouterr()


def test_help_is_what_was_agreed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    code, out, err = command(capsys, "--help")
    assert (code, err) == (0, "")
    check("help-bioinstruct-label.txt", out)


def test_seeds_are_labelled_and_the_changes_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "seeds", "--out", "made.jsonl")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "80 of 80 records labelled by offline-1",
        "from \\ to        QA       IE      GEN    OTHER",
        "  QA             18        0        0        0",
        "  IE              0       27        0        0",
        "  GEN             0        0       27        0",
        "  OTHER           0        0        0        8",
        "0 changed; 0 below a confidence of 0.6: --audit shows some",
    ]
    assert list(read("made.jsonl")) == list(read_examples("seeds"))
    rows = [json.loads(line) for line in Path("made.labels.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [seed.id for seed in read_examples("seeds")]
    assert {row["by"] for row in rows} == {"offline-1"}


def test_a_pipe_is_an_output_too(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = command(capsys, "seeds", "--out", "-")
    assert code == 0
    assert len(out.splitlines()) == 80
    assert list(folder.iterdir()) == []


def test_an_audit_prints_every_category_and_the_doubtful_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = command(capsys, "demo", "--audit", 12, "--seed", 1)
    heads = [line.split() for line in out.splitlines() if line.startswith("── ")]
    assert code == 0
    assert len(heads) == 12
    assert {head[1] for head in heads} == {"QA", "IE", "GEN", "OTHER"}
    assert min(float(head[2].rstrip(",")) for head in heads) < 0.6


def test_an_audit_is_drawn_by_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    printed = [command(capsys, "seeds", "--audit", 9, "--seed", seed)[1] for seed in (1, 1, 2)]
    assert printed[0] == printed[1] != printed[2]


def test_a_sample_is_as_large_as_wanted_or_as_there_are() -> None:
    for size, count in ((5, 5), (200, 80)):
        audit = Audit(size)
        for made in label_records(read_examples("seeds")):
            audit.add(made)
        assert len({made.example.id for made in audit.sample()}) == count


def test_bad_lines_are_kept_beside_and_the_others_labelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("x.jsonl").write_text(json.dumps(record().row()) + "\nnonsense\n", encoding="utf-8")
    code, _, err = command(capsys, "x.jsonl", "--out", "made.jsonl")
    assert code == 1
    assert "left out 1 lines that are not instructions; see made.rejected.jsonl" in err
    assert len(list(read("made.jsonl"))) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("seeds",), "one of the following arguments is required: --out, --audit"),
        (("seeds", "--out", "x", "--by", "teacher"), "--by teacher needs --model"),
        (("seeds", "--out", "-", "--audit", "3"), "--audit and --out - both write"),
    ],
)
def test_wrong_usage_is_exit_code_two(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = command(capsys, *args)
    assert code == 2
    assert message in err


def test_a_teacher_labels_over_http_and_is_not_asked_twice(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write("in.jsonl", records(25))
    args = ("in.jsonl", "--out", "made.jsonl", "--by", "teacher", "--model", "m", "--records", 5)
    code, _, err = command(capsys, *args)
    assert (code, sum(server.answered.values())) == (0, 5)
    assert err.splitlines()[0] == "25 of 25 records labelled by m, label-1"
    assert "3 changed" in err
    assert "3 differ from the offline label (teacher/offline): QA/IE 3" in err
    assert [e.category for e in read("made.jsonl")] == [
        "QA" if "3" in str(n) else "IE" for n in range(25)
    ]
    made = Path("made.jsonl").read_bytes()
    assert command(capsys, *args)[0] == 1
    assert command(capsys, *args, "--force")[0] == 0
    assert (Path("made.jsonl").read_bytes(), sum(server.asked.values())) == (made, 5)
    assert "secret" not in Path("made.transcript.jsonl").read_text(encoding="utf-8")


def test_records_without_a_usable_label_keep_theirs_and_are_counted(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.settings.answer = lambda body, sample: "I would rather not."
    write("in.jsonl", records(3))
    code, _, err = command(
        capsys, "in.jsonl", "--out", "made.jsonl", "--by", "teacher", "--model", "m"
    )
    assert code == 1
    assert err.splitlines()[-1] == "3 records got no usable label and kept their category"
    assert list(read("made.jsonl")) == records(3)


def test_a_server_without_schemas_is_asked_in_words(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.settings.schemas = False
    write("in.jsonl", records(3))
    args = ("in.jsonl", "--out", "made.jsonl", "--by", "teacher", "--model", "m")
    code, _, err = command(capsys, *args)
    assert code == 1
    assert "hint: this server does not support JSON schemas: use --no-schema" in err
    assert not Path("made.jsonl").exists()
    assert command(capsys, *args, "--no-schema")[0] == 0
    assert len(list(read("made.jsonl"))) == 3


def test_faults_that_pass_change_nothing(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    write("in.jsonl", records(20))
    args = ("in.jsonl", "--by", "teacher", "--model", "m", "--records", 2)
    assert command(capsys, *args, "--out", "calm.jsonl")[0] == 0
    server.settings.script.extend(["429-after", "500", "reset", "half-json", "empty-choices"])
    assert command(capsys, *args, "--out", "storm.jsonl")[0] == 0
    assert Path("storm.jsonl").read_bytes() == Path("calm.jsonl").read_bytes()


def test_a_budget_needs_a_price(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("seeds", "--out", "made.jsonl", "--by", "teacher", "--model", "m", "--budget", 1)
    code, _, err = command(capsys, *args)
    assert code == 1
    assert "--price IN OUT" in err
    assert command(capsys, *args, "--price", 1, 1)[0] == 0


def test_an_audit_by_a_teacher_needs_a_place_for_the_transcript(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = command(capsys, "seeds", "--audit", 2, "--by", "teacher", "--model", "m")
    assert code == 1
    assert "--transcript FILE" in err
