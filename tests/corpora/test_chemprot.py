from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.chemprot import LABELS

PUBLISHED = {  # of the data's own description
    "train": {
        "INHIBITOR": 1642,
        "ANTAGONIST": 235,
        "AGONIST": 156,
        "DOWNREGULATOR": 131,
        "PRODUCT-OF": 233,
        "SUBSTRATE": 480,
        "INDIRECT-UPREGULATOR": 387,
        "UPREGULATOR": 67,
        "INDIRECT-DOWNREGULATOR": 487,
        "ACTIVATOR": 323,
        "AGONIST-ACTIVATOR": 10,
        "AGONIST-INHIBITOR": 4,
        "SUBSTRATE_PRODUCT-OF": 14,
    },
    "validation": {
        "INDIRECT-DOWNREGULATOR": 270,
        "INHIBITOR": 812,
        "AGONIST": 111,
        "PRODUCT-OF": 130,
        "ANTAGONIST": 199,
        "ACTIVATOR": 257,
        "SUBSTRATE": 322,
        "AGONIST-ACTIVATOR": 5,
        "INDIRECT-UPREGULATOR": 278,
        "SUBSTRATE_PRODUCT-OF": 5,
        "DOWNREGULATOR": 21,
        "UPREGULATOR": 17,
    },
    "test": {
        "ANTAGONIST": 293,
        "INDIRECT-DOWNREGULATOR": 340,
        "INHIBITOR": 1255,
        "INDIRECT-UPREGULATOR": 334,
        "AGONIST": 182,
        "PRODUCT-OF": 191,
        "DOWNREGULATOR": 72,
        "ACTIVATOR": 292,
        "SUBSTRATE": 453,
        "UPREGULATOR": 41,
        "AGONIST-ACTIVATOR": 4,
        "AGONIST-INHIBITOR": 12,
    },
}


@pytest.mark.parametrize("split", PUBLISHED)
def test_relations_are_as_many_as_published(data: Path, split: str) -> None:
    assert Counter(e.output for e in read("chemprot", split, data=data)) == PUBLISHED[split]
    assert set(PUBLISHED["train"]) == set(LABELS)


@pytest.mark.parametrize(("split", "copies"), [("train", 25), ("validation", 17), ("test", 25)])
def test_a_pair_with_two_relations_is_there_twice(data: Path, split: str, copies: int) -> None:
    examples = list(read("chemprot", split, data=data))
    marked = Counter(e.input for e in examples)
    assert sum(marked.values()) - len(marked) == copies
    assert max(marked.values()) == 2


def test_neither_layout_shows_a_mark_and_the_masked_one_no_name(data: Path) -> None:
    for example in read("chemprot", "validation", data=data, layout="medtuned"):
        assert example.input.count("@ENTITY$") == 2
        assert not {"<<", "[[", "]]"} & set(example.input.split())


def test_the_first_entity_may_be_the_chemical_or_the_protein(data: Path) -> None:
    inputs = [e.input for e in read("chemprot", "validation", data=data)]
    assert inputs[0].endswith("\n\nFirst entity: Ang II\nSecond entity: valsartan")
    assert inputs[2].endswith("\n\nFirst entity: irbesartan\nSecond entity: Ang II receptor")


def mini(
    folder: Path, text: str, layout: str = "named", rejected: list[DataError] | None = None
) -> list[str]:
    path = folder / "chemprot_sentences" / "test.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    found = read("chemprot", "test", data=folder, layout=layout, rejected=rejected)
    return [example.input for example in found]


def line(text: str, label: str = "INHIBITOR") -> str:
    return json.dumps({"text": text, "label": label, "metadata": []}) + "\n"


def test_a_stray_mark_in_the_text_changes_nothing(tmp_path: Path) -> None:
    text = line("Order of << Panx1 >> potency: [[ A ]] >> B >> A.")
    assert mini(tmp_path, text, "medtuned") == ["Order of @ENTITY$ potency: @ENTITY$ >> B >> A."]
    assert mini(tmp_path, line("A by [[ A ]] of << B >>.")) == [
        "A by A of B.\n\nFirst entity: A #2\nSecond entity: B"
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (line("<< a >> [[ b ]]", "CURES"), r"test\.txt:2: record 2: unknown label 'CURES'"),
        (line("<< a >> b"), "record 2: text: expected << an entity >> and"),
        (line("<< a [[ b ]] c >>"), "record 2: text: one entity inside of the other"),
        ('{"text": "a"}\n', r"record 2\.label: missing field"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, row: str, message: str
) -> None:
    good = line("<< a >> [[ b ]]")
    with pytest.raises(DataError, match=message):
        mini(tmp_path, good + row + good)
    rejected: list[DataError] = []
    assert len(mini(tmp_path, good + row + good, rejected=rejected)) == 2
    assert len(rejected) == 1


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test\.txt:1: expected objects with text, label"):
        mini(tmp_path, '{"sentence": "a"}\n')
    with pytest.raises(DataError, match=r"test\.txt:1: not valid JSON"):
        mini(tmp_path, "<< a >>\n")
