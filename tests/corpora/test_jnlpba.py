from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import entities

MINI = (
    "###MEDLINE:95369245\n\n"
    "IL-2\tB-DNA\ngene\tI-DNA\nexpression\tO\nand\tO\nNF-kappa\tB-protein\nB\tI-protein\n"
    "in\tO\nT\tB-cell_type\ncells\tI-cell_type\n.\tO\n\n"
    "HeLa\tB-cell_line\ncells\tI-cell_line\nmRNA\tB-RNA\n\n"
    "###MEDLINE:95333264\n\n"
    "None\tO\n.\tO\n\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("Genia4ERtask1.iob2", "Genia4EReval1.iob2"):
        path = tmp_path / "jnlpba" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(MINI, encoding="utf-8")
    return tmp_path


def test_the_five_types_are_read_with_the_documents(folder: Path) -> None:
    examples = list(read("jnlpba", "train", data=folder))
    assert [(e.output, e.provenance.document) for e in examples] == [
        ("IL-2 gene | DNA\nNF-kappa B | protein\nT cells | cell_type", "95369245"),
        ("HeLa cells | cell_line\nmRNA | RNA", "95369245"),
        ("none", "95333264"),
    ]
    for layout in entities.LAYOUTS:
        for example in read("jnlpba", "test", data=folder, layout=layout):
            words = example.input.split(" ")
            back = entities.parse(layout, example.output, words, typed=True)
            again = entities.to_text(layout, words, back, typed=True)
            assert again == example.output


def test_as_genes_the_first_three_are_one_type_and_cells_are_none(folder: Path) -> None:
    examples = list(read("jnlpba-gene", "train", data=folder))
    assert [e.output for e in examples] == ["IL-2 gene\nNF-kappa B", "mRNA", "none"]
    assert {e.task for e in examples} == {"ner-gene"}
    tagged = next(iter(read("jnlpba-gene", "train", data=folder, layout="medtuned")))
    assert [line.rpartition(" : ")[2] for line in tagged.output.split("\n")] == list("BIOOBIOOOO")


def test_files_without_the_lines_of_documents_are_read_too(folder: Path) -> None:
    path = folder / "jnlpba/Genia4EReval1.iob2"
    plain = "\n".join(line for line in MINI.split("\n") if not line.startswith("#"))
    path.write_text(plain.lstrip("\n"), encoding="utf-8")
    found = list(read("jnlpba", "test", data=folder))
    assert [e.provenance.document for e in found] == ["block 1"] * 3
    assert [e.output for e in found] == [e.output for e in read("jnlpba", "train", data=folder)]


def test_an_unknown_type_costs_its_sentence(folder: Path) -> None:
    path = folder / "jnlpba/Genia4EReval1.iob2"
    path.write_text(MINI.replace("B-RNA", "B-virus"), encoding="utf-8")
    rejected: list[DataError] = []
    assert len(list(read("jnlpba-gene", "test", data=folder, rejected=rejected))) == 2
    [fault] = rejected
    assert (fault.line, fault.reason[:22]) == (16, "unknown tag 'B-virus';")
