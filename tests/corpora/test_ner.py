from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import get_corpus, read
from bioinstruct.corpora.answers import entities, ner
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.base import Skipped
from bioinstruct.corpora.formats import iob
from bioinstruct.corpora.formats.iob import Sentence

SOUGHT = [value for value in vars(ner).values() if isinstance(value, ner.Entities)]


@pytest.mark.parametrize("wanted", SOUGHT, ids=lambda wanted: wanted.task)
@pytest.mark.parametrize("layout", entities.LAYOUTS)
def test_an_instruction_has_five_wordings_that_say_what_is_sought_and_how(
    wanted: ner.Entities, layout: str
) -> None:
    wordings = wanted.wordings[layout]
    assert len(set(wordings)) == len(wordings) == 5
    for wording in wordings:
        assert "{" not in wording
        assert "  " not in wording
        assert (
            wanted.many in wording
            or (wanted.one and wanted.one in wording)
            or (wanted.typed and all(type in wording for type in wanted.types))
        )
        if wanted.typed:
            assert all(re.search(rf"\b{type}\b", wording) for type in wanted.types)
        if layout == "mentions":
            assert "none" in wording
            assert " line" in wording
            assert ("|" in wording) == wanted.typed
        else:
            assert ":" in wording or "colon" in wording
            assert ("B-type" in wording) == wanted.typed


REAL = {
    "anatem": ("anatem/AnatEM-IOB", ("Anatomy",)),
    "bc5cdr": ("bc5cdr/BC5CDR-IOB", ("Chemical", "Disease")),
    "bc5cdr-chemical": ("bc5cdr/BC5CDR-chem-IOB", ("Chemical",)),
    "bc5cdr-disease": ("bc5cdr/BC5CDR-disease-IOB", ("Disease",)),
    "ncbi-disease": ("ncbi_disease/conll", ("Disease",)),
}
FILES = {"train": "train.tsv", "validation": "devel.tsv", "test": "test.tsv"}


@pytest.mark.parametrize("split", FILES)
@pytest.mark.parametrize("name", REAL)
def test_every_record_is_read_back_as_it_was_annotated(name: str, split: str, data: Path) -> None:
    folder, types = REAL[name]
    annotated: dict[str, list[tuple[Entity, ...]]] = {}
    for sentence in iob.sentences(data / folder / FILES[split], types=types):
        assert isinstance(sentence, Sentence)
        annotated.setdefault(sentence.text, []).append(sentence.entities)
    typed = len(types) > 1
    gold = {
        text: {tuple(e if typed else e._replace(type="") for e in one) for one in several}
        for text, several in annotated.items()
    }
    copies = (
        8 if (name, split) == ("ncbi-disease", "train") else 0
    )  # of a second copy of a document
    for layout in entities.LAYOUTS:
        seen: Counter[str] = Counter()
        for example in read(name, split, data=data, layout=layout):
            words = example.input.split(" ")
            back = entities.parse(layout, example.output, words, typed=typed)
            assert tuple(back) in gold[example.input]
            seen[example.input] += 1
        assert seen.total() == sum(map(len, annotated.values())) - copies
        assert seen.keys() == gold.keys()


GUIDE = Path(__file__).parents[2] / "docs" / "corpora-ner.md"


@pytest.mark.parametrize("name", [*REAL, "bc5cdr-relations"])
def test_the_guide_counts_every_split(name: str, data: Path) -> None:
    [row] = re.findall(rf"^\| `{name}` \|.*$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    for split in FILES:
        count = sum(1 for _ in read(name, split, data=data))
        assert re.search(rf"\b{split} {count:,}(,|\s)", row), (split, count)


def test_the_guide_says_which_readers_have_not_met_the_real_files() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    listed = text.partition("## Readers not yet tested on real files")[2].partition("\n## ")[0]
    here = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))
    unchecked = {name for name in here if not get_corpus(name).checked}
    assert set(re.findall(r"`([a-z0-9-]+)`", listed)) == unchecked
    assert here - unchecked == {*REAL, "bc5cdr-relations"}


@pytest.mark.parametrize(("name", "layout"), [("anatem", "mentions"), ("bc5cdr", "medtuned")])
def test_all_wordings_are_used_about_equally_and_do_not_depend_on_order(
    name: str, layout: str, data: Path
) -> None:
    examples = list(read(name, "train", data=data, layout=layout))
    used = Counter(e.instruction for e in examples)
    assert len(used) == 5
    assert min(used.values()) > 0.9 * used.total() / 5
    by_input = {(e.input, e.instruction) for e in examples}
    assert len(by_input) == len({e.input for e in examples})


odd_words = st.one_of(
    st.sampled_from([":", "|", "none", "#2", "a", "b", "a:", ":B", "B-Disease", "O", "-DOCSTART-"]),
    st.text(min_size=1, max_size=4).filter(
        lambda word: word.split() == [word] and "\0" not in word
    ),
)


