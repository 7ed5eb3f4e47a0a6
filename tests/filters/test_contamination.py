from __future__ import annotations

import random
from pathlib import Path

import pytest

from bioinstruct import Instruction, corpora
from bioinstruct.filters import Contaminated, scored_texts
from bioinstruct.text import unicode_words
from tests.records import record

QUESTION = (
    "Does early mobilisation after hip fracture surgery shorten the stay in hospital of adults?"
)
ABSTRACT = (
    "BACKGROUND: It is not known.\nRESULTS: We followed 88 adults over two years in one clinic."
)
LONG = (
    "I read a lot about bones. My doctor asked me something odd last week that I could not answer. "
    "{} I said that I did not know, and she told me to look it up before the next visit."
)


def found(text: str, *tests: str) -> str | None:
    return Contaminated(tests)(record(instruction="Answer the question.", input=text))


def test_a_test_question_is_found_whole_reworded_and_inside_a_long_text() -> None:
    reworded = QUESTION.replace("early", "prompt").replace("adults", "grown-ups")
    assert found(QUESTION, QUESTION) == "exact"
    assert found(QUESTION.upper() + "  ", QUESTION) == "exact"
    assert found(reworded, QUESTION) == "near-duplicate"
    assert found(LONG.format(QUESTION), QUESTION) == "n-gram"
    assert found(LONG.format(""), QUESTION) is None


def test_a_question_is_found_without_the_context_that_the_test_gives() -> None:
    test = f"{ABSTRACT}\n\nQuestion: {QUESTION}"
    assert found(QUESTION, test) == "exact"
    assert found(QUESTION.replace("early", "prompt"), test) == "near-duplicate"
    assert found(LONG.format(QUESTION), test) == "n-gram"
    assert found(f"{ABSTRACT}\n\nQuestion: Is this another question?", test) == "near-duplicate"


def test_a_short_question_is_found_whole_in_a_long_text_and_its_parts_are_not() -> None:
    short = "Is aspirin safe in early pregnancy?"
    assert found(LONG.format(short), short) == "inside"
    assert found(LONG.format("Is aspirin safe in early childhood?"), short) is None
    assert found("Is aspirin safe in late pregnancy?", short) == "near-duplicate"


def test_texts_of_four_words_or_fewer_must_be_equal() -> None:
    assert found("What causes gout?", "What causes gout?") == "exact"
    assert found(LONG.format("What causes gout?"), "What causes gout?") is None
    assert found("What causes gout today?", "What causes gout?") is None


def test_every_field_of_a_record_is_looked_at() -> None:
    look = Contaminated([QUESTION])
    assert look(record(instruction=QUESTION, input="")) == "exact"
    assert look(record(output=LONG.format(QUESTION))) == "n-gram"
    assert look(record()) is None


def test_a_list_of_labels_is_no_text_of_its_own_in_either_layout() -> None:
    labels = [
        "sustaining proliferative signaling",
        "inducing angiogenesis",
        "resisting cell death",
        "evading growth suppressors",
        "tumor promoting inflammation",
    ]
    for between in ("\n", ", "):
        chosen = [labels, labels[:4], labels[1:]]
        examples = [record(n, output=between.join(each)) for n, each in enumerate(chosen)]
        assert scored_texts(examples) == [example.input for example in examples]
    prose = "The tumour, which had spread, was removed by surgery and did not come back, he said."
    assert scored_texts([record(output=prose)])[1:] == [prose]


def test_an_answer_of_a_word_is_no_overlap() -> None:
    assert Contaminated(["measles", "none"])(record(output="measles")) is None


def test_the_question_is_protected_and_an_answer_that_is_a_text() -> None:
    note = "The patient is a 55-year-old man who was seen last week with a new onset of seizures."
    assert scored_texts([record(input="Q", output="yes")]) == ["Q"]
    assert scored_texts([record(input="", output="yes", instruction="Is it?")]) == ["Is it?"]
    assert scored_texts([record(input="Q", output=note)]) == ["Q", note]


