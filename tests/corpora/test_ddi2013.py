from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import entities
from bioinstruct.corpora.ddi2013 import LABELS, TYPES
from bioinstruct.corpora.formats import xmltree
from bioinstruct.corpora.formats.archive import members

# Of the data's own description; the pairs by type, the entities, the sentences.
PUBLISHED = {
    "train": Counter(effect=1687, mechanism=1319, advise=826, int=188, none=23771),
    "test": Counter(effect=360, mechanism=302, advise=221, int=96, none=4737),
}


def test_pairs_are_as_many_as_published_but_for_five(data: Path) -> None:
    skipped: Counter[str] = Counter()
    found = {
        split: Counter(e.output for e in read("ddi2013", split, data=data, skipped=skipped))
        for split in PUBLISHED
    }
    assert found["test"] == PUBLISHED["test"]
    missing = PUBLISHED["train"] - found["train"]
    assert missing == Counter(none=4)
    assert skipped == {
        "an interaction without a type": 1,
        "a drug is not where its offsets say": 4,
    }
    assert set(LABELS) == set(PUBLISHED["train"])


def test_the_part_that_is_for_drug_names_only_has_no_pairs(data: Path) -> None:
    documents = {e.provenance.document for e in read("ddi2013", "test", data=data)}
    names_only = {e.provenance.document for e in read("ddi2013-drugs", "test", data=data)}
    assert documents
    assert not documents & names_only


def test_every_pair_is_masked_or_named_by_the_characters_of_the_file(data: Path) -> None:
    for example in read("ddi2013", "test", data=data, layout="medtuned"):
        masks = example.input.count("@DRUG$")
        assert (masks, example.input.count("@DRUG-DRUG$")) in {(2, 0), (0, 1)}


def drugs(example: Instruction, layout: str) -> list[entities.Entity]:
    return entities.parse(layout, example.output, example.input.split(" "), typed=True)


@pytest.mark.parametrize("layout", entities.LAYOUTS)
def test_drug_names_are_as_many_as_published_but_for_sentences_that_cannot_be_said(
    data: Path, layout: str
) -> None:
    skipped: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for example in read("ddi2013-drugs", "test", data=data, layout=layout, skipped=skipped):
        found = drugs(example, layout)
        words = example.input.split(" ")
        assert all(0 <= drug.start < drug.end <= len(words) for drug in found)
        types += Counter(drug.type for drug in found)
    assert skipped == {"a drug with a gap in it": 2}
    lost = Counter(drug=351, group=155, drug_n=121, brand=59) - types
    assert sum(lost.values()) == _drugs_of_sentences_with_gaps(data)
    assert set(types) == set(TYPES)


def _drugs_of_sentences_with_gaps(data: Path) -> int:
    count = 0
    for member in members(data / "nc/ddi2013/DDICorpus-2013", "Test for DrugNER task/*/*.xml"):
        document = xmltree.parse(member.content, member.path, root="document")
        for sentence in document.iterfind("sentence"):
            entities = sentence.findall("entity")
            if any(";" in entity.attrib["charOffset"] for entity in entities):
                count += len(entities)
    return count


SENTENCE = """<document id="D"><sentence id="D.s0" text="mu- and kappa-opioids, aspirin">
<entity id="e0" charOffset="0-2;14-20" type="group" text="mu-opioids"/>
<entity id="e1" charOffset="8-20" type="group" text="kappa-opioids"/>
<entity id="e2" charOffset="23-29" type="drug" text="aspirin"/>
<pair id="p0" e1="e0" e2="e1" ddi="false"/>
<pair id="p1" e1="e0" e2="e2" ddi="true" type="int"/>
<pair id="p2" e1="e1" e2="e2" ddi="true"/>
</sentence><sentence id="D.s1" text="Take aspirin."><entity id="e3" charOffset="5-11" type="drug"
text="aspirin"/></sentence></document>"""
OTHER = SENTENCE.replace("D.s", "E.s").replace('"D"', '"E"')


