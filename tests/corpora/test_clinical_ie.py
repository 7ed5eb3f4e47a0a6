from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import DataError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.clinical_ie import LABELS, parse_medications
from bioinstruct.dataset.publish import forbids_redistribution

# Written for this test in the documented layout; no patient's words.
NOTE = {
    "index": "1",
    "snippet": "Heparin was stopped. She is on aspirin and ASA allergy was denied.",
    "active_medications": "['aspirin']",
    "discontinued_medications": "['Heparin']",
    "neither_medications": "['ASA', 'latex']",
}
PRONOUN = {
    "index": "1",
    "snippet": "The graft failed and it was removed.",
    "pronoun": "it",
    "antecedent": "The graft",
}


def mini(
    folder: Path,
    task: str,
    rows: list[dict[str, Any]],
    *,
    parquet: bool = False,
    rejected: list[DataError] | None = None,
) -> list[tuple[str, str]]:
    place = folder / "clinical_ie" / task.replace("-", "_")
    place.mkdir(parents=True, exist_ok=True)
    if parquet:
        import pyarrow as pa
        import pyarrow.parquet as pq

        (place / "test").mkdir()
        pq.write_table(pa.Table.from_pylist(rows), place / "test" / "0000.parquet")
    else:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        (place / "test.csv").write_text(text.getvalue(), encoding="utf-8")
    found = read(f"clinical-ie-{task}", "test", data=folder, rejected=rejected)
    return [(example.input, example.output) for example in found]


@pytest.mark.parametrize("parquet", [False, True])
def test_medications_are_listed_in_the_order_of_the_note(tmp_path: Path, parquet: bool) -> None:
    empty = NOTE | {f"{label}_medications": "[]" for label in LABELS}
    [(input, output), (_, none)] = mini(
        tmp_path, "medication-status", [NOTE, empty], parquet=parquet
    )
    assert input == NOTE["snippet"]
    assert output == "Heparin | discontinued\naspirin | active\nASA | neither\nlatex | neither"
    assert none == "none"


def test_lists_may_be_lists(tmp_path: Path) -> None:
    lists = NOTE | {
        "active_medications": ["aspirin"],
        "discontinued_medications": ["Heparin"],
        "neither_medications": [],
    }
    [(_, output)] = mini(tmp_path, "medication-status", [lists], parquet=True)
    assert parse_medications(output) == {"heparin": "discontinued", "aspirin": "active"}


name = st.text("abc -12", min_size=1).map(str.strip).filter(lambda text: text.strip("- "))


@given(
    st.dictionaries(name.map(lambda n: " ".join(n.strip("- ").split())), st.sampled_from(LABELS))
)
def test_what_is_listed_is_read_back(medications: dict[str, str]) -> None:
    text = "\n".join(f"{name} | {status}" for name, status in medications.items()) or "none"
    assert parse_medications(text) == medications


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", {}),
        (
            "- Aspirin | Active\n* heparin | discontinued.",
            {"aspirin": "active"} | {"heparin": "discontinued"},
        ),
        ("aspirin\nheparin | stopped", {}),
        ("aspirin | active\naspirin | neither", {"aspirin": "active"}),
    ],
)
def test_an_answer_is_read_as_far_as_it_goes(text: str, found: dict[str, str]) -> None:
    assert parse_medications(text) == found


@given(st.text())
def test_any_answer_can_be_read(text: str) -> None:
    assert set(parse_medications(text).values()) <= set(LABELS)


def test_a_pronoun_stands_below_its_note(tmp_path: Path) -> None:
    assert mini(tmp_path, "coreference", [PRONOUN]) == [
        ("The graft failed and it was removed.\n\nPronoun: it", "The graft")
    ]


@pytest.mark.parametrize(
    ("task", "bad", "message"),
    [
        ("medication-status", {"active_medications": "aspirin"}, "row 2: expected lists of medica"),
        (
            "medication-status",
            {"active_medications": "[1]"},
            "row 2: expected lists of medications",
        ),
        ("medication-status", {"active_medications": "['a | b']"}, "row 2: a medication name"),
        ("coreference", {"antecedent": " "}, "row 2: expected a snippet, pronoun, antecedent"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, task: str, bad: dict[str, str], message: str
) -> None:
    good = NOTE if task == "medication-status" else PRONOUN
    rejected: list[DataError] = []
    assert len(mini(tmp_path, task, [good, good | bad, good], rejected=rejected)) == 2
    assert message in str(rejected[0])


@pytest.mark.parametrize("parquet", [False, True])
def test_other_columns_are_listed(tmp_path: Path, parquet: bool) -> None:
    other = {"snippet": "a", "mention": "it", "referent": "a"}
    with pytest.raises(DataError, match=r"missing column pronoun, antecedent; found snippet, men"):
        mini(tmp_path, "coreference", [other], parquet=parquet)


@pytest.mark.parametrize("task", ["medication-status", "coreference"])
def test_nobody_can_fetch_or_publish_it(task: str) -> None:
    corpus = get_corpus(f"clinical-ie-{task}")
    assert corpus.access == "registration"
    assert not corpus.downloads
    assert forbids_redistribution(corpus.license)
