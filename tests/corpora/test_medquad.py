from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import get_corpus, medquad, read
from bioinstruct.corpora.medquad import COLLECTIONS, Pair
from tests.corpora.packing import tar_gz

# As published: 47,457 pairs in all, and by collection the pairs, and those with an answer.
PUBLISHED = 47_457
COUNTS = {
    "10_MPlus_ADAM_QA": (17_348, 0),
    "11_MPlusDrugs_QA": (12_889, 0),
    "12_MPlusHerbsSupplements_QA": (792, 0),
    "1_CancerGov_QA": (729, 729),
    "2_GARD_QA": (5_394, 5_389),
    "3_GHR_QA": (5_430, 5_430),
    "4_MPlus_Health_Topics_QA": (981, 981),
    "5_NIDDK_QA": (1_192, 1_192),
    "6_NINDS_QA": (1_104, 1_104),  # 16 of them in files with other names for the elements
    "7_SeniorHealth_QA": (769, 769),
    "8_NHLBI_QA_XML": (559, 559),
    "9_CDC_QA": (270, 270),
}


@pytest.fixture(scope="module")
def every(data: Path) -> list[Pair]:
    found = list(medquad.pairs(data / "medquad"))
    assert not [pair for pair in found if isinstance(pair, DataError)]
    return [pair for pair in found if isinstance(pair, Pair)]


def test_pairs_are_as_many_as_published(every: list[Pair]) -> None:
    assert len(every) == PUBLISHED
    of = Counter(pair.document.split("/")[0] for pair in every)
    answered = Counter(pair.document.split("/")[0] for pair in every if pair.answer)
    assert {name: (of[name], answered[name]) for name in of} == COUNTS
    assert len({pair.document for pair in every}) == PUBLISHED
    assert len({pair.type for pair in every}) == 39


@pytest.mark.peer
def test_what_is_left_out_is_counted_by_its_reason(every: list[Pair], data: Path) -> None:
    skipped: Counter[str] = Counter()
    kept = {
        split: list(read("medquad", split, data=data, skipped=skipped))
        for split in ("train", "validation", "test")
    }
    examples = [example for split in kept for example in kept[split]]
    counts = {split: len(kept[split]) for split in kept}
    assert counts == {"train": 13_992, "validation": 837, "test": 796}
    assert skipped == {
        "no answer is published": 31_034,
        "the answer is nothing but a heading of the page": 21,
        "its question or its answer is in the test split": 777,
    }
    assert len(examples) + skipped.total() == PUBLISHED
    questions = iter([(pair.page, pair.question) for pair in every])
    assert all((e.provenance.document, e.instruction) in questions for e in kept["train"])
    assert not any(example.input for example in examples)


def test_an_answer_has_all_its_words_and_none_of_the_layout(every: list[Pair]) -> None:
    assert not any(re.search(r"^\s|\s$|  |\t|\n\n", pair.answer) for pair in every)
    [first] = [pair for pair in every if pair.document == "1_CancerGov_QA/0000001_1-1"]
    assert first.question == "What is (are) Adult Acute Lymphoblastic Leukemia ?"
    assert first.answer.startswith(
        "Key Points\n- Adult acute lymphoblastic leukemia (ALL) is a type of cancer in which the "
        "bone marrow makes too many lymphocytes (a type of white blood cell).\n- Leukemia may "
    )


def document(*pairs: str, root: str = "Document") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{root} id="1">{"".join(pairs)}</{root}>'


ASTHMA = (
    '<QAPairs><QAPair pid="1"><Question qid="1-1" qtype="information">What is asthma &amp; is it '
    "bad?</Question><Answer>A disease\n     of the airways:      -  cough    - wheeze</Answer>"
    "</QAPair></QAPairs>"
)


def mini(folder: Path, text: str, *, archived: bool = False, encoding: str = "utf-8") -> Path:
    """Twelve collections, the first with a file of this content, the others with one good one."""
    for number, name in enumerate(COLLECTIONS):
        other = document(ASTHMA.replace("asthma", name).replace("cough", name))
        content = (other if number else text).encode(encoding)
        place = folder / "medquad" / name
        if archived:
            tar_gz(place.with_name(f"{name}.tar.gz"), {f"{name}/1.xml": content})
        else:
            place.mkdir(parents=True)
            (place / "1.xml").write_bytes(content)
    return folder