def test_it_says_which_test_text_and_how_near() -> None:
    overlap = Contaminated(["Some other text.", QUESTION]).find(
        record(input=QUESTION.replace("early", "prompt"))
    )
    assert overlap is not None
    assert (overlap.kind, overlap.text) == ("near-duplicate", QUESTION)
    assert overlap.score == pytest.approx(13 / 14)


def test_no_test_texts_and_empty_texts_find_nothing() -> None:
    assert Contaminated([])(record()) is None
    assert Contaminated(["", "  ", "?"])(record(input="")) is None


def test_records_in_bulk_are_judged_as_one_by_one() -> None:
    look = Contaminated([QUESTION, "Is aspirin safe in early pregnancy?"])
    texts = [QUESTION, "x", LONG.format(QUESTION), QUESTION.replace("early", "prompt"), ""]
    records = [record(n, input=text) for n, text in enumerate(texts * 10)]
    assert look.find_all(records) == [look.find(example) for example in records]


@pytest.fixture(scope="module")
def pubmedqa(data: Path) -> Contaminated:
    tests = corpora.read("pubmedqa", "test", data=data)
    return Contaminated(scored_texts(list(tests)))


def questions_of(data: Path) -> list[str]:
    inputs = [example.input for example in corpora.read("pubmedqa", "test", data=data)]
    return [text.rsplit("Question: ", 1)[1] for text in inputs]


def reworded(text: str, count: int, chance: random.Random) -> str:
    """Other words in place of some; what is left is above 0.7 alike if a seventh may go."""
    words = text.split()
    for place in chance.sample(range(len(words)), count):
        words[place] = chance.choice(["other", "patients", "often", "these", "clinical"])
    return " ".join(words)


def planted(data: Path, form: str) -> list[Instruction]:
    chance = random.Random(4)
    texts = questions_of(data)
    if form == "reworded":
        texts = [
            reworded(t, max(1, len(t.split()) // 7), chance) for t in texts if len(t.split()) > 6
        ]
    if form == "inside":
        texts = [LONG.format(text) for text in texts if len(unicode_words(text)) > 4]
    return [record(n, instruction="Please answer.", input=text) for n, text in enumerate(texts)]


@pytest.mark.parametrize(("form", "least"), [("whole", 500), ("reworded", 480), ("inside", 499)])
def test_planted_questions_of_pubmedqa_are_all_found(
    data: Path, pubmedqa: Contaminated, form: str, least: int
) -> None:
    records = planted(data, form)
    assert len(records) >= least
    found = pubmedqa.find_all(records)
    assert [e.input for e, overlap in zip(records, found, strict=True) if not overlap] == []


@pytest.mark.peer
def test_clean_corpora_are_not_taken_for_pubmedqa(
    data: Path, pubmedqa: Contaminated, questions: list[str]
) -> None:
    for name in ("pubmedqa", "ncbi-disease", "mts-dialog", "demo"):
        assert not any(pubmedqa.find_all(corpora.read(name, "train", data=data)))
    assert not any(pubmedqa.find_texts(questions))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ncbi-disease", {"exact": 1, "n-gram": 1, "near-duplicate": 12}),
        ("mts-dialog", {"exact": 4, "n-gram": 22, "near-duplicate": 24}),
    ],
)
def test_overlaps_of_the_official_splits_are_as_read_one_by_one(
    data: Path, name: str, expected: dict[str, int]
) -> None:
    tests = corpora.read(name, "test", data=data)
    look = Contaminated(scored_texts(list(tests)))
    kinds = [o.kind for o in look.find_all(corpora.read(name, "train", data=data)) if o]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == expected


def test_a_relation_of_a_test_sentence_is_found_whatever_pair_it_names() -> None:
    sentence = "Aspirin raises the level of methotrexate in the blood of adults."
    pair = "{}\n\nFirst drug: {}\nSecond drug: {}"
    test = record(0, task="relation-ddi", input=pair.format(sentence, "aspirin", "methotrexate"))
    look = Contaminated(scored_texts([test]), exact=True)
    other = pair.format(sentence, "methotrexate", "aspirin")
    assert look(test) == "exact"
    assert look(record(1, task="relation-ddi", input=other)) == "exact"
    assert look(record(2, task="relation-ddi", input=other.replace("raises", "lowers"))) is None
