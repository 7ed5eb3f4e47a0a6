from __future__ import annotations

import re
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, Instruction
from bioinstruct.corpora import read
from bioinstruct.corpora.openstax_nursing import WORDINGS
from tests.corpora import guide
from tests.corpora.packing import tar_gz

ARCHIVE = "openstax_nursing/openstax_nursing_cnxml.tar.gz"


Made = tuple[list[Instruction], Counter[str]]


@pytest.fixture(scope="module")
def made(data: Path) -> Made:
    return guide.everything("openstax-nursing", data)


@pytest.fixture(scope="module")
def raw(data: Path) -> dict[str, str]:
    """The modules of the books as text, read by other means than ours."""
    found = {}
    with tarfile.open(data / ARCHIVE) as archive:
        for member in archive:
            if member.name.endswith((".cnxml", ".xml")) and (file := archive.extractfile(member)):
                found[member.name] = file.read().decode()
    modules = {name.split("/")[-2]: xml for name, xml in found.items() if "modules/" in name}
    assert len(modules) == 492
    books = "".join(xml for name, xml in found.items() if "collections/" in name)
    return {name: xml for name, xml in modules.items() if f'"{name}"' in books}


@pytest.mark.peer
def test_the_guide_counts_splits_and_tasks(made: Made) -> None:
    examples, _ = made
    assert guide.counts("openstax-nursing") == Counter(
        example.provenance.split for example in examples
    )
    tasks = Counter(example.task for example in examples)
    assert tasks.items() <= guide.tasks("corpora-generation.md").items()


def test_every_entry_of_the_glossaries_is_made_or_skipped(made: Made, raw: dict[str, str]) -> None:
    examples, skipped = made
    tasks = Counter(example.task for example in examples)
    entries = sum(xml.count("<definition") for xml in raw.values())
    assert entries == 1_959
    assert entries == (
        tasks["term-definition"]
        + skipped["held-out term that another module defines too"]
        + skipped["glossary entry without term or meaning"]
    )
    assert tasks["term-definition"] == tasks["term-of-definition"] + (
        skipped["meaning that two terms share"] + skipped["meaning that contains its term"]
    )


def test_every_row_of_the_drug_tables_is_made(made: Made, raw: dict[str, str]) -> None:
    examples, skipped = made
    tables = [t for xml in raw.values() for t in re.findall(r"<table.*?</table>", xml, re.DOTALL)]
    drugs = [table for table in tables if "Routes and Dosage Ranges" in table]
    rows = "".join(drugs).count("<row") - len(drugs) - "".join(drugs).count('namest="c1"')
    assert len(drugs) == 142
    dosages = [example for example in examples if example.task == "drug-dosage"]
    reasons = [reason for reason in skipped if "dosage" in reason]
    assert len(dosages) + sum(skipped[reason] for reason in reasons) == rows == 594
    assert len(dosages) == 593


def test_every_summary_and_every_list_of_outcomes_is_made_or_skipped(
    made: Made, raw: dict[str, str]
) -> None:
    examples, skipped = made
    tasks = Counter(example.task for example in examples)
    xml = "".join(raw.values())
    too_long = sum(n for reason, n in skipped.items() if reason.startswith("summary of a module"))
    without = skipped["learning outcomes of a module without an outline"]
    assert tasks["section-summary"] + too_long == xml.count('class="section-summary"') == 144
    assert tasks["learning-outcomes"] + without == xml.count('class="learning-objectives"') == 374
    assert set(tasks) == set(WORDINGS)


def test_no_mark_up_and_no_hole_is_in_the_texts(made: Made) -> None:
    examples, _ = made
    for example in examples:
        text = f"{example.instruction}\n{example.input}\n{example.output}"
        assert not re.search(r"</?[a-z]+[ />]|\(\s*\)|\[\s*\]|[\0\v]|\{book|  |xmlns", text), text
        assert not re.search(r"&(?:amp|lt|gt|#\d+);", text), text
    wordings = Counter(example.instruction for example in examples)
    assert min(wordings.values()) > 5


def test_a_term_is_in_one_split_only(made: Made) -> None:
    examples, _ = made
    splits: dict[str, set[str | None]] = {}
    for example in examples:
        if example.task == "term-definition":
            splits.setdefault(example.input.casefold(), set()).add(example.provenance.split)
    assert all(len(found) == 1 for found in splits.values())


