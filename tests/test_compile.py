from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bioinstruct import BioinstructError, DataError, MissingError, UnknownNameError, jsonl
from bioinstruct.cli.main import main
from bioinstruct.corpora import (
    Access,
    Corpus,
    Download,
    Row,
    Skipped,
    get_corpus,
    read,
    registry,
)
from bioinstruct.mixtures.compile import CorpusReport, compile_corpora, rejections
from bioinstruct.rejection import write_rejections
from tests.records import record, records


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A data directory with a small MTS-Dialog and nothing else."""
    path = tmp_path / "mts_dialog" / "MTS-Dialog-TrainingSet.csv"
    path.parent.mkdir()
    header = "ID,section_header,section_text,dialogue\n"
    path.write_text(f"{header}0,CC,Cough.,Patient: I cough.\n", encoding="utf-8")
    return tmp_path


def test_corpora_come_in_the_order_of_their_names_and_files(data: Path) -> None:
    names = ["pubmedqa", "mts-dialog", "ncbi-disease", "pubmedqa"]
    examples = list(compile_corpora(names, data=data, layout="medtuned"))
    assert examples == [
        *read("pubmedqa", "train", data=data),
        *read("mts-dialog", "train", data=data),
        *read("ncbi-disease", "train", data=data, layout="medtuned"),
    ]
    assert len(examples) == 500 + 1201 + 5424


def test_what_is_compiled_can_be_written_and_read_back(data: Path, tmp_path: Path) -> None:
    names = ["ncbi-disease", "mts-dialog", "pubmedqa"]
    examples = list(compile_corpora(names, split="test", data=data))
    jsonl.write(tmp_path / "test.jsonl", examples)
    assert list(jsonl.read(tmp_path / "test.jsonl")) == examples


def test_a_corpus_that_cannot_be_read_does_not_stop_the_others(small: Path) -> None:
    outcomes: list[CorpusReport] = []
    names = ["pubmedqa", "mts-dialog", "ncbi-disease"]
    [example] = compile_corpora(names, data=small, outcomes=outcomes)
    assert example.provenance.origin == "mts-dialog"
    assert [(o.corpus, o.records, o.error is None) for o in outcomes] == [
        ("pubmedqa", 0, False),
        ("mts-dialog", 1, True),
        ("ncbi-disease", 0, False),
    ]
    assert all("no file" in str(outcomes[place].error) for place in (0, 2))


def test_a_split_that_a_corpus_does_not_have_is_its_fault_alone(small: Path) -> None:
    outcomes: list[CorpusReport] = []
    (small / "mts_dialog/MTS-Dialog-TrainingSet.csv").rename(
        small / "mts_dialog/MTS-Dialog-ValidationSet.csv"
    )
    names = ["pubmedqa", "mts-dialog"]
    assert len(list(compile_corpora(names, split="validation", data=small, outcomes=outcomes))) == 1
    assert "no split of pubmedqa named 'validation'" in str(outcomes[0].error)


def of_rows(*rows: Row | BioinstructError) -> Corpus:
    """A corpus that gives these rows, and raises the one that is an error of its structure."""

    def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        for row in rows if split == "train" else ():
            if isinstance(row, MissingError):
                raise row
            yield row  # type: ignore[misc]

    return replace(get_corpus("demo"), reader=read)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts corpora of rows in the place of the real ones."""

    def register(**made: Corpus) -> None:
        for name, corpus in made.items():
            monkeypatch.setitem(registry._known(), name, replace(corpus, name=name))

    return register


def fault(line: int) -> DataError:
    return DataError("expected a tag", path="train.tsv", line=line)


def test_a_row_that_is_at_fault_is_kept_and_the_next_ones_go_on(
    registered: Callable[..., None], tmp_path: Path
) -> None:
    rows = (record(0), fault(7), Skipped("no answer"), record(1), Skipped("no answer"), fault(9))
    registered(one=of_rows(*rows), two=of_rows(record(2)))
    outcomes: list[CorpusReport] = []
    assert list(compile_corpora(["one", "two"], outcomes=outcomes)) == records(3)
    assert outcomes[0].records == 2
    assert outcomes[0].skipped == {"no answer": 2}
    assert outcomes[0].error is None
    assert write_rejections(tmp_path / "r.jsonl", rejections(outcomes)) == 2
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_bytes().splitlines()]
    assert lines == [
        {"corpus": "one", "path": "train.tsv", "line": line, "reason": "expected a tag"}
        for line in (7, 9)
    ]


