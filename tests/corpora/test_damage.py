"""One damaged row of an official file costs one record: it is rejected, and the others are read."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import get_corpus, read

FILES = {
    "anatem": ("test", "AnatEM-IOB/test.tsv"),
    "bc5cdr": ("test", "BC5CDR-IOB/test.tsv"),
    "bc5cdr-chemical": ("test", "BC5CDR-chem-IOB/test.tsv"),
    "bc5cdr-disease": ("test", "BC5CDR-disease-IOB/test.tsv"),
    "bc5cdr-relations": ("test", "CDR_TestSet.PubTator.txt"),
    "biosses": ("test", "test.tsv"),
    "chemprot": ("test", "test.txt"),
    "gad": ("test", "tsv/test.tsv"),
    "genmedgpt": ("train", "chatdoctor5k.json"),
    "healthfc": ("train", "Datensatz.csv"),
    "medqa": ("test", "US/4_options/phrases_no_exclude_test.jsonl"),
    "medqa-5": ("test", "US/test.jsonl"),
    "mmlu-anatomy": ("test", "test/anatomy_test.csv"),
    "mmlu-college-medicine": ("test", "test/college_medicine_test.csv"),
    "mts-dialog": ("test", "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv"),
    "ncbi-disease": ("test", "conll/test.tsv"),
    "pubmedqa": ("train", "ori_pqal.json"),
    "rqe": ("test", "RQE_Test_302_pairs_AMIA2016.xml"),
    "wikidoc-patient": ("train", "medical_meadow_small.json"),
}
Damage = Callable[[bytes, int], bytes]


def byte_of_latin_1(content: bytes, at: int) -> bytes:
    return content[:at] + b"\xe9" + content[at + 1 :]


def nul(content: bytes, at: int) -> bytes:
    return content[:at] + b"\0" + content[at + 1 :]


def first_letter_after(content: bytes, at: int) -> int:
    """A place inside of a word of text, not of the marks of a format."""
    while not content[at : at + 3].isalpha() or not content[at - 3 : at].isalpha():
        at += 1
    return at


def _linked(source: str, target: str) -> None:
    """Link a file of a corpus, or copy it to another disk; a link that leads outside is refused."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@pytest.mark.parametrize("damage", [byte_of_latin_1, nul])
@pytest.mark.parametrize("name", FILES)
def test_one_damaged_row_costs_one_record(
    name: str, damage: Damage, data: Path, tmp_path: Path
) -> None:
    corpus, (split, file) = get_corpus(name), FILES[name]
    whole = [e.provenance.document for e in read(name, split, data=data)]
    target = tmp_path / str(corpus.folder)
    shutil.copytree(data / str(corpus.folder), target, copy_function=_linked)
    path = target / file
    packed = path.with_name(f"{path.name}.gz")
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    for old in (path, packed):
        old.unlink(missing_ok=True)
    at = first_letter_after(content, len(content) // 2)
    path.write_bytes(damage(content, at))
    rejected: list[DataError] = []
    left = [e.provenance.document for e in read(name, split, data=tmp_path, rejected=rejected)]
    assert [error.path for error in rejected] == [path]
    assert len(left) == len(whole) - 1
    if path.suffix not in {".json", ".xml"}:  # where a row stands on lines of its own
        line = content.count(b"\n", 0, at) + 1
        assert rejected[0].line is not None
        assert rejected[0].line <= line
