from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.answers import entities
from bioinstruct.corpora.bc5cdr import FILES, ORIGINAL, ORIGINALS
from bioinstruct.corpora.bc5cdr_relations import WORDINGS, Pair, parse
from bioinstruct.corpora.formats import pubtator

SPLITS = tuple(FILES)
SENTENCES = {"train": 4560, "validation": 4581, "test": 4797}
MENTIONS = {
    # 4,244 in the original development files: St. Anthony's fire, twice in PMID 3300918, is cut in
    # two by the end of a sentence that the IOB files see behind `St.`.
    "bc5cdr-disease": {"train": 4182, "validation": 4246, "test": 4424},
    "bc5cdr-chemical": {"train": 5203, "validation": 5347, "test": 5385},
}
RELATIONS = {"train": 1038, "validation": 1012, "test": 1066}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", MENTIONS)
def test_sentences_and_mentions_are_as_many_as_published(data: Path, name: str, split: str) -> None:
    examples = list(read(name, split, data=data, layout="medtuned"))
    begun = sum(e.output.count(" : B\n") + e.output.endswith(" : B") for e in examples)
    assert (len(examples), begun) == (SENTENCES[split], MENTIONS[name][split])


@pytest.mark.parametrize("split", SPLITS)
def test_both_types_together_are_as_many_as_each_alone(data: Path, split: str) -> None:
    counts: Counter[str] = Counter()
    for example in read("bc5cdr", split, data=data):
        words = example.input.split(" ")
        found = entities.parse("mentions", example.output, words, typed=True)
        counts.update(entity.type for entity in found)
    assert counts == {
        "Chemical": MENTIONS["bc5cdr-chemical"][split],
        "Disease": MENTIONS["bc5cdr-disease"][split],
    }


def originals(data: Path, split: str) -> list[pubtator.Document]:
    path = data / "bc5cdr" / ORIGINAL / ORIGINALS[split]
    found = list(pubtator.documents(path))
    assert all(isinstance(one, pubtator.Document) for one in found)
    return [one for one in found if isinstance(one, pubtator.Document)]


@pytest.mark.parametrize("split", SPLITS)
def test_the_original_files_have_what_their_paper_counts(data: Path, split: str) -> None:
    documents = originals(data, split)
    assert len(documents) == len({document.pmid for document in documents}) == 500
    types = Counter(m.type for document in documents for m in document.mentions)
    parted = 2 if split == "validation" else 0
    assert types == {
        "Chemical": MENTIONS["bc5cdr-chemical"][split],
        "Disease": MENTIONS["bc5cdr-disease"][split] - parted,
    }
    assert sum(len(document.relations) for document in documents) == RELATIONS[split]


def test_no_document_is_in_two_splits(data: Path) -> None:
    pmids = [document.pmid for split in SPLITS for document in originals(data, split)]
    assert len(pmids) == len(set(pmids)) == 1500


# Besides the two that are cut, mentions that end inside a word, such as 5-HT in 5-HT6.
ELSEWHERE = {"train": 0, "validation": 2 + 10, "test": 5}


@pytest.mark.parametrize("split", SPLITS)
def test_every_document_has_its_text_and_its_mentions_of_the_original_files(
    data: Path, split: str
) -> None:
    found: set[tuple[str, int, int, str]] = set()
    letters: dict[str, str] = {}
    for example in read("bc5cdr", split, data=data):
        pmid = str(example.provenance.document)
        words = example.input.split(" ")
        places = list(accumulate(map(len, words), initial=len(letters.get(pmid, ""))))
        letters[pmid] = letters.get(pmid, "") + "".join(words)
        for start, end, type in entities.parse("mentions", example.output, words, typed=True):
            found.add((pmid, places[start], places[end], type))
    documents = originals(data, split)
    assert letters == {document.pmid: "".join(document.text.split()) for document in documents}
    annotated = {
        (document.pmid, *places, mention.type)
        for document in documents
        for mention in document.mentions
        for places in [(len("".join(document.text[:place].split())) for place in mention[:2])]
    }
    assert len(annotated - found) == ELSEWHERE[split]
    parted = 2 if split == "validation" else 0
    assert len(found - annotated) == ELSEWHERE[split] + parted