def pack(folder: Path, *documents: str | bytes, names: tuple[str, ...] = ()) -> Path:
    path = folder / "nc" / "ddi2013" / "DDICorpus-2013.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, document in enumerate(documents):
            name = names[number] if names else f"DDICorpus/Train/MedLine/{number}.xml"
            archive.writestr(name, document)
    return path


def mini(folder: Path, rejected: list[DataError] | None = None) -> list[tuple[str, str]]:
    found = read("ddi2013", "train", data=folder, layout="medtuned", rejected=rejected)
    return [(example.input, example.output) for example in found]


def test_offsets_include_the_last_character_and_may_have_a_gap(tmp_path: Path) -> None:
    pack(tmp_path, SENTENCE)
    assert mini(tmp_path) == [
        ("@DRUG$ and @DRUG$, aspirin", "none"),
        ("@DRUG$ and kappa-opioids, @DRUG$", "int"),
    ]
    [example] = read("ddi2013-drugs", "train", data=tmp_path)
    assert (example.input, example.output) == ("Take aspirin .", "aspirin | drug")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('charOffset="23-29"', 'charOffset="23-39"', "e2: 23-39 lies outside of its sentence"),
        (
            'charOffset="23-29"',
            'charOffset="22-28"',
            "e2: expected 'aspirin' at 22-28, found ' asp",
        ),
        ('charOffset="23-29"', 'charOffset="23"', "e2: charOffset: expected START-END, found '23'"),
        ('type="drug" text', 'type="herb" text', "e2: unknown type 'herb'; known: drug, brand"),
        ('type="int"', 'type="advice"', "p1: unknown interaction ddi='true' type='advice'"),
        ('ddi="false"', 'ddi="FALSE"', "p0: unknown interaction ddi='FALSE' type=None"),
        ('e1="e0" e2="e1"', 'e1="e0" e2="e9"', "p0: there is no entity e9 in D.s0"),
        ('e1="e0" e2="e1"', 'e1="e0"', "<pair p0>: missing attribute e2"),
        ("</sentence>", "", r"Train/MedLine/0\.xml:\d+: not valid XML"),
        ("document", "page", r"0\.xml:1: expected <document>, found <page>"),
        ('<document id="D">', "<document>", r"<document \?>: missing attribute id"),
    ],
)
def test_a_fault_is_named_with_its_file_and_other_documents_are_read(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = pack(tmp_path, SENTENCE.replace(old, new), OTHER)
    with pytest.raises(DataError, match=message) as caught:
        mini(tmp_path)
    assert str(caught.value).startswith(f"{path}/DDICorpus/Train/MedLine/0.xml")
    rejected: list[DataError] = []
    assert mini(tmp_path, rejected)[-2:] == [
        ("@DRUG$ and @DRUG$, aspirin", "none"),
        ("@DRUG$ and kappa-opioids, @DRUG$", "int"),
    ]
    assert rejected


def test_mixed_encodings_are_told(tmp_path: Path) -> None:
    latin = SENTENCE.replace("Take", "größer: take").encode("latin-1")
    pack(tmp_path, latin, OTHER)
    rejected: list[DataError] = []
    assert len(mini(tmp_path, rejected)) == 2
    [error] = rejected
    assert "0.xml:8: not valid XML (not well-formed" in str(error)


def test_a_member_outside_of_the_archive_is_refused(tmp_path: Path) -> None:
    pack(tmp_path, SENTENCE, "x", names=("DDICorpus/Train/MedLine/0.xml", "../../evil.xml"))
    with pytest.raises(DataError, match=r"the member '\.\./\.\./evil\.xml' lies outside"):
        mini(tmp_path)


def test_a_half_downloaded_archive_is_named(data: Path, tmp_path: Path) -> None:
    path = pack(tmp_path, SENTENCE)
    whole = (data / "nc/ddi2013/DDICorpus-2013.zip").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"DDICorpus-2013\.zip: not a whole zip file"):
        mini(tmp_path)