def test_a_corpus_that_breaks_off_keeps_what_came_before(registered: Callable[..., None]) -> None:
    registered(one=of_rows(record(0), MissingError("gone")), two=of_rows(record(1)))
    outcomes: list[CorpusReport] = []
    assert list(compile_corpora(["one", "two"], outcomes=outcomes)) == records(2)
    assert str(outcomes[0].error) == "gone"
    assert outcomes[0].records == 1


def test_one_record_is_held_at_a_time(registered: Callable[..., None]) -> None:
    """A broken second record does not come to light before the first one is taken."""
    registered(one=of_rows(record(0), fault(2)))
    stream = compile_corpora(["one"])
    assert next(stream) == record(0)
    with pytest.raises(DataError, match=r"train\.tsv:2: expected a tag"):
        next(stream)


def test_a_limit_holds_for_each_corpus(registered: Callable[..., None]) -> None:
    registered(one=of_rows(*records(3), fault(4)), two=of_rows(record(5)))
    outcomes: list[CorpusReport] = []
    found = list(compile_corpora(["one", "two"], limit=2, outcomes=outcomes))
    assert found == [*records(2), record(5)]
    assert [outcome.records for outcome in outcomes] == [2, 1]
    assert list(compile_corpora(["one", "two"], limit=2)) == found


def test_without_outcomes_the_first_fault_is_raised(small: Path) -> None:
    with pytest.raises(MissingError, match="ori_pqal"):
        list(compile_corpora(["pubmedqa", "mts-dialog"], data=small))


def test_the_seed_changes_wordings_and_nothing_else(data: Path) -> None:
    first, same, other = (
        list(compile_corpora(["ncbi-disease"], split="test", data=data, seed=seed))
        for seed in (0, 0, 1)
    )
    assert first == same
    assert [(e.input, e.output) for e in first] == [(e.input, e.output) for e in other]
    assert first != other


def test_wrong_names_are_refused_before_anything_is_read(small: Path) -> None:
    with pytest.raises(UnknownNameError, match="no corpus named 'pubmed'"):
        compile_corpora(["mts-dialog", "pubmed"], data=small, outcomes=[])
    with pytest.raises(UnknownNameError, match="no layout of these corpora named 'medtuned'"):
        compile_corpora(["pubmedqa"], data=small, layout="medtuned", outcomes=[])


# ---- the command


