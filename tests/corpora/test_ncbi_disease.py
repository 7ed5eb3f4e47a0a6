from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.answers import entities
from bioinstruct.corpora.formats import pubtator
from bioinstruct.corpora.ncbi_disease import FILES

SPLITS = get_corpus("ncbi-disease").splits
PUBLISHED = {"train": (5424, 5134), "validation": (923, 787), "test": (940, 960)}


def words(example: Instruction) -> list[str]:
    return example.input.split(" ")


def documents(path: Path) -> list[pubtator.Document]:
    found = [one for one in pubtator.documents(path) if isinstance(one, pubtator.Document)]
    return found


def mentions(layout: str, example: Instruction) -> list[entities.Entity]:
    return entities.parse(layout, example.output, words(example))


@pytest.mark.parametrize("layout", entities.LAYOUTS)
@pytest.mark.parametrize("split", SPLITS)
def test_sentences_and_mentions_are_as_many_as_published(
    data: Path, split: str, layout: str
) -> None:
    examples = list(read("ncbi-disease", split, data=data, layout=layout))
    found = sum(len(mentions(layout, example)) for example in examples)
    assert (len(examples), found) == PUBLISHED[split]


@pytest.mark.parametrize("split", SPLITS)
def test_the_published_layout_has_a_line_for_every_word(data: Path, split: str) -> None:
    begun = 0
    for example in read("ncbi-disease", split, data=data, layout="medtuned"):
        lines = example.output.split("\n")
        assert [line.rpartition(" : ")[0] for line in lines] == words(example)
        begun += sum(line.endswith(" : B") for line in lines)
    assert begun == PUBLISHED[split][1]


def test_few_mentions_need_a_number(data: Path) -> None:
    numbered = Counter(
        (split, line)
        for split in SPLITS
        for example in read("ncbi-disease", split, data=data)
        for line in example.output.split("\n")
        if "#" in line
    )
    assert numbered == {
        ("train", "APC #2"): 2,
        ("train", "TCD #2"): 1,
        ("train", "DM #2"): 1,
        ("test", "PWS #2"): 1,
    }


@pytest.mark.parametrize("split", SPLITS)
def test_every_document_has_its_text_and_its_mentions_of_the_original_files(
    data: Path, split: str
) -> None:
    texts: dict[str | None, str] = {}
    counts: Counter[str | None] = Counter()
    for example in read("ncbi-disease", split, data=data, layout="medtuned"):
        pmid = example.provenance.document
        texts[pmid] = texts.get(pmid, "") + example.input.replace(" ", "")
        counts[pmid] += len(mentions("medtuned", example))
    originals = documents(data / "ncbi_disease" / FILES[split][1])
    assert texts == {document.pmid: "".join(document.text.split()) for document in originals}
    assert counts == {document.pmid: len(document.mentions) for document in originals}


def test_one_document_is_twice_in_the_training_files_and_once_in_what_is_read(data: Path) -> None:
    path = data / "ncbi_disease" / FILES["train"][1]
    originals = Counter(document.pmid for document in documents(path))
    assert [pmid for pmid, count in originals.items() if count > 1] == ["8528200"]
    skipped: Counter[str] = Counter()
    kept = [
        example
        for example in read("ncbi-disease", "train", data=data, skipped=skipped)
        if example.provenance.document == "8528200"
    ]
    assert len(kept) == skipped["second copy of a document"] == 8
    assert sum(len(mentions("mentions", example)) for example in kept) == 11


CONLL = "Ataxia\tB-Disease\n.\tO\n\nNo\tO\nDM1\tB-Disease\n\nMice\tO\n\nRats\tO\n"
ORIGINAL = "20|t|Mice\n20|a|Rats\n\n100|t|Ataxia.\n100|a|No DM1\n100\t0\t6\tAtaxia\tModifier\tD1\n"


def mini(
    folder: Path, conll: str | bytes = CONLL, original: str | bytes = ORIGINAL
) -> list[Instruction]:
    for name, content in zip(FILES["test"], (conll, original), strict=True):
        path = folder / "ncbi_disease" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read("ncbi-disease", "test", data=folder))


def test_a_small_corpus_is_read(tmp_path: Path) -> None:
    rows = [(e.input, e.output, e.provenance.document) for e in mini(tmp_path)]
    assert rows == [
        ("Ataxia .", "Ataxia", "100"),
        ("No DM1", "DM1", "100"),
        ("Mice", "none", "20"),
        ("Rats", "none", "20"),
    ]


def test_the_second_copy_of_a_document_is_left_out(tmp_path: Path) -> None:
    again = CONLL.replace("\n\nNo", "\n\nNo", 1) + "\nMice\tO\n\nRats\tO\n"
    copy = "\n20|t|Mice\n20|a|Rats\n"
    assert len(mini(tmp_path, again, ORIGINAL + copy)) == 4


@pytest.mark.parametrize(
    ("conll", "line", "message"),
    [
        (CONLL.replace("Mice\tO", "Mouse\tO"), 7, "expected a sentence of PMID 20, found 'Mouse'"),
        (CONLL + "\nDogs\tO\n", 11, "expected no more than"),
        (CONLL.removesuffix("\nRats\tO\n"), None, "expected more sentences, of PMID 20"),
        (CONLL.replace("DM1\t", "DM1 "), 5, "expected token TAB tag, found 1 columns: 'DM1 B"),
        (CONLL.replace("B-Disease", "B-Gene"), 1, "unknown tag 'B-Gene'"),
        (ORIGINAL, 1, r"expected token TAB tag, found 1 columns: '20\|t\|Mice'"),
        (CONLL.replace("Rats", "R\xe4ts").encode("latin-1"), 9, "not UTF-8: byte 0xe4"),
        ("", None, "expected sentences, found none"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, conll: str | bytes, line: int | None, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        mini(tmp_path, conll)
    assert caught.value.path == tmp_path / "ncbi_disease" / FILES["test"][0]
    assert caught.value.line == line


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BioinstructError, match=r"NCBItestset_corpus\.txt: not a complete gzip"):
        mini(tmp_path, original=gzip.compress(ORIGINAL.encode())[:-9])
