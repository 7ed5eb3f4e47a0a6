from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.i2b2_2010 import LABELS
from bioinstruct.dataset.publish import forbids_redistribution

# Written for this test in the official layout; no patient's words.
NOTE = """Admission Date :
His chest pain improved on Nitroglycerin after an EKG .
 Sepsis was suspected but
blood cultures were negative .
"""
CONCEPTS = """c="chest pain" 2:1 2:2||t="problem"
c="nitroglycerin" 2:5 2:5||t="treatment"
c="an ekg" 2:7 2:8||t="test"
c="sepsis" 3:1 3:1||t="problem"
c="suspected but blood" 3:3 4:0||t="problem"
"""
RELATIONS = """c="nitroglycerin" 2:5 2:5||r="TrIP"||c="chest pain" 2:1 2:2
c="an ekg" 2:7 2:8||r="TeCP"||c="chest pain" 2:1 2:2
"""
EXPECTED = [
    ("His @problem$ improved on @treatment$ after an EKG .", "TrIP"),
    ("His @problem$ improved on Nitroglycerin after @test$ .", "TeCP"),
    ("His chest pain improved on @treatment$ after @test$ .", "No Relations"),
]
TRAINING = "concept_assertion_relation_training_data"
FILES = {
    f"{TRAINING}/beth/txt/record-1.txt": NOTE,
    f"{TRAINING}/beth/concept/record-1.con": CONCEPTS,
    f"{TRAINING}/beth/ast/record-1.ast": 'c="chest pain" 2:1 2:2||t="problem"||a="present"\n',
    f"{TRAINING}/beth/rel/record-1.rel": RELATIONS,
    f"{TRAINING}/partners/txt/000000001_AB.txt": "No fever .\n",
    f"{TRAINING}/partners/concept/000000001_AB.con": 'c="fever" 1:1 1:1||t="problem"\n',
    f"{TRAINING}/partners/rel/000000001_AB.rel": "",
    "test_data/0001.txt": NOTE,
    "reference_standard_for_test_data/concepts/0001.con": CONCEPTS,
    "reference_standard_for_test_data/ast/0001.ast": "",
    "reference_standard_for_test_data/rel/0001.rel": RELATIONS,
}


def as_folders(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def as_official(folder: Path, files: dict[str, str]) -> None:
    """Three archives, as the portal gives them."""
    for top in {name.partition("/")[0] for name in files}:
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as archive:
            for name, text in files.items():
                if name.startswith(top + "/"):
                    info = tarfile.TarInfo(name)
                    info.size = len(text.encode())
                    archive.addfile(info, io.BytesIO(text.encode()))
        folder.mkdir(exist_ok=True)
        (folder / f"{top}.tar.gz").write_bytes(gzip.compress(raw.getvalue()))


def mini(
    data: Path,
    files: dict[str, str],
    split: str = "train",
    rejected: list[DataError] | None = None,
    pack: Callable[[Path, dict[str, str]], None] = as_folders,
) -> list[tuple[str, str]]:
    pack(data / "i2b2_2010", files)
    found = read("i2b2-2010", split, data=data, layout="medtuned", rejected=rejected)
    return [(example.input, example.output) for example in found]


@pytest.mark.parametrize("pack", [as_folders, as_official])
@pytest.mark.parametrize("split", ["train", "test"])
def test_all_pairs_of_a_line_are_read(
    tmp_path: Path, split: str, pack: Callable[[Path, dict[str, str]], None]
) -> None:
    assert mini(tmp_path, FILES, split, pack=pack) == EXPECTED
    assert {label for _, label in EXPECTED} <= set(LABELS)


def test_the_other_layout_names_the_concepts_as_they_stand_in_the_note(tmp_path: Path) -> None:
    as_folders(tmp_path / "i2b2_2010", FILES)
    first = next(read("i2b2-2010", "train", data=tmp_path))
    assert first.input == (
        "His chest pain improved on Nitroglycerin after an EKG .\n\n"
        "First concept (problem): chest pain\nSecond concept (treatment): Nitroglycerin"
    )
    assert first.provenance.document == "record-1"


def test_words_are_counted_from_an_empty_one_where_a_line_begins_with_a_space(
    tmp_path: Path,
) -> None:
    extra = 'c="suspected" 3:3 3:3||t="problem"\n'
    files = FILES | {f"{TRAINING}/beth/concept/record-1.con": CONCEPTS + extra}
    assert mini(tmp_path, files)[-1] == ("@problem$ was @problem$ but", "No Relations")


def test_a_pair_with_two_relations_is_there_twice(tmp_path: Path) -> None:
    both = RELATIONS + RELATIONS.replace("TrIP", "TrAP")
    files = FILES | {f"{TRAINING}/beth/rel/record-1.rel": both}
    assert [label for _, label in mini(tmp_path, files)[:2]] == ["TrIP", "TrAP"]


def rel(text: str) -> dict[str, str]:
    return {f"{TRAINING}/beth/rel/record-1.rel": text}


def con(text: str) -> dict[str, str]:
    return {f"{TRAINING}/beth/concept/record-1.con": text}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (con(CONCEPTS.replace("2:1 2:2", "9:1 9:2")), r"\.con:1: line 9 lies outside of the note"),
        (con(CONCEPTS.replace("2:5 2:5", "2:6 2:6")), r"\.con:2: expected 'nitroglycerin' at 2:6"),
        (con(CONCEPTS.replace("2:5 2:5", "2:55 2:55")), r"\.con:2: expected 'nitroglycerin'"),
        (con(CONCEPTS.replace('"test"', '"exam"')), r'\.con:3: expected c="\.\.\." L:W L:W\|\|t='),
        (con("<html>\n" + CONCEPTS), r"\.con:1: expected c="),
        (rel(RELATIONS.replace("TrIP", "TrXX")), r"\.rel:1: expected c=.*r=\"PIP\|TeCP"),
        (rel(RELATIONS.replace("2:5 2:5", "2:6 2:6")), r"\.rel:1: expected two concepts of the"),
    ],
)
def test_a_fault_is_named_and_the_rest_is_read(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        mini(tmp_path, FILES | changes)
    rejected: list[DataError] = []
    assert mini(tmp_path, FILES | changes, rejected=rejected)
    assert rejected


def test_a_note_without_its_annotation_is_named(tmp_path: Path) -> None:
    files = dict(FILES)
    del files[f"{TRAINING}/partners/rel/000000001_AB.rel"]
    rejected: list[DataError] = []
    assert mini(tmp_path, files, rejected=rejected) == EXPECTED
    assert "expected 000000001_AB.rel for this note" in str(rejected[0])
    files[f"{TRAINING}/partners/txt/record-1.txt"] = NOTE
    with pytest.raises(DataError, match=r"expected one file of this name, beth/txt/record-1\.txt"):
        mini(tmp_path, files)


def test_nobody_can_fetch_or_publish_it_and_the_hint_says_where_to_apply(tmp_path: Path) -> None:
    corpus = get_corpus("i2b2-2010")
    assert corpus.access == "credentialed"
    assert not corpus.downloads
    assert forbids_redistribution(corpus.license)
    with pytest.raises(MissingError) as caught:
        list(read("i2b2-2010", "train", data=tmp_path))
    assert "https://portal.dbmi.hms.harvard.edu/projects/n2c2-nlp/" in caught.value.hint
