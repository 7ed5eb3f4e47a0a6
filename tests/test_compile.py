from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, MissingError, UnknownNameError, corpora, jsonl
from bioinstruct.compile import Outcome, compile_corpora, write_rejected
from bioinstruct.corpora import Corpus, Row, Skipped, get_corpus, read
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
    outcomes: list[Outcome] = []
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
    outcomes: list[Outcome] = []
    (small / "mts_dialog/MTS-Dialog-TrainingSet.csv").rename(
        small / "mts_dialog/MTS-Dialog-ValidationSet.csv"
    )
    names = ["pubmedqa", "mts-dialog"]
    assert len(list(compile_corpora(names, split="validation", data=small, outcomes=outcomes))) == 1
    assert "no split of pubmedqa named 'validation'" in str(outcomes[0].error)


def of_rows(*rows: Row | BioinstructError) -> Corpus:
    """A corpus that gives these rows, and raises the one that is an error of its structure."""

    def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        for row in rows:
            if isinstance(row, MissingError):
                raise row
            yield row  # type: ignore[misc]

    return replace(get_corpus("demo"), reader=read)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts corpora of rows in the place of the real ones."""

    def register(**made: Corpus) -> None:
        for name, corpus in made.items():
            monkeypatch.setitem(corpora._BY_NAME, name, replace(corpus, name=name))

    return register


def fault(line: int) -> DataError:
    return DataError("expected a tag", path="train.tsv", line=line)


def test_a_row_that_is_at_fault_is_kept_and_the_next_ones_go_on(
    registered: Callable[..., None], tmp_path: Path
) -> None:
    rows = (record(0), fault(7), Skipped("no answer"), record(1), Skipped("no answer"), fault(9))
    registered(one=of_rows(*rows), two=of_rows(record(2)))
    outcomes: list[Outcome] = []
    assert list(compile_corpora(["one", "two"], outcomes=outcomes)) == records(3)
    assert outcomes[0].records == 2
    assert outcomes[0].skipped == {"no answer": 2}
    assert outcomes[0].error is None
    assert write_rejected(tmp_path / "r.jsonl", outcomes) == 2
    lines = [json.loads(line) for line in (tmp_path / "r.jsonl").read_bytes().splitlines()]
    assert lines == [
        {"corpus": "one", "path": "train.tsv", "line": line, "reason": "expected a tag"}
        for line in (7, 9)
    ]


def test_a_corpus_that_breaks_off_keeps_what_came_before(registered: Callable[..., None]) -> None:
    registered(one=of_rows(record(0), MissingError("gone")), two=of_rows(record(1)))
    outcomes: list[Outcome] = []
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
    outcomes: list[Outcome] = []
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