class Done(NamedTuple):
    code: object
    out: str
    err: str


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """`bioinstruct compile` in an empty folder, without corpora unless they are named."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def compile(*args: object) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(["compile", *map(str, args)])
        return Done(caught.value.code, *capsys.readouterr())

    return compile


Run = Callable[..., Done]


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_bytes().splitlines()]


def test_rows_at_fault_are_written_beside_and_the_exit_code_says_so(
    run: Run, registered: Callable[..., None]
) -> None:
    registered(one=of_rows(record(0), fault(7), Skipped("no answer")), two=of_rows(record(1)))
    done = run("one", "two", "--out", "x.jsonl")
    assert (done.code, done.out) == (1, "")
    assert [row["line"] for row in lines("x.rejected.jsonl")] == [7]
    assert "    skipped 1: no answer" in done.err
    assert "    REJECTED 1; first error: train.tsv:7: expected a tag" in done.err
    assert "left out 1 bad rows; see x.rejected.jsonl" in done.err
    assert done.err.endswith("2 instructions to x.jsonl\n")
    assert list(jsonl.read("x.jsonl")) == records(2)


def test_a_corpus_that_breaks_off_is_told_with_what_came_before(
    run: Run, registered: Callable[..., None]
) -> None:
    registered(one=of_rows(record(0), MissingError("gone", hint="look there")))
    done = run("one", "--out", "x.jsonl")
    assert done.code == 1
    assert "    STOPPED: gone\n    hint: look there" in done.err.replace("; demo", "")
    assert len(lines("x.jsonl")) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nothing to compile"),
        (("demo", "--mixture", "open"), "names and a mixture: which of them?"),
        (("--mixture", "open", "--split", "test"), "a mixture sets the split and layout"),
        (("--mixture", "opne"), "open-two-layouts\nhint: did you mean `open`?"),
    ],
)
def test_what_cannot_be_meant_is_asked_back(run: Run, args: tuple[str, ...], message: str) -> None:
    done = run(*args, "--out", "x.jsonl")
    assert done.code == 1
    assert message in done.err


def write_mixture(*sources: str, **settings: object) -> None:
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
    text += "".join(f"[[source]]\n{source}\n" for source in sources)
    Path("my.toml").write_text(text, encoding="utf-8")


def test_a_mixture_is_written_with_what_was_left_out_beside_it(
    run: Run, registered: Callable[..., None]
) -> None:
    registered(one=of_rows(*records(5), record(0)), two=of_rows(record(2), record(9)))
    write_mixture("corpus = 'one'\nsize = 3", "corpus = 'two'", decontaminate=False)
    done = run("--mixture", "my.toml", "--out", "x.jsonl")
    assert (done.code, done.out) == (0, "")
    assert [row["reason"] for row in lines("x.dropped.jsonl")] == ["duplicate", "duplicate"]
    assert "    dropped 1: duplicate\n    took 3 of 5\n" in done.err
    assert done.err.endswith("4 instructions to x.jsonl\n")
    before = Path("x.jsonl").read_bytes()
    assert run("--mixture", "my.toml", "--out", "x.jsonl", "--force").code == 0
    assert Path("x.jsonl").read_bytes() == before
    run("--mixture", "my.toml", "--out", "x.jsonl", "--seed", "1", "--force")
    assert Path("x.jsonl").read_bytes() != before
    write_mixture("corpus = 'one'", duplicates=True, decontaminate=False)
    run("--mixture", "my.toml", "--out", "y.jsonl")
    assert not Path("y.dropped.jsonl").exists()


def test_a_mixture_tells_what_is_not_in_it(run: Run, registered: Callable[..., None]) -> None:
    registered(
        one=of_rows(record(0)),
        gone=of_rows(MissingError("no file gone/train.tsv")),
        nc=replace(of_rows(record(1)), license="CC-BY-NC-4.0"),
        closed=replace(of_rows(MissingError("no file")), access=Access.CREDENTIALED),
    )
    optional = "corpus='closed'\noptional=true"
    write_mixture("corpus='one'", "corpus='gone'\noptional=true", "corpus='nc'", optional)
    done = run("--mixture", "my.toml", "--out", "x.jsonl")
    assert done.code == 0
    assert "    NONE: no file gone/train.tsv" in done.err
    assert "LEFT OUT: its licence forbids commercial use; --allow-nc includes it" in done.err
    assert "NOT in the mixture: gone, nc, closed (credentialed)\n" in done.err
    assert "NOT compared with those of " in done.err
    write_mixture("corpus='one'", "corpus='gone'", decontaminate=False)
    assert run("--mixture", "my.toml", "--out", "x.jsonl", "--force").code == 1


def test_a_slip_in_a_mixture_is_told_before_anything_is_written(run: Run) -> None:
    write_mixture("corpus = 'demo'", temprature=2.0)
    done = run("--mixture", "my.toml", "--out", "x.jsonl")
    assert (done.code, done.err) == (
        1,
        "bioinstruct: my.toml:1: temprature: unknown field\nhint: did you mean `temperature`?\n",
    )
    assert not Path("x.jsonl").exists()


@pytest.fixture
def official(tmp_path: Path) -> Iterator[str]:
    """A server that holds the official files of a small corpus."""
    folder = tmp_path / "official"
    folder.mkdir()
    header = "ID,section_header,section_text,dialogue\n"
    text = f"{header}0,CC,Cough.,Patient: I cough.\n"
    (folder / "MTS-Dialog-TrainingSet.csv").write_text(text, encoding="utf-8")
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/MTS-Dialog-TrainingSet.csv"
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetch_brings_the_files_and_compiles_them(
    run: Run, official: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "ID,section_header,section_text,dialogue\n"
    sha256 = hashlib.sha256(f"{header}0,CC,Cough.,Patient: I cough.\n".encode()).hexdigest()
    pinned = Download("MTS-Dialog-TrainingSet.csv", official, sha256)
    corpus = replace(get_corpus("mts-dialog"), downloads=(pinned,))
    monkeypatch.setitem(registry._known(), "mts-dialog", corpus)
    assert run("mts-dialog", "--out", "x.jsonl").code == 1
    done = run("mts-dialog", "i2b2-2010", "demo", "--fetch", "--out", "x.jsonl", "--limit", 2)
    assert "downloaded mts-dialog: 1 files in " in done.err
    assert "not downloaded: i2b2-2010 needs credentialed and is never downloaded" in done.err
    assert f"hint: apply at {get_corpus('i2b2-2010').homepage}" in done.err
    assert len(lines("x.jsonl")) == 3
    again = run("mts-dialog", "--out", "x.jsonl", "--force")  # found in the cache, without a word
    assert (again.code, len(lines("x.jsonl"))) == (0, 1)
    wrong = replace(corpus, downloads=(replace(pinned, sha256="0" * 64),))
    monkeypatch.setitem(registry._known(), "mts-dialog", wrong)
    done = run("mts-dialog", "--fetch", "--out", "x.jsonl", "--force")
    assert done.code == 1
    assert "is not the pinned file" in done.err
