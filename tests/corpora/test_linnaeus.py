from __future__ import annotations

import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.linnaeus import TEST, VALIDATION
from tests.corpora.faults import raise_first

TEXTS = {
    "pmcA102792": "Yeast and man\n\nSaccharomyces cerevisiae grows. Mice do, too.\n",
    "pmcA150219": "E. coli",
    "pmcA1036069": "No species at all.",
}
TAGS = (
    "#species id\tdocument\tstart\tend\ttext\tcode\n"
    "species:ncbi:4932\tpmcA102792\t0\t5\tYeast\t\n"
    "species:ncbi:9606\tpmcA102792\t10\t13\tman\te\n"
    "species:ncbi:4932\tpmcA102792\t15\t39\tSaccharomyces cerevisiae\t\n"
    "species:ncbi:10090\tpmcA102792\t47\t51\tMice\t\n"
    "species:ncbi:562\tpmcA150219\t0\t7\tE. coli\t\n"
)


def contents(tags: str = TAGS) -> dict[str, bytes]:
    root = "manual-corpus-species-1.0"
    texts = {f"{root}/txt/{name}.txt": text.encode() for name, text in TEXTS.items()}
    return {f"{root}/tags.tsv": tags.encode(), **texts}


def mini(
    folder: Path, files: dict[str, bytes], split: str = "train"
) -> tuple[list[Instruction], list[DataError]]:
    for name, content in files.items():
        path = folder / "linnaeus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    rejected: list[DataError] = []
    return list(read("linnaeus-documents", split, data=folder, rejected=rejected)), rejected


def said(examples: list[Instruction]) -> list[tuple[str, str, str | None]]:
    return [(e.input, e.output, e.provenance.document) for e in examples]


EXPECTED = {
    "train": [
        ("Yeast and man", "Yeast\nman", "pmcA102792"),
        ("Saccharomyces cerevisiae grows .", "Saccharomyces cerevisiae", "pmcA102792"),
        ("Mice do , too .", "Mice", "pmcA102792"),
    ],
    "validation": [("E . coli", "E . coli", "pmcA150219")],
    "test": [("No species at all .", "none", "pmcA1036069")],
}


@pytest.mark.parametrize("split", EXPECTED)
def test_the_official_documents_are_read_by_sentence(tmp_path: Path, split: str) -> None:
    examples, rejected = mini(tmp_path, contents(), split)
    assert not rejected
    assert said(examples) == EXPECTED[split]


def test_the_official_archive_is_read_as_it_is(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in contents().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    name = "manual-corpus-species-1.0.tar.gz"
    examples, _ = mini(tmp_path, {name: packed.getvalue()})
    assert said(examples) == EXPECTED["train"]


def test_the_split_has_as_many_documents_as_published() -> None:
    # Of the 100 documents 50 are for training, 17 for development and 33 for testing.
    assert (len(VALIDATION), len(TEST), len(VALIDATION | TEST)) == (17, 33, 50)
    assert get_corpus("linnaeus-documents").splits == ("train", "validation", "test")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("10\t13", "11\t14", "tags.tsv:3: expected 'man' at characters 11 to 14, found 'an\\n'"),
        ("47\t51", "47\t5100", "tags.tsv:5: characters 47 to 5100 of a text of 61: 'Mice'"),
        ("pmcA102792\t47", "pmcA1\t47", "tags.tsv:5: a mention in pmcA1, which is missing"),
    ],
)
def test_an_annotation_at_fault_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    _, [fault] = mini(tmp_path, contents(TAGS.replace(old, new)))
    assert str(fault).endswith(message)


def test_a_text_in_another_encoding_costs_itself_only(tmp_path: Path) -> None:
    files = contents()
    files["manual-corpus-species-1.0/txt/pmcA1131934.txt"] = "Ob\u00e9sit\u00e9".encode("latin-1")
    examples, [fault] = mini(tmp_path, files)
    assert said(examples) == EXPECTED["train"]
    assert "pmcA1131934.txt:1: not UTF-8: byte 0xe9" in str(fault)


def test_a_wrong_list_of_annotations_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tags\.tsv:1: expected species TAB document TAB start"):
        raise_first(mini(tmp_path, contents("what is this?\n")))


def test_the_iob_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "linnaeus/linnaeus-IOB/test.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("S\tB-Species\n.\tI-Species\ntuberosum\tI-Species\nmRNA\tO\n", encoding="utf-8")
    counts = Counter(e.output for e in read("linnaeus", "test", data=tmp_path))
    assert counts == {"S . tuberosum": 1}