@st.composite
def tagged(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    words = draw(st.lists(odd_words, min_size=1, max_size=9))
    tags: list[str] = []
    for _ in words:
        more = [f"I-{tags[-1][2:]}"] if tags and tags[-1] != "O" else []
        tags.append(draw(st.sampled_from(["O", "B-Chemical", "B-Disease", *more])))
    return words, tags


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sentences=st.lists(tagged(), min_size=1, max_size=4))
@pytest.mark.parametrize("layout", entities.LAYOUTS)
def test_odd_words_go_from_the_file_to_the_answer_and_back(
    layout: str, tmp_path: Path, sentences: list[tuple[list[str], list[str]]]
) -> None:
    path = tmp_path / "bc5cdr/BC5CDR-IOB/test.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = ("\n".join(map("\t".join, zip(*one, strict=True))) for one in sentences)
    path.write_bytes(("\n" + "\n\n".join(blocks)).encode())  # else a first word could be a mark
    skipped: Counter[str] = Counter()
    found = [
        (e.input, entities.parse(layout, e.output, e.input.split(" "), typed=True))
        for e in read("bc5cdr", "test", data=tmp_path, layout=layout, skipped=skipped)
    ]
    expected = [(" ".join(words), entities.spans(tags)) for words, tags in sentences]
    if layout == "medtuned":
        assert found == expected
    else:
        assert len(found) + skipped.total() == len(expected)
        assert all(one in expected for one in found)
        odd = sum(any(word[0] == "#" for word in words) for words, _ in sentences)
        assert skipped.total() <= odd


def test_the_seed_changes_the_wording_and_nothing_else(data: Path) -> None:
    one, other = (list(read("anatem", "test", data=data, seed=seed)) for seed in (0, 7))
    assert [(e.input, e.output) for e in one] == [(e.input, e.output) for e in other]
    assert sum(a.instruction == b.instruction for a, b in zip(one, other, strict=True)) < 0.3 * len(
        one
    )


def records(items: list[ner.Item], layout: str) -> list[Instruction | Skipped | DataError]:
    corpus = get_corpus("anatem")
    sought = ner.ANATOMY
    return list(ner.instructions(corpus, sought, items, split="test", layout=layout, seed=0))


def test_what_is_no_sentence_goes_through_in_its_place() -> None:
    fault, skipped = DataError("bad", path="x", line=3), Skipped("why")
    items: list[ner.Item] = [
        Sentence(["the", "eye"], (Entity(1, 2, "Anatomy"),), 1),
        fault,
        skipped,
        Sentence(["no"], (), 9, "doc"),
    ]
    first, second, third, last = records(items, "mentions")
    assert (second, third) == (fault, skipped)
    assert isinstance(first, Instruction)
    assert isinstance(last, Instruction)
    assert (first.input, first.output, first.provenance.document) == ("the eye", "eye", "block 1")
    assert (last.input, last.output, last.provenance.document) == ("no", "none", "doc")
    assert first.task == "ner-anatomy"


def test_what_a_layout_cannot_say_is_skipped_with_its_reason() -> None:
    none = Sentence(["none"], (Entity(0, 1, ""),), 1)
    assert records([none], "mentions") == [Skipped("cannot be expressed in the layout mentions")]
    [said] = records([none], "medtuned")
    assert isinstance(said, Instruction)
    assert said.output == "none : B"


def test_sentences_get_the_names_of_their_documents() -> None:
    items = [Sentence(["a", "b"], (), 1), Sentence(["c"], (), 4), Sentence(["d"], (), 6)]
    texts = [("1", "ab\nc"), ("2", " d ")]
    found = list(ner.of_documents(items, texts, path=Path("x"), original=Path("y")))
    assert [one.document for one in found if isinstance(one, Sentence)] == ["1", "1", "2"]
    again = [*items, items[-1]]
    found = list(ner.of_documents(again, [*texts, texts[-1]], path=Path("x"), original=Path("y")))
    assert found[-1] == Skipped("second copy of a document")


@pytest.mark.parametrize("gone", range(1, 6))
def test_a_sentence_at_fault_costs_itself_only(gone: int) -> None:
    words = [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]
    items: list[ner.Item] = [Sentence(one, (), line) for line, one in enumerate(words, start=1)]
    items[gone] = DataError("bad", path="x", line=gone + 1)
    texts = [("1", "ab c d"), ("2", "e f"), ("3", "g")]
    found = list(ner.of_documents(items, texts, path=Path("x"), original=Path("y")))
    assert found[gone] is items[gone]
    names = [one.document for one in found if isinstance(one, Sentence)]
    expected = ["1", "1", "1", "2", "2", "3"]
    assert names == expected[:gone] + expected[gone + 1 :]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([("1", "abx")], "x:4: expected a sentence of PMID 1, found 'c'"),
        ([("1", "abcd")], "x: expected more sentences, of PMID 1"),
        ([("1", "ab")], "x:4: expected no more than y"),
    ],
)
def test_sentences_that_are_not_of_the_documents_are_refused(
    texts: list[tuple[str, str]], message: str
) -> None:
    items = [Sentence(["a", "b"], (), 1), Sentence(["c"], (), 4)]
    with pytest.raises(DataError, match=message):
        list(ner.of_documents(items, texts, path=Path("x"), original=Path("y")))
