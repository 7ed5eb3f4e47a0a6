from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bioinstruct.cli.main import main
from bioinstruct.cli.progress import GenerationLine, money
from bioinstruct.generation import Progress, Tally
from bioinstruct.jsonl import read
from tests.generation.teacher import answer
from tests.golden import check
from tests.openai_server import Server, Settings

COMMAND = Path(sys.executable).with_name("bioinstruct")
USUAL = ("--model", "gpt-4", "--count", "20", "--license", "CC-BY-4.0", "--out", "made.jsonl")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(Settings(answer=answer, key="sesame")).running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sesame")
        yield server


def generate(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, list[str]]:
    with pytest.raises(SystemExit) as caught:
        main(["generate", *args])
    assert isinstance(caught.value.code, int)
    out, err = capsys.readouterr()
    return caught.value.code, out, err.splitlines()


def test_help_is_what_was_agreed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    code, out, err = generate(capsys, "--help")
    assert (code, err) == (0, [])
    check("help-bioinstruct-generate.txt", out)


def test_a_dry_run_needs_neither_key_nor_network_and_tells_what_it_would_take(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    dry = ("--model", "gpt-4", "--count", "25005", "--dry-run", "--out", "made.jsonl")
    code, out, err = generate(capsys, *dry)
    assert code == 0
    assert out.count("@@") > 15, "the first prompt, with its three examples"
    assert out.endswith("Now write 5 new tasks in the same form, and nothing else.\n")
    said = "\n".join(err)
    assert "25,005 instructions by gpt-4 at https://api.openai.com/v1; recipe bioinstruct/1" in said
    assert "7,145 requests" in said  # 25,005 / (5 tasks * 0.7), rounded up
    assert "assumed: 70% of the tasks are accepted" in said
    assert "price: 30 in, 60 out per million tokens" in said
    assert said.count("$") == 2
    assert "a run needs --license SPDX, within the terms of https://openai.com/policies/" in said
    assert list(tmp_path.iterdir()) == []


def test_the_price_of_an_unknown_model_is_asked_for_and_never_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dry = ("--model", "some-model", "--count", "100", "--dry-run")
    code, _, err = generate(capsys, *dry)
    assert code == 0
    assert sum("price unknown" in line for line in err) == 2
    assert err[-2].startswith("price: unknown; set --price IN OUT")
    _, _, err = generate(capsys, *dry, "--price", "1.5", "0.25")
    assert any("price: 1.5 in, 0.25 out per million tokens" in line for line in err)


def test_only_records_of_the_same_run_are_replaced_without_force(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("made.jsonl").write_text("mine\n", encoding="utf-8")
    code, _, err = generate(capsys, *USUAL)
    assert (code, server.asked.total()) == (1, 0)
    assert "made.jsonl exists" in err[0]
    Path("made.jsonl").unlink()
    assert generate(capsys, *USUAL)[0] == 0
    first = Path("made.jsonl").read_bytes()
    more = (*USUAL[:3], "30", *USUAL[4:])
    assert generate(capsys, *more)[0] == 0
    assert Path("made.jsonl").read_bytes().startswith(first)
    other = (*USUAL, "--replay", "--near-duplicates", "0.2")
    code, _, err = generate(capsys, *other)
    assert code == 1
    assert "its records are not the first of these" in err[0]
    assert Path("made.jsonl").read_bytes().startswith(first)
    assert generate(capsys, *other, "--force")[0] == 0
    assert not Path("made.jsonl").read_bytes().startswith(first)


@pytest.mark.peer
def test_a_dataset_is_generated_published_and_loaded(server: Server, tmp_path: Path) -> None:
    script = (
        "bioinstruct generate --model gpt-4 --count 40 --license CC-BY-4.0 --out made.jsonl && "
        "bioinstruct publish made.jsonl --out ds && "
        'python -c \'from datasets import load_dataset as l; print(l("ds", split="train"))\''
    )
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "num_rows: 40" in done.stdout
    assert "40 instructions to made.jsonl" in done.stderr
    card = (tmp_path / "ds" / "README.md").read_text(encoding="utf-8")
    assert "gpt-4 (40)" in card
    assert "bioinstruct-generated" in card
    text = "".join(p.read_text("utf-8") for p in tmp_path.glob("*.jsonl"))
    assert "sesame" not in text


def test_the_summary_counts_every_reason(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    args = (*USUAL[:3], "90", *USUAL[4:], "--recipe", "alpaca", "--attributes", "all")
    code, out, err = generate(capsys, *args)
    assert (code, out) == (0, "")
    assert err[0].endswith("accepted")
    assert err[-2:] == [
        "90 instructions to made.jsonl",
        "rejected tasks, with reasons: made.rejected.jsonl",
    ]
    assert err[-3].startswith("spent so far: ")
    counted = {line.split()[0]: int(line.split()[1]) for line in err[1:-3]}
    lines = Path("made.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    assert counted == {reason: reasons.count(reason) for reason in reasons}
    teacher = next(read("made.jsonl")).provenance.teacher
    assert teacher is not None
    assert len(teacher.attributes) == 4
    assert teacher.prompt == "alpaca/1"


def test_settings_of_a_recipe_can_be_overridden(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ("--temperature", "0.2", "--top-p", "none", "--tasks", "3", "--max-tokens", "900")
    code, _, _ = generate(capsys, *USUAL, *changes, "--presence-penalty", "1")
    assert code == 0
    teacher = next(read("made.jsonl")).provenance.teacher
    assert teacher is not None
    assert (teacher.temperature, teacher.top_p, teacher.presence_penalty) == (0.2, None, 1.0)
    entry = json.loads(Path("made.transcript.jsonl").read_text("utf-8").splitlines()[-1])
    assert entry["request"]["max_tokens"] == 900
    assert "Now write 3 new tasks" in entry["request"]["messages"][0]["content"]


def test_a_replay_is_said_to_have_fewer_where_it_has_fewer(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(capsys, *USUAL)
    asked = server.asked.total()
    again = (*USUAL[:3], "999", *USUAL[4:-1], "again.jsonl")
    source = ("--transcript", "made.transcript.jsonl", "--replay")
    code, _, err = generate(capsys, *again, *source)
    assert code == 0
    assert err[-1] == f"999 were requested; the transcript has {asked:,} answers"
    assert server.asked.total() == asked


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (("--out",), 2, "the following arguments are required: --out"),
        (("--license",), 1, "bioinstruct: no licence for the records"),
        (("--license", "a b!"), 1, "bioinstruct: 'a b!' is not an SPDX licence expression"),
        (("--rules", "nice"), 1, "bioinstruct: no rule named 'nice'"),
        (("--attributes", "colour"), 1, "bioinstruct: no attribute named 'colour'"),
        (("--against", "nothing"), 1, "named 'nothing'"),
        (("--seeds", "nowhere.jsonl"), 1, "bioinstruct: no file or folder 'nowhere.jsonl'"),
        (("--recipe", "x"), 2, "invalid choice: 'x'"),
        (("--budget", "1"), 1, "bioinstruct: the price of gpt-4 at http://127.0.0.1"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(
    changes: tuple[str, ...],
    code: int,
    message: str,
    server: Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = list(USUAL)
    if len(changes) == 1:  # left out
        place = args.index(changes[0])
        del args[place : place + 2]
        changes = ()
    found, _, err = generate(capsys, *args, *changes)
    assert found == code
    assert message in "\n".join(err)
    assert server.asked.total() == 0


def test_without_a_key_the_real_endpoint_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = generate(capsys, *USUAL)
    assert code == 1
    assert err[0] == "bioinstruct: there is no key for the OpenAI API"


def test_a_wrong_key_is_told_in_the_words_of_the_server_and_writes_nothing(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key-123")
    code, _, err = generate(capsys, *USUAL)
    assert code == 1
    assert "Incorrect API key" in err[0]
    assert "wrong-key-123" not in "\n".join(err)
    assert not Path("made.jsonl").exists()


def test_a_budget_that_is_used_up_is_exit_code_one_with_the_way_on(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    args = (*USUAL[:3], "500", *USUAL[4:], "--price", "0", "100", "--budget", "1", "--concurrency")
    code, _, err = generate(capsys, *args, "2")
    assert code == 1
    assert err[-2].startswith("bioinstruct: the budget of 1 USD does not cover one more request")
    assert "--budget" in err[-1]
    assert 0 < len(list(read("made.jsonl"))) < 500


def test_a_run_is_stopped_without_a_traceback_and_goes_on(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.settings.latency = 0.2
    args = (*USUAL[:3], "200", *USUAL[4:], "--concurrency", "4")
    process = subprocess.Popen([COMMAND, "generate", *args], stderr=subprocess.PIPE, text=True)
    while server.answered.total() < 8:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[0]) == (1, "bioinstruct: stopped")
    assert "same command again" in err
    assert {path.suffix for path in Path().iterdir()} <= {".jsonl", ".lock"}
    assert not Path("made.jsonl").exists()
    server.settings.latency = 0
    assert generate(capsys, *args)[0] == 0
    assert set(server.asked.values()) == {1}, "what was under way was waited for, and kept"


def test_the_line_tells_what_is_accepted_spent_and_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bioinstruct.llm.pricing import Price
    from bioinstruct.llm.runner import Usage

    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    line = GenerationLine(Price(input=10, output=20))
    tally, usage = Tally(wanted=1000), Usage(done=1)
    line(Progress(tally, usage))
    now[0] += 60
    tally.accepted, tally.requests, tally.failed = 100, 30, 2
    tally.reasons["too-short"] = 25
    tally.prompt_tokens, tally.completion_tokens = 40_000, 20_000
    usage.retried["429"] = 3
    line(Progress(tally, usage))
    assert capsys.readouterr().err == (
        "100/1,000 accepted (80%) · 30 answers, 3 retries, 2 failed · 60 k tokens · "
        "$0.80 of $8.00 expected · 9 min 00 s left\n"
    )
    assert [money(x) for x in (0.0123, 1, 1234.4)] == ["$0.0123", "$1.00", "$1,234"]