@pytest.mark.parametrize("split", SPLITS)
def test_every_relation_of_the_original_files_is_read_back(data: Path, split: str) -> None:
    documents = {document.pmid: document for document in originals(data, split)}
    skipped: Counter[str] = Counter()
    found = 0
    for example in read("bc5cdr-relations", split, data=data, skipped=skipped):
        document = documents.pop(str(example.provenance.document))
        order = {
            kind: list(
                dict.fromkeys(
                    concept if concept != "-1" else f"-1 {' '.join(m.text.casefold().split())}"
                    for m in document.mentions
                    for concept in m.concept.split("|")
                    if m.type == kind
                )
            )
            for kind in ("Chemical", "Disease")
        }
        pairs = parse(example.output, example.input)
        assert {(order["Chemical"][c], order["Disease"][d]) for c, d in pairs} == {
            (relation.first, relation.second) for relation in document.relations
        }
        found += len(pairs)
    if split == "validation":
        # Two of its diseases are only called `pneumonitis`, and one of them is in a relation.
        assert documents.keys() == {"1595783"}
        assert skipped == {"a concept without a name of its own": 1}
        assert found == RELATIONS[split] - 2
    else:
        assert not documents
        assert found == RELATIONS[split]


IOB = "Aspirin\tB-Chemical\ncauses\tO\nulcer\tB-Disease\n.\tO\n\nNone\tO\n"
ORIGINAL_TEXT = (
    "7|t|Aspirin causes ulcer.\n7|a|None\n7\t0\t7\tAspirin\tChemical\tD1\n"
    "7\t15\t20\tulcer\tDisease\tD2\n7\tCID\tD1\tD2\n"
)


def mini(folder: Path, *, tagged: str = IOB, original: str | None = ORIGINAL_TEXT) -> None:
    files = {f"BC5CDR-IOB/{FILES['test']}": tagged, f"{ORIGINAL}/{ORIGINALS['test']}": original}
    for name, content in files.items():
        path = folder / "bc5cdr" / name
        path.parent.mkdir(parents=True)
        if content is not None:
            path.write_text(content, encoding="utf-8")


def test_the_sentences_have_pmids_where_the_original_files_are_there(tmp_path: Path) -> None:
    mini(tmp_path)
    one, other = read("bc5cdr", "test", data=tmp_path)
    assert (one.output, one.provenance.document) == ("Aspirin | Chemical\nulcer | Disease", "7")
    assert (other.output, other.provenance.document) == ("none", "7")


def test_without_the_original_files_a_block_of_sentences_stands_for_a_document(
    tmp_path: Path,
) -> None:
    mini(tmp_path, original=None)
    found = [e.provenance.document for e in read("bc5cdr", "test", data=tmp_path)]
    assert found == ["block 1", "block 1"]


def test_the_relations_need_the_original_files(tmp_path: Path) -> None:
    mini(tmp_path, original=None)
    with pytest.raises(MissingError, match=r"CDR_TestSet\.PubTator\.txt") as caught:
        list(read("bc5cdr-relations", "test", data=tmp_path))
    assert get_corpus("bc5cdr-relations").homepage in caught.value.hint


@pytest.mark.parametrize(
    ("tagged", "original", "message"),
    [
        (ORIGINAL_TEXT, ORIGINAL_TEXT, r"test\.tsv:1: expected token TAB tag, found 1 columns"),
        (IOB, IOB, r"PubTator\.txt:1: expected PMID\|t\|title"),
        (IOB.replace("B-Disease", "B-Gene"), None, r"test\.tsv:3: unknown tag 'B-Gene'"),
        (IOB.replace("ulcer", "Ulcer"), ORIGINAL_TEXT, r"test\.tsv:1: expected a sentence of PMID"),
        (IOB.replace("O\n\nNone\tO", "O\n\nNone"), ORIGINAL_TEXT, r"test\.tsv:6: expected token"),
    ],
)
def test_a_wrong_file_at_the_right_path_is_named(
    tmp_path: Path, tagged: str, original: str | None, message: str
) -> None:
    mini(tmp_path, tagged=tagged, original=original)
    with pytest.raises(DataError, match=message):
        list(read("bc5cdr", "test", data=tmp_path))


def relations_of(folder: Path, original: str) -> tuple[list[Instruction], list[DataError]]:
    mini(folder, original=original)
    rejected: list[DataError] = []
    return list(read("bc5cdr-relations", "test", data=folder, rejected=rejected)), rejected


SECOND = (
    "\n8|t|Gold|a and|or A = B\n8|a|Visual or aural loss, A\n"
    "8\t0\t4\tGold\tChemical\t-1\n8\t14\t15\tA\tChemical\tD4\n8\t18\t19\tB\tDisease\tD5\n"
    "8\t20\t40\tVisual or aural loss\tDisease\tD6|D7\tVisual loss|aural loss\n"
    "8\t42\t43\tA\tChemical\tD4\n8\tCID\tD4\tD7\n8\tCID\tD4\tD5\n"
)


