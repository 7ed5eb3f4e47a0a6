from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.euadr import COLUMNS, FILES, LABELS

# Written for this test in the documented layout: tabs, quoted texts, ends after the last character.
SENTENCE = "TP53 variants may raise the risk of breast cancer, unlike BRCA9."
HEADER = "\t".join(COLUMNS) + "\n"


def row(
    kind: str = "PA", place: str = "36\t49", name: str = "breast cancer", text: str = SENTENCE
) -> str:
    gene = '"TP53"\t0\t4\t"Genes & Molecular Sequences"'
    return f'"{kind}"\t123\t4\t{gene}\t"{name}"\t{place}\t"Diseases & Disorders"\t"{text}"\n'


def mini(
    folder: Path, text: str, layout: str = "medtuned", rejected: list[DataError] | None = None
) -> list[tuple[str, str]]:
    (folder / "euadr").mkdir(exist_ok=True)
    for name in FILES:
        content = text if name == "EUADR_target_disease.csv" else ""
        (folder / "euadr" / name).write_text(HEADER + content, encoding="utf-8")
    found = read("euadr", "train", data=folder, layout=layout, rejected=rejected)
    return [(example.input, example.output) for example in found]


def test_the_four_kinds_of_association_are_told_apart(tmp_path: Path) -> None:
    found = mini(tmp_path, row("PA") + row("SA") + row("NA") + row("FA"))
    assert [label for _, label in found] == list(LABELS)
    assert {input for input, _ in found} == {
        "@GENE$ variants may raise the risk of @DISEASE$, unlike BRCA9."
    }
    [(named, _)] = mini(tmp_path, row(), "named")
    assert named == f"{SENTENCE}\n\nFirst concept: TP53\nSecond concept: breast cancer"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (row("XA"), r"EUADR_target_disease\.csv:3: ASSOCIATION_TYPE: unknown 'XA'; known: PA"),
        (row(place="36\t400"), "expected 'breast cancer' at 36 to 400, found 'breast cancer, unli"),
        (row(place="136\t149"), "expected 'breast cancer' at 136 to 149, found ''"),
        (row(place="36\tx"), "ENTITY2_INI and ENTITY2_END: expected numbers, found '36', 'x'"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, bad: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        mini(tmp_path, row() + bad + row())
    rejected: list[DataError] = []
    assert len(mini(tmp_path, row() + bad + row(), rejected=rejected)) == 2
    assert len(rejected) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_either_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    mini(tmp_path, "")
    text = SENTENCE.replace("unlike", "größer als")
    path = tmp_path / "euadr" / FILES[0]
    path.write_bytes((HEADER + row(text=text)).encode(encoding))
    [example] = read("euadr", "train", data=tmp_path, layout="medtuned")
    assert example.input == "@GENE$ variants may raise the risk of @DISEASE$, größer als BRCA9."


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    mini(tmp_path, row())
    path = tmp_path / "euadr" / FILES[0]
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"EUADR_drug_disease\.csv:1: missing column ASSOC"):
        list(read("euadr", "train", data=tmp_path))
