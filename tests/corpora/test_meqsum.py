from __future__ import annotations

import html
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.meqsum import WORDINGS
from tests.corpora import guide
from tests.corpora.packing import workbook

NAME = "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx"
HEADER = ["File", "CHQ", "Summary"]


def test_all_thousand_questions_are_in_one_split_each(data: Path) -> None:
    examples = [e for s in get_corpus("meqsum").splits for e in read("meqsum", s, data=data)]
    assert len(examples) == len({example.provenance.document for example in examples}) == 1_000
    assert len({example.input for example in examples}) == 1_000
    assert {example.instruction for example in examples} == set(WORDINGS)
    assert Counter(example.provenance.split for example in examples) == guide.counts("meqsum")


def test_questions_and_summaries_are_those_of_the_sheet(data: Path) -> None:
    """The shared texts come in the order of the cells, so that a pattern reads them too."""
    with zipfile.ZipFile(data / "meqsum" / NAME) as archive:
        strings = archive.read("xl/sharedStrings.xml").decode()
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    texts = [
        html.unescape("".join(re.findall(r"<t(?: [^>]*)?>([^<]*)</t>", item))).replace("\r\n", "\n")
        for item in re.findall(r"<si>(.*?)</si>", strings, re.DOTALL)
    ]
    order = [texts[int(value)] for value in re.findall(r"<v>(\d+)</v>", sheet)]
    expected = {tuple(order[n : n + 3]) for n in range(3, len(order), 3)}
    found = {
        (e.provenance.document, e.input, e.output)
        for split in get_corpus("meqsum").splits
        for e in read("meqsum", split, data=data)
    }
    assert found == {tuple(cell.strip() for cell in row) for row in expected}


def test_a_row_without_summary_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    rows = [HEADER, ["0.txt", "Long?", "Short?"], ["1.txt", "Long.", ""], ["2.txt", "L", "S"]]
    path = workbook(tmp_path / "meqsum" / NAME, rows)
    rejected: list[DataError] = []
    examples = list(read("meqsum", "train", data=tmp_path, rejected=rejected))
    assert [(example.input, example.output) for example in examples] == [
        ("Long?", "Short?"),
        ("L", "S"),
    ]
    [fault] = rejected
    assert (fault.path, fault.line) == (path, 3)


def test_another_workbook_in_its_place_is_refused(tmp_path: Path) -> None:
    workbook(tmp_path / "meqsum" / NAME, [["Question", "Answer"], ["a", "b"]])
    with pytest.raises(
        DataError, match="missing column File, CHQ, Summary; found Question, Answer"
    ):
        list(read("meqsum", "test", data=tmp_path))