def test_an_abstract_lists_its_concepts_and_the_answer_its_relations(tmp_path: Path) -> None:
    (one, other), rejected = relations_of(tmp_path, ORIGINAL_TEXT + SECOND)
    assert not rejected
    assert one.input == "Aspirin causes ulcer. None\n\nChemicals:\n- Aspirin\n\nDiseases:\n- ulcer"
    assert one.output == "Aspirin | ulcer"
    assert one.instruction in WORDINGS
    assert other.input.endswith(
        "\n\nChemicals:\n- Gold\n- A\n\nDiseases:\n- B\n- Visual loss\n- aural loss"
    )
    assert other.output == "A | aural loss\nA | B"
    assert parse(other.output, other.input) == [Pair(1, 0), Pair(1, 2)]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("8\tCID\tD4\tD5", "8\tCID\tD4\tD9", 7, "a relation of 'D9', which is not mentioned"),
        ("8\tCID\tD4\tD5", "8\tPPI\tD4\tD5", 7, "unknown relation 'PPI'; known: CID"),
        ("B\tDisease", "B\tGene", 7, "unknown type 'Gene'; known: Chemical, Disease"),
        ("Visual loss|aural loss", "Visual loss", 7, "2 concepts but 1 parts: 'Visual or"),
        ("8\t42\t43\tA", "8\t99\t98\tA", 13, "expected 'A' at characters 99 to 98, found ''"),
        ("8\t42\t43\tA", "8\tx\t43\tA", 13, "expected 8 TAB start TAB end"),
    ],
)
def test_an_abstract_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    third = re.sub("^7", "9", ORIGINAL_TEXT, flags=re.MULTILINE)
    text = f"{ORIGINAL_TEXT}{SECOND.replace(old, new)}\n{third}"
    examples, [fault] = relations_of(tmp_path, text)
    assert [e.provenance.document for e in examples] == ["7", "9"]
    assert fault.line == line
    assert message in str(fault)


LISTS = (
    "Text.\n\nChemicals:\n- gold = Au\n- tin\n- TEA\n\nDiseases:\n- rash = eruption\n- flu\n- TEA"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gold | rash", [(0, 0)]),
        ("AU | Eruption\ntin | flu\n", [(0, 0), (1, 1)]),
        ("tin | flu\ngold | rash\ngold | rash", [(0, 0), (1, 1)]),
        ("none", []),
        ("", []),
        ("None\n", []),
        ("rash | gold", [(-1, -1)]),
        ("gold and rash\ngold | rash | flu", [(-2, -2), (-1, -1)]),
        ("TEA | TEA", [(2, 2)]),
        ("lead | rash\ntin | rash", [(-1, -1), (1, 0)]),
    ],
)
def test_an_answer_is_read_by_any_name_and_in_any_order(
    text: str, expected: list[tuple[int, int]]
) -> None:
    assert parse(text, LISTS) == expected


names = st.sampled_from(
    ["gold", "Gold", "tin = Sn", "a | b", "|", "=", "- a", "none", "Chemicals:", "Diseases:", "a b"]
)
concepts = st.sampled_from(["D1", "D2", "D3", "-1"])
kinds = st.sampled_from(["Chemical", "Disease"])


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.tuples(names, kinds, concepts), min_size=2, max_size=7), data=st.data())
def test_relations_of_odd_names_are_read_back_or_skipped(
    tmp_path: Path, said: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    lines, at = [], 2
    order: dict[str, list[str]] = {"Chemical": [], "Disease": []}
    for name, kind, concept in said:
        lines.append(f"7\t{at}\t{at + len(name)}\t{name}\t{kind}\t{concept}")
        at += len(name) + 1
        key = concept if concept != "-1" else f"-1 {name.casefold()}"
        if key not in order[kind]:
            order[kind].append(key)
    firsts, seconds = ([c for c in order[kind] if c[0] != "-"] for kind in order)
    pairs = list(product(firsts, seconds))
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    relations = [f"7\tCID\t{first}\t{second}" for first, second in chosen]
    text = " ".join(name for name, _, _ in said)
    path = tmp_path / "bc5cdr" / ORIGINAL / ORIGINALS["test"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["7|t|T", f"7|a|{text}", *lines, *relations]), encoding="utf-8")
    skipped: Counter[str] = Counter()
    for example in read("bc5cdr-relations", "test", data=tmp_path, skipped=skipped):
        back = parse(example.output, example.input)
        placed = {(order["Chemical"].index(a), order["Disease"].index(b)) for a, b in chosen}
        assert set(back) == placed
        assert not skipped
    assert skipped.total() <= 1


@given(st.text(), st.text())
def test_any_text_can_be_read(text: str, input: str) -> None:
    for pair in parse(text, input):
        assert min(pair) < 0
    parse(text, LISTS)
