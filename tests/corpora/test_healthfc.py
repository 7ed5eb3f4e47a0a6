from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.healthfc import LABELS
from bioinstruct.dataset.publish import publish


def test_claims_are_as_many_as_published(data: Path) -> None:
    examples = list(read("healthfc", "train", data=data))
    assert Counter(e.output for e in examples) == {
        "Supported": 202,
        "Not enough information": 423,
        "Refuted": 125,
    }
    assert len({e.input for e in examples}) == 750
    assert set(LABELS) == {e.output for e in examples}


def test_a_line_break_or_a_comma_inside_a_field_parts_nothing(data: Path) -> None:
    first = next(read("healthfc", "train", data=data))
    assert first.input.startswith(
        "Claim: Can masks reduce corona infections when worn by a large proportion of the "
        "population?\n\nEvidence: Studies show slow spread After three years of pandemic, there"
    )
    assert (first.output, first.provenance.document) == (
        "Supported",
        "https://www.medizin-transparent.at/masken-corona/",
    )


HEADER = "\ufeffen_claim,en_top_sentences,label,url\n"


def mini(folder: Path, text: str, rejected: list[DataError] | None = None) -> list[str]:
    path = folder / "nc" / "healthfc" / "Datensatz.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [e.input for e in read("healthfc", "train", data=folder, rejected=rejected)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Does it?,It does.,3,u", r"Datensatz\.csv:3: label: unknown '3'; known: 0, 1, 2"),
        ("Does it?, ,1,u", r"Datensatz\.csv:3: en_top_sentences: expected a text"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, row: str, message: str
) -> None:
    good = 'Is it?,"It is,\nmostly.",0,u\n'
    with pytest.raises(DataError, match=message.replace(":3", ":4")):
        mini(tmp_path, f"{HEADER}{good}{row}\n{good}")
    rejected: list[DataError] = []
    inputs = mini(tmp_path, f"{HEADER}{good}{row}\n{good}", rejected)
    assert inputs == ["Claim: Is it?\n\nEvidence: It is, mostly."] * 2


def test_what_is_made_of_it_cannot_be_published(tmp_path: Path) -> None:
    mini(tmp_path, HEADER + "Is it?,It is.,0,u\n")
    examples = list(read("healthfc", "train", data=tmp_path))
    assert "CC-BY-NC-ND-4.0" in get_corpus("healthfc").license
    with pytest.raises(BioinstructError, match="redistributed"):
        publish(examples, tmp_path / "out")
    assert not (tmp_path / "out").exists()
