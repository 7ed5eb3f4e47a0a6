from __future__ import annotations

import re
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import BioinstructError, DataError, Instruction
from bioinstruct.corpora import read
from bioinstruct.corpora.pmc_sections import article
from bioinstruct.corpora.pmc_trials import REGISTERED, WORDINGS
from tests.corpora import guide
from tests.corpora.packing import tar_gz

SHARD = "pmc_ccby_00.tar.gz"
HEADER = "pmcid shard bytes licence licence_urls journal year first_author doi title"
COLUMNS = HEADER.split()


Made = tuple[list[Instruction], Counter[str]]


@pytest.fixture(scope="module")
def made(data: Path) -> Made:
    return guide.everything("pmc-trials", data)


@pytest.fixture(scope="module")
def texts(data: Path) -> dict[str, str]:
    """All articles, read by other means than ours."""
    found = {}
    for path in sorted((data / "pmc_ccby_articles").glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if file := archive.extractfile(member):
                    found[Path(member.name).stem] = file.read().decode()
    return found


@pytest.mark.peer
def test_the_guide_counts_splits_and_tasks(made: Made) -> None:
    examples, _ = made
    assert guide.counts("pmc-trials") == Counter(example.provenance.split for example in examples)
    tasks = Counter(example.task for example in examples)
    assert tasks.items() <= guide.tasks("corpora-generation.md").items()


def test_every_article_is_used_and_in_one_split(made: Made, texts: dict[str, str]) -> None:
    examples, skipped = made
    splits: dict[str | None, set[str | None]] = {}
    for example in examples:
        splits.setdefault(example.provenance.document, set()).add(example.provenance.split)
    assert len(texts) == 2_485
    assert set(splits) <= set(texts)
    assert len(splits) > 2_400
    assert all(len(found) == 1 for found in splits.values())
    titles = sum(1 for example in examples if example.task == "abstract-to-title")
    assert 0 <= 2_485 - titles - skipped.total() < 30  # the rest is too short or too long
    assert {example.task for example in examples} == set(WORDINGS)


def squeezed(text: str) -> str:
    return re.sub(r'(?:xmlns:\w+|id)="[^"]*"|[\s>]', "", text)


@pytest.mark.peer
def test_every_answer_from_the_text_is_in_the_article(made: Made, texts: dict[str, str]) -> None:
    """Nothing is made up or put together: white space aside, it stands there in one piece."""
    examples, _ = made
    letters = {name: squeezed(text) for name, text in texts.items()}
    for example in examples:
        text = letters[str(example.provenance.document)]
        if example.task in {"abstract-conclusion", "find-objective", "trial-registration"}:
            assert all(squeezed(line) in text for line in example.output.splitlines())
        if example.task == "find-objective":
            assert example.output in example.input
        if example.task in {"abstract-part", "article-section"}:
            assert squeezed(example.input) in text
        assert not re.search(r"xmlns|\(\s*\)|  ", example.input)


def test_titles_and_licences_are_those_of_the_index(made: Made, data: Path) -> None:
    examples, _ = made
    lines = (data / "pmc_ccby_articles" / "index.tsv").read_text("utf-8").splitlines()[1:]
    index = {line.split("\t")[0]: line.split("\t") for line in lines}
    assert len(index) == 2_485
    licenses = Counter()
    for example in examples:
        row = index[str(example.provenance.document)]
        if example.task == "abstract-to-title":
            assert example.output.split() == row[9].split()
            licenses[example.provenance.license] += 1
        free = row[3] == "CC0/PD"
        assert example.provenance.license.startswith(("CC0", "CC-PDM")) == free
        version = re.search(r"licenses/by/(\d\.\d)", row[4])
        assert not version or example.provenance.license == f"CC-BY-{version[1]}"
    assert set(licenses) == {
        *(f"CC-BY-{version}" for version in ("2.0", "2.5", "3.0", "4.0")),
        "CC0-1.0",
        "CC-PDM-1.0",
        "LicenseRef-CC-BY",
    }


def test_nearly_every_registration_statement_gives_its_numbers(
    made: Made, texts: dict[str, str]
) -> None:
    """A plain search for the two commonest registries finds what the reader finds."""
    examples, _ = made
    statement = re.compile(r"^ *ABSTRACT\.TRIAL REGISTRATIONS?:+ *\n(.*)", re.MULTILINE)
    plain = {
        name: set(re.findall(r"\b(?:NCT|ISRCTN)\d{8}\b", found[1]))
        for name, text in texts.items()
        if (found := statement.search(text))
    }
    made_of = {e.provenance.document: e for e in examples if e.task == "trial-registration"}
    both = [name for name, numbers in plain.items() if numbers and name in made_of]
    assert all(plain[name] <= set(made_of[name].output.splitlines()) for name in both)
    assert len(both) / sum(map(bool, plain.values())) > 0.9


@pytest.mark.parametrize(
    "number",
    "NCT02430792 ISRCTN89683704 ISRCTN 83091970 ACTRN12613001153707 ChiCTR-TRC-14005233 NTR3568 "
    "IRCT201104056127N1 UMIN000007828 DRKS00003801 2012-005480-28 TCTR20140602001".replace(
        "N 8", "N~8"
    ).split(),
)
def test_the_forms_of_the_registries_are_known(number: str) -> None:
    number = number.replace("~", " ")
    assert REGISTERED.findall(f"Registered ({number}), 2013-05-17, as no. 1234.") == [number]


ABSTRACT = (
    "  ABSTRACT.BACKGROUND::\nMuch was\nunknown. We set out to know. \n\n"
    "ABSTRACT.OBJECTIVE:\nTo know more of what is not known about the veins of the leg, in trials "
    "of compression.\n\n"
    'ABSTRACT.METHODS:\n xmlns:ns0="http://www.w3.org/1999/xlink" id="Par1">We asked 20 people who '
    "were there, and then we asked all of the people who were not.\n\n"
    "1ABSTRACT.RESULTS:\nSome of them knew (n = 7), others did not, and nobody was sure of what he "
    "or she knew.\n\n"
    "ABSTRACT.CONCLUSIONS:\nMore should be known about what there is to know of those who do not "
    "know it at all.  \nKey words:veins, legs.\n\n"
    "ABSTRACT.TRIAL REGISTRATION:\nClinicalTrials.gov: NCT01523561, 16 May 2012.\n\n"
)
PARAGRAPH = "Legs have veins, and these are what this study was about from its beginning on. " * 5
ARTICLE = (
    f"TITLE: Cut (\n\n{ABSTRACT}BODY.1. INTRODUCTION:\nShort.  {PARAGRAPH}  {PARAGRAPH}\n\n"
    f"BODY.2. METHODS.2.1. PEOPLE:\nTable 1 1 2 3 {'4 5 6 ' * 80}.\n{PARAGRAPH}\n\n"
    "BODY.COMPETING INTERESTS:\nNone.\n"
)
ROW = [
    "PMC1",
    SHARD,
    "9",
    "CC BY",
    "creativecommons.org/licenses/by/3.0",
    "J",
    "2012",
    "A",
    "",
    "Of veins",
]


def mini(
    folder: Path, files: Mapping[str, str | bytes], rows: list[list[str]]
) -> tuple[list[Instruction], list[DataError]]:
    """PMC0, PMC1 and PMC2 are in `train`."""
    corpus = folder / "pmc_ccby_articles"
    tar_gz(corpus / SHARD, files)
    table = "\n".join("\t".join(row) for row in [COLUMNS, *rows])
    (corpus / "index.tsv").write_text(f"{table}\n", encoding="utf-8")
    rejected: list[DataError] = []
    return list(read("pmc-trials", "train", data=folder, rejected=rejected)), rejected


def test_an_article_makes_what_its_structure_says(tmp_path: Path) -> None:
    examples, rejected = mini(tmp_path, {"PMC1.txt": ARTICLE}, [ROW])
    made = {}
    for example in examples:
        made.setdefault(example.task, []).append((example.input, example.output))
    [(abstract, title)] = made["abstract-to-title"]
    assert abstract.splitlines()[0] == "BACKGROUND: Much was unknown. We set out to know."
    assert abstract.splitlines()[2].startswith("METHODS: We asked 20 people")
    assert title == "Of veins"
    [(before, conclusion)] = made["abstract-conclusion"]
    assert before == "\n".join(abstract.splitlines()[:4])
    assert conclusion == (
        "More should be known about what there is to know of those who do not know it at all."
    )
    [(_, objective)] = made["find-objective"]
    assert objective.startswith("To know more of")
    [(whole, number)] = made["trial-registration"]
    assert whole.endswith("TRIAL REGISTRATION: ClinicalTrials.gov: NCT01523561, 16 May 2012.")
    assert number == "NCT01523561"
    labels = [output for _, output in made["abstract-part"]]
    assert labels == ["background", "methods", "results", "conclusions"]
    assert made["article-section"] == [
        (PARAGRAPH.strip(), "introduction"),
        (PARAGRAPH.strip(), "methods"),
    ]
    assert {example.provenance.license for example in examples} == {"CC-BY-3.0"}
    assert rejected == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("TITLE: A\n\nNo heading.\n\nBODY.RESULTS:\nYes.\n", "article without an abstract"),
        (ABSTRACT.replace("OBJECTIVE", "RESULTS"), "abstract with a heading twice"),
        (ABSTRACT.replace("(n = 7)", "( )"), "abstract with a hole in it or without an end"),
        (ABSTRACT.replace("knew.\n", "knew of\n"), "abstract with a hole in it or without an end"),
        (
            ABSTRACT.replace("did not,", "did com-\npletely not,"),
            "abstract with a hole in it or wi",
        ),
        (ABSTRACT, ""),
    ],
)
def test_an_abstract_that_is_not_whole_is_left_out(text: str, fault: str) -> None:
    found = article(text)
    assert found.fault.startswith(fault)
    assert bool(found.abstract) == (not fault)


