from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.chemprot_abstracts import LABELS
from tests.corpora.faults import raise_first

# Written for this test in the official layout.
ABSTRACTS = "11\tAspirin and COX-1.\tAspirin blocks COX-1; it binds albumin.\n"
ENTITIES = """11\tT1\tCHEMICAL\t0\t7\tAspirin
11\tT2\tGENE-Y\t12\t17\tCOX-1
11\tT3\tCHEMICAL\t19\t26\tAspirin
11\tT4\tGENE-Y\t34\t39\tCOX-1
11\tT5\tGENE-N\t50\t57\talbumin
"""
RELATIONS = """11\tCPR:4\tY \tINHIBITOR\tArg1:T3\tArg2:T4
11\tCPR:2\tN \tREGULATOR\tArg1:T3\tArg2:T5
"""
FILES = {"abstracts": ABSTRACTS, "entities": ENTITIES, "relations": RELATIONS}


def mini(
    data: Path,
    changes: dict[str, str] | None = None,
    *,
    layout: str = "medtuned",
    packed: bool = False,
    rejected: list[DataError] | None = None,
) -> list[tuple[str, str]]:
    folder = data / "chemprot" / "ChemProt_Corpus"
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in (FILES | (changes or {})).items():
        name = f"chemprot_test_{kind}_gs.tsv"
        if packed:
            with zipfile.ZipFile(folder / "chemprot_test_gs.zip", "a") as archive:
                archive.writestr(f"chemprot_test_gs/{name}", text)
        else:
            (folder / name).write_text(text, encoding="utf-8")
    found = read("chemprot-abstracts", "test", data=data, layout=layout, rejected=rejected)
    return [(example.input, example.output) for example in found]


@pytest.mark.parametrize("packed", [False, True])
def test_evaluated_pairs_are_read_where_their_offsets_say(tmp_path: Path, packed: bool) -> None:
    assert mini(tmp_path, packed=packed) == [
        ("Aspirin and COX-1. @CHEMICAL$ blocks @GENE$; it binds albumin.", "downregulator")
    ]
    assert "downregulator" in LABELS


def test_a_repeated_name_carries_its_number(tmp_path: Path) -> None:
    [(input, _)] = mini(tmp_path, layout="named")
    assert input.endswith("\n\nChemical: Aspirin #2\nGene or protein: COX-1 #2")


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("entities", "50\t57", "50\t570", "entities_gs.tsv:5: T5: expected 'albumin' at 50 to 570"),
        ("entities", "GENE-N", "CELL", "T5: expected CHEMICAL, GENE, GENE-Y, GENE-N TAB start"),
        ("entities", "11\tT5", "12\tT5", "T5: there is no abstract 12"),
        ("relations", "Arg1:T3\tArg2:T4", "Arg1:T9\tArg2:T4", "relations_gs.tsv:1: expected entit"),
        ("relations", "INHIBITOR\t", "", "relations_gs.tsv:1: expected 6 fields, found 5"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, kind: str, old: str, new: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        raise_first(mini(tmp_path, {kind: FILES[kind].replace(old, new)}))