def every_split(
    data: Path, rejected: list[DataError] | None = None, **how: Any
) -> list[Instruction]:
    """The records of all splits; what is at fault is reported in each split."""
    found = []
    for split in ("train", "validation", "test"):
        faults: list[DataError] | None = None if rejected is None else []
        found += read("medquad", split, data=data, rejected=faults, **how)
    if rejected is not None:
        rejected += faults or []
    return sorted(found, key=lambda e: int(str(e.provenance.document).split("_")[0]))


@pytest.mark.parametrize("archived", [True, False])
def test_folders_and_archives_are_read_alike(tmp_path: Path, archived: bool) -> None:
    first, *others = every_split(mini(tmp_path, document(ASTHMA), archived=archived))
    assert first.instruction == "What is asthma & is it bad?"
    assert first.output == "A disease\nof the airways:\n- cough\n- wheeze"
    assert first.provenance.document == "1_CancerGov_QA/1"
    assert len(others) == 11


def test_files_with_other_names_for_the_elements_are_read(tmp_path: Path) -> None:
    other = ASTHMA.replace("QAPair ", "pair ").replace("/QAPair>", "/pair>").lower()
    examples = every_split(mini(tmp_path, document(other, root="doc")))
    assert len(examples) == 12


def test_wordings_make_the_question_an_input(tmp_path: Path) -> None:
    data = mini(tmp_path, document(ASTHMA))
    seen = {
        (example.instruction, example.input)
        for seed in range(40)
        for example in every_split(data, layout="worded", seed=seed)[:1]
    }
    assert {instruction for instruction, _ in seen} == set(medquad.WORDINGS)
    assert {input for _, input in seen} == {"What is asthma & is it bad?"}
    assert len(medquad.WORDINGS) >= 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", r"1_CancerGov_QA/1\.xml:1: expected <Document>, found <html>"),
        (document(ASTHMA)[:-20], r"1_CancerGov_QA/1\.xml:2: not valid XML"),
        (
            document('<QAPair pid="3"><Question>What?</Question></QAPair>'),
            "pair 3: expected pid, Q",
        ),
        (document("<QAPair><Question>What?</Question><Answer/></QAPair>"), "pair None: expected"),
        (
            document('<QAPair pid="3"><Question> </Question><Answer>x</Answer></QAPair>'),
            "pair 3: the question is empty",
        ),
    ],
)
def test_a_file_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, text: str, message: str
) -> None:
    rejected: list[DataError] = []
    kept = every_split(mini(tmp_path, text), rejected)
    assert len(kept) == 11 + ("of the airways" in text)  # the pair before the fault is sound
    [fault] = rejected
    assert re.search(message, str(fault))


def test_mixed_encodings_are_a_fault_of_the_file(tmp_path: Path) -> None:
    rejected: list[DataError] = []
    text = document(ASTHMA.replace("asthma", "Ménière"))
    data = mini(tmp_path, text, encoding="latin-1")
    assert len(every_split(data, rejected)) == 11
    assert "not valid XML (not well-formed" in str(rejected[0])


def test_half_an_archive_and_a_missing_one_end_the_corpus(tmp_path: Path) -> None:
    mini(tmp_path, document(ASTHMA), archived=True)
    path = tmp_path / "medquad/9_CDC_QA.tar.gz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"9_CDC_QA\.tar\.gz: not a whole gzip file") as caught:
        list(read("medquad", "train", data=tmp_path))
    assert "fetch the file again" in caught.value.hint
    path.unlink()
    with pytest.raises(MissingError, match=r"no file .*9_CDC_QA") as missing:
        list(read("medquad", "train", data=tmp_path))
    assert get_corpus("medquad").homepage in missing.value.hint


@pytest.mark.parametrize(
    ("answer", "is_heading"),
    [
        ("Topics", True),
        ("How might Bell's palsy be treated?", True),
        ("General guidelines for safe seafood consumption:", True),
        ("The prevalence of BPES is unknown.", False),
        ("Ask your doctor:\nIs it safe?", False),
        ("It is not known whether it is inherited. Do you want to know more about it?", False),
    ],
)
def test_a_heading_is_no_answer(answer: str, is_heading: bool) -> None:
    assert medquad._is_heading(answer) == is_heading
