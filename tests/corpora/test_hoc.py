from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import hoc, read
from bioinstruct.corpora.answers import labels

SENTENCES = {"train": 12119, "validation": 1798, "test": 3547}
DOCUMENTS = {"train": 1295, "validation": 186, "test": 371}


def gold(example: Instruction, layout: str) -> tuple[str, ...]:
    return labels.parse(layout, example.output, hoc.NAMES[layout])


@pytest.mark.parametrize("split", SENTENCES)
def test_sentences_and_abstracts_are_as_many_as_published(data: Path, split: str) -> None:
    sentences = list(read("hoc", split, data=data))
    documents = list(read("hoc-documents", split, data=data))
    assert (len(sentences), len(documents)) == (SENTENCES[split], DOCUMENTS[split])
    assert sum(document.input.count("\n") + 1 for document in documents) == SENTENCES[split]


def test_three_quarters_of_the_tested_sentences_have_no_hallmark(data: Path) -> None:
    test = [gold(example, "lines") for example in read("hoc", "test", data=data)]
    assert round(100 * test.count(()) / len(test), 1) == 74.7


def test_both_layouts_say_the_same_and_an_abstract_what_its_sentences_say(data: Path) -> None:
    lines, medtuned = (
        list(read("hoc", "test", data=data, layout=layout)) for layout in ("lines", "medtuned")
    )
    of_document: dict[str, set[str]] = {}
    for one, other in zip(lines, medtuned, strict=True):
        assert gold(one, "lines") == gold(other, "medtuned")
        name = str(one.provenance.document)
        of_document.setdefault(name, set()).update(gold(one, "lines"))
    for document in read("hoc-documents", "test", data=data):
        assert set(gold(document, "lines")) == of_document[str(document.provenance.document)]


def test_all_wordings_are_used(data: Path) -> None:
    used = Counter(e.instruction for e in read("hoc", "train", data=data, layout="medtuned"))
    assert set(used) == set(hoc.WORDINGS["sentence", "medtuned"])
    assert min(used.values()) > 0.9 * SENTENCES["train"] / 5


FILES = {
    "hallmarks_of_cancer/text/1.txt": "One .\nTwo .\n",
    "hallmarks_of_cancer/labels/1.txt": (
        "< <Resisting cell death--Apoptosis ANDInducing angiogenesis--"
    ),
    "hallmarks_of_cancer/text/2.txt": "Three .\n",
    "hallmarks_of_cancer/labels/2.txt": "< NULL",
    "splits_blurb.tsv": "pmid\tsplit\n1\ttest\n2\ttest\n",
}


def mini(
    folder: Path, rejected: list[DataError] | None = None, **changes: str
) -> list[tuple[str, str]]:
    for name, text in FILES.items():
        path = folder / "hoc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changes.get(name, text), encoding="utf-8")
    return [(e.input, e.output) for e in read("hoc", "test", data=folder, rejected=rejected)]


def test_several_labels_and_null_are_read(tmp_path: Path) -> None:
    assert mini(tmp_path) == [
        ("One .", "none"),
        ("Two .", "resisting cell death\ninducing angiogenesis"),
        ("Three .", "none"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels/1.txt", "< < <", r"labels/1\.txt: expected 2 slots, one for each sentence, found"),
        ("labels/1.txt", "Resisting cell death< <", "expected 2 slots"),
        ("labels/1.txt", "< <Resisting arrest--Flight", "unknown label 'Resisting arrest--Flight'"),
    ],
)
def test_a_document_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    changes = {f"hallmarks_of_cancer/{name}": text}
    with pytest.raises(DataError, match=message):
        mini(tmp_path, **changes)
    rejected: list[DataError] = []
    assert mini(tmp_path, rejected, **changes) == [("Three .", "none")]
    assert len(rejected) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "pmid\tsplit\n1\ttest\n",
            "expected text, labels and a split for every PMID, not so for 2",
        ),
        ("pmid\tsplit\n1\ttest\n2\tdev\n", r"splits_blurb\.tsv:3: unknown split 'dev'"),
        ("1\ttest\n2\ttest\n", r"splits_blurb\.tsv:1: expected a header pmid, split"),
    ],
)
def test_a_list_of_splits_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        mini(tmp_path, **{"splits_blurb.tsv": text})


def test_a_half_downloaded_archive_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "hoc").mkdir()
    name = "hallmarks_of_cancer.tar.gz"
    whole = (data / "hoc" / name).read_bytes()
    (tmp_path / "hoc" / name).write_bytes(whole[: len(whole) // 2])
    splits = (data / "hoc" / "splits_blurb.tsv").read_bytes()
    (tmp_path / "hoc" / "splits_blurb.tsv").write_bytes(splits)
    with pytest.raises(DataError, match=r"hallmarks_of_cancer\.tar\.gz: not a whole") as caught:
        list(read("hoc", "test", data=tmp_path))
    assert "fetch the file again" in caught.value.hint
