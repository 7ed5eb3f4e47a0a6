"""The rule that finds possible identifiers, and what publishing says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.identifiers import planted

from bioinstruct import write
from bioinstruct.cli.main import main
from bioinstruct.filters import choose_rules
from bioinstruct.filters.identifiers import KINDS, find_identifiers
from tests.records import record, records


def test_planted_identifiers_of_every_kind_are_found() -> None:
    found = planted(rounds=5, seed=1)
    assert found.keys() == set(KINDS)
    assert sum(part for part, _ in found.values()) >= 0.95 * sum(n for _, n in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "EC 4.2.1.1 and 1.14.16.1 are enzymes.",
        "The ratio was 1.1.10 in version 2.1-53.",
        "BP 120/80, given 5/10 mg.",
        "A 45-year-old woman was seen in May 2020 and in the 1990s.",
        "Dose 0.5-1.5 mg/kg, p = 0.001 (95 % CI 1.2-3.4).",
        "Alzheimer's disease; the Glasgow Coma Scale; Miss the dose.",
        "PMID 12345678; NCT01234567; ICD-10 E11.9; CAS 50-78-2.",
        "Patients seen from January 1, 1992 to December 31, 1998 were included.",
        "Between 1 May 2007 and 30 April 2012, and from 8/1/97 to 1/31/99.",
        "Cases fell by 10 % in March 2021.",
    ],
)
def test_what_identifies_nobody_is_left_alone(text: str) -> None:
    assert list(find_identifiers(text)) == []


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("Seen by Dr. Siobhan O'Brien.", "name", "Dr. Siobhan O'Brien"),
        ("Admitted on March 3 with pain", "date", "Admitted on March 3"),
        ("in hospital from 3 March 2020 to 9 March 2020", "date", "3 March 2020"),
        ("on 3 March 1950, then 9 March 2020", "date", "9 March 2020"),
        ("call (212) 555-0199 now", "telephone or fax", "(212) 555-0199"),
        ("MRN: 8812345", "record or account number", "MRN: 8812345"),
        ("of 12 Oak Street", "address", "12 Oak Street"),
    ],
)
def test_an_identifier_is_given_with_its_kind_and_text(text: str, kind: str, found: str) -> None:
    assert (kind, found) in {(one.kind, one.text) for one in find_identifiers(text)}


def test_the_rule_is_tried_only_if_it_is_named() -> None:
    assert "possible-identifiers" not in choose_rules(["all"])
    [rule] = choose_rules(["possible-identifiers"]).values()
    assert rule(record(input="Mr. Smith has measles.")) == "name 'Mr. Smith'"


def test_publishing_reports_own_records_and_changes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"kind": "clinical"}
    flagged = record(0, input="Mr. Smith had measles on 3/4/2020.", provenance=own)
    write("r.jsonl", [flagged, record(1, provenance=own), record(2, input="Mr. Jones.")])
    with pytest.raises(SystemExit) as done:
        main(["publish", "r.jsonl", "--out", "p", "--title", "My notes", "--author", "A. B."])
    assert done.value.code == 0
    assert "1 of 2 records may identify a person" in capsys.readouterr().err
    [line] = Path("p.identifiers.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["id"] == flagged.id
    from bioinstruct.dataset.load import read_examples

    assert next(read_examples("./p")).id == flagged.id


def test_what_the_publisher_says_is_kept_when_it_is_published_again(tmp_path: Path) -> None:
    from bioinstruct.dataset.card import About
    from bioinstruct.dataset.publish import publish

    about = About(
        title="Notes", description="From *one* ward.", authors=("A. B.",), citation="@misc{x}"
    )
    publish(records(2), tmp_path / "p", about=about)
    publish(records(3), tmp_path / "p", about=About(title="More notes"), language="de")
    card = (tmp_path / "p" / "README.md").read_text("utf-8")
    assert "# More notes\n\nFrom *one* ward.\n" in card
    assert "This dataset is by A. B." in card
    assert "```bibtex\n@misc{x}\n```" in card
    assert "pretty_name: More notes" in card
    assert "- de" in card


@pytest.mark.parametrize(
    "license", ["NOASSERTION", "LicenseRef-internal", "LicenseRef-Ward-Private"]
)
def test_what_is_not_for_the_public_is_pushed_only_by_its_owner(
    license: str, tmp_path: Path
) -> None:
    from collections import Counter

    from bioinstruct import BioinstructError
    from bioinstruct.dataset.publish import _check_license

    for given in ("CC-BY-4.0", None):
        with pytest.raises(BioinstructError) as error:
            _check_license(given, Counter({license: 2}), mine=False)
        assert "--license-is-mine" in error.value.hint
    _check_license("CC-BY-4.0", Counter({license: 2}), mine=True)
    _check_license("CC-BY-4.0", Counter({license: 2, "CC-BY-4.0": 1}), mine=True)
    with pytest.raises(BioinstructError):  # the licence of the others still counts
        _check_license("MIT", Counter({license: 2, "CC-BY-NC-4.0": 1}), mine=True)
