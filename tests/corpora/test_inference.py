"""RQE, MedNLI and SciTail."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import get_corpus, mednli, read, rqe, scitail
from bioinstruct.dataset.publish import forbids_redistribution
from bioinstruct.errors import BioinstructError


def test_question_pairs_are_as_many_as_published(data: Path) -> None:
    skipped: Counter[str] = Counter()
    train = Counter(e.output for e in read("rqe", "train", data=data, skipped=skipped))
    test = Counter(e.output for e in read("rqe", "test", data=data, skipped=skipped))
    assert skipped == {"a question that is empty": 1}  # pid 5860, of the 4,655 that entail
    assert train == {"yes": 4655 - 1, "no": 3933}
    assert test == {"yes": 129, "no": 173}
    assert train.total() + 1 == 8588
    assert set(test) == set(rqe.LABELS)


def test_copies_of_question_pairs_are_known(data: Path) -> None:
    for split, copies, contradictions in (("train", 23, 1), ("test", 7, 1)):
        pairs = [(e.input, e.output) for e in read("rqe", split, data=data)]
        assert len(pairs) - len({input for input, _ in pairs}) == copies
        assert len(set(pairs)) - len({input for input, _ in pairs}) == contradictions


PAIRS = """<?xml version="1.0" encoding="UTF-8"?>
<RQE-med-test>
<pair pid="1" type="part1" value="false"><chq>
  Asthma. Is it
  inherited?</chq><faq>What is asthma?</faq></pair>
<pair pid="2" type="part1" value="true"><chq>My knee hurts.</chq><faq>What helps?</faq></pair>
</RQE-med-test>
"""


def questions(
    folder: Path, text: str | bytes, rejected: list[DataError] | None = None
) -> list[str]:
    path = folder / "rqe" / "RQE_Test_302_pairs_AMIA2016.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [e.input for e in read("rqe", "test", data=folder, rejected=rejected)]


def test_white_space_of_a_question_is_made_uniform(tmp_path: Path) -> None:
    for text in (PAIRS, gzip.compress(PAIRS.encode())):
        assert questions(tmp_path, text)[0] == (
            "Question A: Asthma. Is it inherited?\n\nQuestion B: What is asthma?"
        )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('value="false"', 'value="maybe"', "pair 1: 1: unknown value 'maybe'; known: true, false"),
        ('value="false"', 'value="FALSE"', "pair 1: 1: unknown value 'FALSE'"),
        ('value="false"', "", "pair 1: <pair 1>: missing attribute value"),
        ("faq>What is asthma?</faq", "f>What is asthma?</f", "pair 1: expected <faq> in <pair 1>"),
    ],
)
def test_a_pair_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    rejected: list[DataError] = []
    assert len(questions(tmp_path, PAIRS.replace(old, new, 1), rejected)) == 1
    assert message in str(rejected[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PAIRS.replace("test>", "train>"), "expected <RQE-med-test>, found <RQE-med-train>"),
        (PAIRS[:200], r"RQE_Test_302_pairs_AMIA2016\.xml:\d+: not valid XML"),
        ("<RQE-med-test/>", "expected pairs, found none"),
        ("pid,chq,faq\n", r"xml:1: not valid XML"),
        (gzip.compress(PAIRS.encode())[:-20], "not a complete gzip file"),
    ],
)
def test_another_file_of_questions_is_refused(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(BioinstructError, match=message):
        questions(tmp_path, text)


# Written for this test in the official layout; no patient's words.
CLINICAL = {
    "gold_label": "entailment",
    "pairID": "made-up-1",
    "sentence1": "Labs were notable for Cr 1.7. ",
    "sentence2": " The creatinine was measured.",
    "sentence1_parse": "(ROOT)",
    "sentence2_parse": "(ROOT)",
    "sentence1_binary_parse": "( )",
    "sentence2_binary_parse": "( )",
}
ZIPPED = "mednli-a-natural-language-inference-dataset-for-the-clinical-domain-1.0.0"


def clinical(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("split", "name"), [("train", "train"), ("validation", "dev"), ("test", "test")]
)
def test_clinical_pairs_are_read_from_the_files_or_the_archive(
    tmp_path: Path, packed: bool, split: str, name: str
) -> None:
    folder = tmp_path / "mednli"
    folder.mkdir()
    text = clinical(CLINICAL, CLINICAL | {"gold_label": "contradiction", "pairID": "made-up-2"})
    if packed:
        with zipfile.ZipFile(folder / f"{ZIPPED}.zip", "w") as archive:
            archive.writestr(f"{ZIPPED}/README.txt", "-")
            archive.writestr(f"{ZIPPED}/mli_{name}_v1.jsonl", text)
    else:
        (folder / f"mli_{name}_v1.jsonl").write_text(text, encoding="utf-8")
    first, second = read("mednli", split, data=tmp_path)
    assert first.input == (
        "Sentence 1: Labs were notable for Cr 1.7.\nSentence 2: The creatinine was measured."
    )
    assert (first.output, second.output) == ("Entailment", "Contradiction")
    assert second.provenance.document == "made-up-2"
    assert {first.output, second.output} < set(mednli.LABELS)


def test_a_clinical_pair_at_fault_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mednli" / "mli_test_v1.jsonl"
    path.parent.mkdir()
    path.write_text(clinical(CLINICAL, CLINICAL | {"gold_label": "-"}, CLINICAL), encoding="utf-8")
    rejected: list[DataError] = []
    assert len(list(read("mednli", "test", data=tmp_path, rejected=rejected))) == 2
    assert "mli_test_v1.jsonl:2: record 2.gold_label: Input should be 'entailment'" in str(
        rejected[0]
    )
    path.write_text('{"premise": "a"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="expected objects with pairID, gold_label"):
        list(read("mednli", "test", data=tmp_path))


def test_clinical_pairs_are_credentialed() -> None:
    corpus = get_corpus("mednli")
    assert corpus.access == "credentialed"
    assert forbids_redistribution(corpus.license)
    assert not corpus.downloads


def science(folder: Path, text: str, rejected: list[DataError] | None = None) -> list[str]:
    folder.joinpath("scitail").mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "scitail" / "SciTailV1.1.zip", "w") as archive:
        archive.writestr("SciTailV1.1/tsv_format/scitail_1.0_dev.tsv", text)
        archive.writestr("__MACOSX/SciTailV1.1/tsv_format/._scitail_1.0_dev.tsv", "\0")
    found = read("scitail", "validation", data=folder, rejected=rejected)
    return [f"{example.input}|{example.output}" for example in found]


def test_science_pairs_are_read_from_the_official_archive(tmp_path: Path) -> None:
    assert science(tmp_path, 'Ice "floats".\tIce is lighter.\tentails\nA.\tB.\tneutral\n') == [
        'Premise: Ice "floats".\nHypothesis: Ice is lighter.|entails',
        "Premise: A.\nHypothesis: B.|neutral",
    ]
    assert scitail.LABELS == ("entails", "neutral")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("A.\tB.\tcontradicts", r"scitail_1\.0_dev\.tsv:2: label: unknown 'contradicts'"),
        ("A.\tB.", r"scitail_1\.0_dev\.tsv:2: expected 3 fields, found 2"),
    ],
)
def test_a_science_pair_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, row: str, message: str
) -> None:
    good = "A.\tB.\tneutral\n"
    with pytest.raises(DataError, match=message):
        science(tmp_path, f"{good}{row}\n{good}")
    rejected: list[DataError] = []
    assert len(science(tmp_path, f"{good}{row}\n{good}", rejected)) == 2
