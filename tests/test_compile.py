from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import MissingError, UnknownNameError, jsonl
from bioinstruct.compile import Failure, compile_corpora
from bioinstruct.corpora import read


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
    failures: list[Failure] = []
    names = ["pubmedqa", "mts-dialog", "ncbi-disease"]
    [example] = compile_corpora(names, data=small, failures=failures)
    assert example.provenance.origin == "mts-dialog"
    assert [failure.corpus for failure in failures] == ["pubmedqa", "ncbi-disease"]
    assert all("no file" in str(failure.error) for failure in failures)


def test_a_split_that_a_corpus_does_not_have_is_its_failure(small: Path) -> None:
    failures: list[Failure] = []
    (small / "mts_dialog/MTS-Dialog-TrainingSet.csv").rename(
        small / "mts_dialog/MTS-Dialog-ValidationSet.csv"
    )
    names = ["pubmedqa", "mts-dialog"]
    assert len(list(compile_corpora(names, split="validation", data=small, failures=failures))) == 1
    assert "no split of pubmedqa named 'validation'" in str(failures[0].error)


def test_a_corpus_with_a_fault_is_left_out_whole(small: Path) -> None:
    path = small / "mts_dialog/MTS-Dialog-TrainingSet.csv"
    path.write_text(path.read_text(encoding="utf-8") + "1,XX,a,b\n", encoding="utf-8")
    failures: list[Failure] = []
    assert list(compile_corpora(["mts-dialog"], data=small, failures=failures)) == []
    assert "unknown section 'XX'" in str(failures[0].error)


def test_without_a_list_for_failures_the_first_one_is_raised(small: Path) -> None:
    with pytest.raises(MissingError, match="ori_pqal"):
        list(compile_corpora(["pubmedqa", "mts-dialog"], data=small))


def test_wrong_names_are_refused_before_anything_is_read(small: Path) -> None:
    with pytest.raises(UnknownNameError, match="no corpus named 'pubmed'"):
        compile_corpora(["mts-dialog", "pubmed"], data=small, failures=[])
    with pytest.raises(UnknownNameError, match="no layout of these corpora named 'medtuned'"):
        compile_corpora(["mts-dialog"], data=small, layout="medtuned", failures=[])