@given(st.lists(st.sampled_from([*ARTICLE.splitlines(), "ABSTRACT:", "BODY:", '"', ">", "", "x."])))
def test_no_order_of_lines_is_too_much(lines: list[str]) -> None:
    found = article("\n".join(lines))
    assert bool(found.abstract) == (not found.fault)
    for section in [*found.abstract, *found.body]:
        assert section.text == " ".join(section.text.split()) != ""


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (None, "PMC1.txt: expected a sound row for PMC1 in index.tsv"),
        (ROW[:4], "index.tsv:2: expected 10 fields, found 4"),
        ([*ROW[:4], "creativecommons.org/licenses/by-nc/4.0", *ROW[5:]], "an open licence, found"),
        ([*ROW[:4], "", *ROW[5:]], "PMC1: expected a shard, a title and an open licence, found ''"),
        ([*ROW[:9], " "], "PMC1: expected a shard, a title"),
        (["PMC1", f"../{SHARD}", *ROW[2:]], "PMC1: expected a shard"),
    ],
)
def test_an_article_without_its_row_is_named_and_the_others_go_on(
    tmp_path: Path, row: list[str] | None, message: str
) -> None:
    other = ["PMC2", *ROW[1:]]
    files = {"PMC1.txt": ARTICLE, "PMC2.txt": ARTICLE}
    examples, rejected = mini(tmp_path, files, [row, other] if row else [other])
    assert {example.provenance.document for example in examples} == {"PMC2"}
    assert any(message in str(fault) for fault in rejected)
    assert "PMC1.txt" in str(rejected[-1])


def test_an_article_in_another_encoding_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    files = {"PMC1.txt": ARTICLE.replace("sure", "s\xfbre").encode("latin-1"), "PMC2.txt": ARTICLE}
    examples, [fault] = mini(tmp_path, files, [ROW, ["PMC2", *ROW[1:]]])
    assert {example.provenance.document for example in examples} == {"PMC2"}
    assert "PMC1.txt:14: not UTF-8: byte 0xfb" in str(fault)


def test_a_half_downloaded_shard_and_another_index_end_the_corpus(tmp_path: Path) -> None:
    mini(tmp_path, {"PMC1.txt": ARTICLE}, [ROW])
    shard = tmp_path / "pmc_ccby_articles" / SHARD
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BioinstructError, match=rf"{SHARD}: not a"):
        list(read("pmc-trials", "train", data=tmp_path))
    shard.write_bytes(whole)
    shard.with_name("index.tsv").write_text("<html>\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected a header pmcid, shard"):
        list(read("pmc-trials", "train", data=tmp_path))