def module(content: str, glossary: str = "", name: str = "Veins") -> str:
    return (
        f'<document xmlns="http://cnx.rice.edu/cnxml"><title>{name}</title>'
        f"<content>{content}</content><glossary>{glossary}</glossary></document>"
    )


def entry(term: str, meaning: str) -> str:
    return f"<definition><term>{term}</term> <meaning>{meaning}</meaning></definition>"


LONG = "Veins carry blood to the heart. " * 12
TABLE = (
    "<table><tgroup><thead><row><entry>Drug</entry><entry>Routes and Dosage Ranges</entry></row>"
    "</thead><tbody><row/><row><entry namest='c1'>Loop diuretics</entry></row><row>"
    "<entry>Furosemide<newline/>(Lasix)</entry><entry>Oral: 20 mg.<newline/>IV: 10 mg.</entry>"
    "</row></tbody></tgroup><caption>Drug Emphasis Table: Diuretics (source: https://example.org)</caption>"
    "</table>"
)
BOOK = '<col:collection><col:module document="m00001"/><col:module document="m00002"/>'
FILES: dict[str, str | bytes] = {
    "collections/pharmacology.collection.xml": BOOK,
    "modules/m00001/index.cnxml": module(
        '<section class="learning-objectives"><list><item>Name veins.</item></list></section>'
        f"<para>Intro.</para><section><title>Large Veins</title><para>{LONG}</para></section>"
        f"<section><title>Small Veins</title>{TABLE}</section>"
        '<section class="section-summary"><para>Blood goes back.</para></section>',
        entry("vena cava", "large vein") + entry("pH value", "pH is an <emphasis>acid</emphasis>"),
    ),
    "modules/m00002/index.cnxml": module("", entry("valve", "part of a vein")),
    "modules/m00003/index.cnxml": module("", entry("unused", "of no book")),
}


def mini(
    folder: Path, files: Mapping[str, str | bytes]
) -> tuple[list[Instruction], list[DataError]]:
    """All three modules are in `train`."""
    tar_gz(folder / ARCHIVE, files)
    rejected: list[DataError] = []
    return list(read("openstax-nursing", "train", data=folder, rejected=rejected)), rejected


def test_a_module_makes_what_its_structure_says(tmp_path: Path) -> None:
    examples, rejected = mini(tmp_path, FILES)
    made = {(e.task, e.input, e.output) for e in examples if e.provenance.document == "m00001"}
    assert made == {
        ("term-definition", "vena cava", "Large vein."),
        ("term-of-definition", "Large vein.", "vena cava"),
        ("term-definition", "pH value", "pH is an acid."),
        ("term-of-definition", "pH is an acid.", "pH value"),
        (
            "drug-dosage",
            "Drug class: Diuretics, Loop diuretics\nDrug: Furosemide (Lasix)",
            "Oral: 20 mg.\nIV: 10 mg.",
        ),
        ("section-title", LONG.strip(), "Large Veins"),
        (
            "section-summary",
            f"Intro.\nLarge Veins\n{LONG.strip()}\nSmall Veins",
            "Blood goes back.",
        ),
        ("learning-outcomes", "Veins\n- Large Veins\n- Small Veins", "- Name veins."),
    }
    assert all("pharmacology for nurses" in example.instruction for example in examples)
    assert rejected == []


def test_a_module_at_fault_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    broken = {**FILES, "modules/m00001/index.cnxml": "<document>\n<para>"}
    examples, [fault] = mini(tmp_path, broken)
    assert {example.provenance.document for example in examples} == {"m00002"}
    assert str(fault.path).endswith("tar.gz/modules/m00001/index.cnxml")
    assert fault.line == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("collections/pharmacology.collection.xml", "<html/>", "expected modules of a book, found"),
        ("collections/physics.collection.xml", BOOK, "unknown book 'physics'"),
        ("collections/pharmacology.collection.xml", "\xe9".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_wrong_collection_ends_the_corpus(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        mini(tmp_path, {**FILES, name: content})


def test_a_half_downloaded_archive_is_named(tmp_path: Path) -> None:
    path = tar_gz(tmp_path / ARCHIVE, FILES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BioinstructError, match=r"openstax_nursing_cnxml\.tar\.gz: not a"):
        list(read("openstax-nursing", "train", data=tmp_path))
