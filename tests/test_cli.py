from __future__ import annotations

import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from bioinstruct import Instruction, read, write
from bioinstruct.cli.main import main
from bioinstruct.corpora import names
from bioinstruct.dataset.load import read_examples
from bioinstruct.seeds import load_seeds
from tests.golden import check
from tests.records import record, records

COMMAND = Path(sys.executable).with_name("bioinstruct")
PUBMEDQA = "PubMedQA (PQA-L) is available from https://github.com/pubmedqa/pubmedqa"


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and no corpora unless a test names them."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    return work


def shell(script: str, **env: str) -> Done:
    """Run bash with the real command in a real pipe; the exit code is that of its last command."""
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def bioinstruct(*args: object, **env: str) -> Done:
    return shell(shlex.join(["bioinstruct", *map(str, args)]), **env)


def here(capsys: pytest.CaptureFixture[str], *args: object) -> Done:
    """The same in this process, which spares it loading the large libraries again."""
    with pytest.raises(SystemExit) as caught:
        main([str(arg) for arg in args])
    assert isinstance(caught.value.code, int)
    return Done(caught.value.code, *capsys.readouterr())


def found(folder: Path) -> list[str]:
    """Everything in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        "",
        "seeds",
        "compile",
        "cost",
        "import",
        "doctor",
        "filter",
        "publish",
        "show",
        "stats",
        "export",
        "synthesize",
    ],
)
def test_help_is_what_was_agreed(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    done = here(capsys, *command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    check(f"help-bioinstruct{'-' if command else ''}{command}.txt", done.out)


def test_the_version_is_told() -> None:
    assert bioinstruct("--version").out == "bioinstruct 0.2.0\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("frobnicate",), "no choice named 'frobnicate'"),
        (("show", "seeds", "--limit", "0"), "'0' is not a whole number of 1 or more"),
        (("compile", "demo"), "the following arguments are required: --out"),
        (("compile", "demo", "--out", "x", "--limt", "3"), "unrecognized arguments: --limt 3"),
    ],
)
def test_wrong_usage_is_exit_code_two_and_two_lines(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = here(capsys, *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bioinstruct")
    assert "usage:" not in done.err
    assert done.err.count("\n") == 2
    assert message in done.err


def test_seeds_are_printed_as_json_lines_and_what_is_said_goes_to_stderr(folder: Path) -> None:
    done = bioinstruct("seeds")
    assert done.code == 0
    assert [Instruction.model_validate_json(text) for text in done.out.splitlines()] == load_seeds()
    assert done.err.splitlines()[0].startswith("80 seed tasks, ")
    assert done.err.splitlines()[0].endswith("GEN 27, IE 27, OTHER 8, QA 18")
    assert [line.split(":")[0] for line in done.err.splitlines()[1:]] == ["checked"]
    assert found(folder) == []


@pytest.mark.parametrize("command", ["seeds", "show demo --limit 2000", "show demo --json"])
def test_a_reader_that_has_enough_ends_it_without_a_word(command: str) -> None:
    done = shell(f"bioinstruct {command} 2>err | head -1; cat err >&2")
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert "Traceback" not in done.err
    assert "rror" not in done.err


@pytest.mark.parametrize("command", ["seeds", "compile demo --out -", "show seeds"])
def test_an_output_that_is_full_is_an_error_of_one_line(command: str, folder: Path) -> None:
    done = shell(f"bioinstruct {command} > /dev/full")
    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "bioinstruct: No space left on device",
        "hint: make room on the disk and run the same command again",
    ]
    assert "Traceback" not in done.err
    assert found(folder) == []


def test_a_terminal_that_knows_few_characters_still_gets_them_all() -> None:
    done = bioinstruct("show", "seeds", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.code == 0
    assert done.out.startswith("\\u2500\\u2500 ")


def test_demo_is_compiled_whole(folder: Path) -> None:
    done = bioinstruct("compile", "demo", "--split", "test", "--out", "demo.jsonl")
    made = list(read("demo.jsonl"))
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[-1] == f"{len(made)} instructions to demo.jsonl"
    assert made == list(read_examples("demo", split="test"))
    assert found(folder) == ["demo.jsonl"]


def test_standard_output_is_an_output_too() -> None:
    done = shell("bioinstruct compile demo --limit 3 --out - | bioinstruct show - --json")
    assert [json.loads(text)["task"] for text in done.out.splitlines()] == ["demo-qa"] * 3
    assert done.err.endswith("3 instructions to standard output\n")


def test_real_corpora_are_compiled_from_their_files(data: Path, folder: Path) -> None:
    names = ("pubmedqa", "mts-dialog")
    done = bioinstruct("compile", *names, "--split", "test", "--data", data, "--out", "a.jsonl")
    assert done.code == 0
    assert Counter(e.provenance.origin for e in read("a.jsonl")) == {
        "pubmedqa": 500,
        "mts-dialog": 200,
    }
    again = bioinstruct(
        "compile", *names, "--split", "test", "--out", "b.jsonl", BIOINSTRUCT_DATA=str(data)
    )
    assert again.err.splitlines()[-1] == "700 instructions to b.jsonl"
    assert re.search(r"^pubmedqa +500 records in +\S+ s \( *[\d,]+ a second\)$", again.err, re.M)
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()


def test_a_corpus_that_is_missing_is_named_and_the_others_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = here(capsys, "compile", "pubmedqa", "demo", "--out", "x.jsonl", "--limit", 7)
    assert done.code == 1
    first, none, hint, demo, last = done.err.splitlines()
    assert first.startswith("pubmedqa  ")
    assert none == "    NONE: no data directory is given"
    assert hint.endswith("set BIOINSTRUCT_DATA to the folder that holds the corpora; " + PUBMEDQA)
    assert demo.startswith("demo  ")
    assert last == "7 instructions to x.jsonl"
    assert len(list(read("x.jsonl"))) == 7


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("pubmedqa", "mts-dialog"), "    NONE: no data directory is given"),
        (("pubmedqa", "--data", "nowhere"), "    NONE: no folder nowhere"),
        (("pubmedqa", "--data", "."), "    NONE: no file pubmedqa/"),
        (("demo", "--split", "dev"), "no split of demo named 'dev'; known: test, train"),
    ],
)
def test_where_nothing_can_be_compiled_nothing_is_written(
    args: tuple[str, ...],
    message: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("old.jsonl", records(2))
    done = here(capsys, "compile", *args, "--out", "old.jsonl", "--force")
    assert done.code == 1
    assert message in done.err
    assert done.err.endswith("bioinstruct: no instructions: old.jsonl was not written\n")
    assert list(read("old.jsonl")) == records(2)
    assert found(folder) == ["old.jsonl"]


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (
            ("compile", "pubmed", "--out", "x"),
            [
                f"bioinstruct: no corpus named 'pubmed'; nearest of {len(names())}: pubmedqa, "
                "medqa, mednli, pubmedqa-unlabelled, pubmedqa-artificial",
                "hint: did you mean `pubmedqa`?",
            ],
        ),
        (
            ("compile", "demo", "--layout", "mentions", "--out", "x"),
            ["bioinstruct: no layout of these corpora named 'mentions'; known: none"],
        ),
        (
            ("show", "seed"),
            [
                "bioinstruct: no dataset named 'seed'; known: bioinstruct, demo, seeds",
                "hint: did you mean `seeds`?",
            ],
        ),
        (
            ("show", "x.jsonl"),
            ["bioinstruct: no file or folder 'x.jsonl'", "hint: check the path"],
        ),
        (
            ("publish", "seeds", "x.jsonl", "--out", "x"),
            ["bioinstruct: no file or folder 'x.jsonl'", "hint: check the path"],
        ),
        (
            ("show", "seeds", "--split", "test"),
            ["bioinstruct: no split named 'test'; known: train"],
        ),
        (("show", "a" * 300), [f"bioinstruct: File name too long: {'a' * 300}"]),
    ],
)
def test_what_does_not_exist_is_said_with_the_way_out(
    args: tuple[str, ...],
    lines: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = here(capsys, *args)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[: len(lines)] == lines
    assert found(folder) == []


def test_a_file_that_grows_too_large_is_named_and_removed(folder: Path) -> None:
    done = subprocess.run(
        [COMMAND, "compile", "demo", "--out", "x.jsonl"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "bioinstruct: File too large: x.jsonl",
        "hint: the file would exceed the size limit here; choose another place with --out",
    ]
    assert found(folder) == []


def test_an_output_under_a_file_is_an_error(folder: Path) -> None:
    Path("file").write_text("mine", encoding="utf-8")
    done = bioinstruct("compile", "demo", "--out", "file/x.jsonl")
    assert done.code == 1
    assert done.err.startswith("bioinstruct: ")
    assert "hint: choose another place with --out" in done.err
    done = bioinstruct("compile", "demo", "--out", ".")
    assert (done.code, done.err.splitlines()[0]) == (1, "bioinstruct: . is a folder")
    assert found(folder) == ["file"]


def test_a_command_is_stopped_without_a_traceback_and_leaves_nothing(folder: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "show", "-", "--limit", "9999"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write((json.dumps(record().row()) + "\n") * 2000)  # more than a pipe holds,
    process.stdin.flush()  # so it is reading when this returns
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "bioinstruct: stopped\n")
    assert found(folder) == []


def test_instructions_are_shown_to_read() -> None:
    write("x.jsonl", [record(0), record(1, input="")])
    done = bioinstruct("show", "x.jsonl")
    assert (done.code, done.err) == (0, "")
    check("show.txt", done.out)


def test_showing_stops_at_a_wrong_line_and_names_it() -> None:
    Path("x.jsonl").write_text(json.dumps(record().row()) + '\n{"a": 1}\n', encoding="utf-8")
    done = bioinstruct("show", "x.jsonl")
    assert done.code == 1
    assert done.out.startswith(f"── {record().id}  IE  ner-disease  corpus, CC-BY-4.0\n")
    assert "bioinstruct: x.jsonl:2: " in done.err
    assert "instruction, output, category, task, provenance: missing fields"


@pytest.mark.peer
def test_seeds_go_through_a_pipe_into_a_dataset(folder: Path) -> None:
    done = shell("bioinstruct seeds 2>/dev/null | bioinstruct publish - demo --out ds")
    count = 80 + len(list(read_examples("demo")))
    assert done.code == 0, done.err
    assert done.err == f"{count:,} instructions in ds, 0 exact duplicates left out\n"
    assert found(folder) == ["ds"]
    assert len(list(read_examples("ds"))) == count


def test_an_empty_dataset_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.jsonl").touch()
    done = here(capsys, "publish", "x.jsonl", "--out", "ds")
    assert (done.code, done.err) == (1, "bioinstruct: x.jsonl has no instructions\n")
    assert found(folder) == ["x.jsonl"]


def bad_file(path: str) -> None:
    lines = [json.dumps(record(n).row()) for n in range(3)]
    lines.insert(1, lines[0].replace("measles", "mumps"))
    Path(path).write_text("\n".join([*lines, "nonsense"]), encoding="utf-8")


def test_good_lines_are_published_and_the_bad_ones_kept_with_their_reasons(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_file("x.jsonl")
    done = here(capsys, "publish", "x.jsonl", "seeds", "--out", "ds")
    assert done.code == 1
    first, second, third = done.err.splitlines()
    assert first == "83 instructions in ds, 0 exact duplicates left out"
    assert "2 lines" in second
    assert second.endswith(" ds.rejected.jsonl")
    assert "x.jsonl:2: id: " in third
    assert list(read_examples("ds"))[:3] == records(3)
    rows = [json.loads(t) for t in Path("ds.rejected.jsonl").read_text("utf-8").splitlines()]
    assert [(row["path"], row["line"]) for row in rows] == [("x.jsonl", 2), ("x.jsonl", 5)]
    assert rows[1]["text"] == "nonsense"
    assert found(folder) == ["ds", "ds.rejected.jsonl", "x.jsonl"]


def test_a_dataset_with_bad_lines_is_not_pushed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_file("x.jsonl")
    push = ("--push", "--repo", "me/mine", "--license", "CC-BY-4.0")
    done = here(capsys, "publish", "x.jsonl", "--out", "ds", *push)
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("not pushed: ")
    assert found(folder) == ["ds", "ds.rejected.jsonl", "x.jsonl"]


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (
            (),
            [
                "bioinstruct: --push needs a repository",
                "hint: name one with --repo owner/name",
            ],
        ),
        (
            ("--repo", "me/mine"),
            [
                "bioinstruct: --push needs the licence to publish under",
                "hint: name it with --license SPDX; without --push, the card lists the data's "
                "licences",
            ],
        ),
    ],
)
def test_what_a_push_needs_is_asked_for_before_anything_is_written(
    args: tuple[str, ...],
    lines: list[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = here(capsys, "publish", "seeds", "--out", "ds", "--push", *args)
    assert (done.code, done.err.splitlines()) == (1, lines)
    assert found(folder) == []
