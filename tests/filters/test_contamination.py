from __future__ import annotations

import random
from pathlib import Path

import pytest

from bioinstruct import Instruction, UnknownNameError, corpora
from bioinstruct.filters import Contaminated, scored_texts
from bioinstruct.text import unicode_words
from tests.records import record

QUESTION = (
    "Does early mobilisation after hip fracture surgery shorten the stay in hospital of adults?"
)
ABSTRACT = (
    "BACKGROUND: It is not known.\nRESULTS: We followed 88 octogenarians with trochanteric "
    "fractures over two winters; fewer thromboses and pressure ulcers occurred after walking."
)
LONG = (
    "I read a lot about bones. My doctor asked me something odd last week that I could not answer. "
    "{} I said that I did not know, and she told me to look it up before the next visit."
)


def texts_of(examples: list[Instruction]) -> list[str]:
    return [scored.text for scored in scored_texts(examples)]


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
    assert found("Is aspirin safe in late pregnancy?", short) is None
    assert found("In early pregnancy, is aspirin safe?", short) == "near-duplicate"


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
        examples = [
            record(n, output=between.join(each), task="hallmarks") for n, each in enumerate(chosen)
        ]
        assert texts_of(examples) == [example.input for example in examples]
    prose = "The tumour, which had spread, was removed by surgery and did not come back, he said."
    assert texts_of([record(output=prose, task="summary")])[1:] == [prose]
    assert len(texts_of([record(output=prose, task="ner-disease")])) == 1


def test_an_answer_of_a_word_is_no_overlap() -> None:
    assert Contaminated(["measles", "none"])(record(output="measles")) is None


def test_the_question_is_protected_and_an_answer_that_is_a_text() -> None:
    note = "The patient is a 55-year-old man who was seen last week with a new onset of seizures."
    assert texts_of([record(input="Q", output="yes")]) == ["Q"]
    assert texts_of([record(input="", output="yes", instruction="Is it?")]) == ["Is it?"]
    assert texts_of([record(input="Q", output=note, task="note")]) == ["Q", note]


def test_it_says_which_test_text_and_how_near() -> None:
    other = record(1, input="Some other text.")
    test = record(2, input=f"{ABSTRACT}\n\nQuestion: {QUESTION}")
    overlap = Contaminated(scored_texts([other, test], task="bones")).find(
        record(input=QUESTION.replace("early", "prompt"))
    )
    assert overlap is not None
    assert (overlap.kind, overlap.text) == ("near-duplicate", QUESTION)
    assert (overlap.task, overlap.id, overlap.part) == ("bones", test.id, "paragraph")
    assert overlap.score == pytest.approx(8 / 9)  # of nine rare words, all as rare


STATEMENTS = [
    "Phosphofructokinase limits the rate of glycolysis.",
    "Phosphorylase is more active in fast fibres than in slow ones.",
    "Endurance training multiplies mitochondrial enzymes in muscle.",
    "Oxygen is consumed by oxidative phosphorylation.",
]


def question(stem: str, *options: str) -> str:
    listed = (f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
    return "\n".join([stem, "", *listed])


def test_equal_options_are_no_overlap_by_themselves() -> None:
    drugs = ["Heroin", "Ecstasy", "Alcohol", "Cannabis"]
    test = question("Which drug most often explains acute confusion?", *drugs)
    assert found(test, test) == "exact"
    assert found(question("Which of these is smoked in a narghile?", *drugs), test) is None
    numbers = question("How many ventricles has the brain?", "1", "2", "3", "4")
    assert found(question("How many lobes has the left lung?", "1", "2", "3", "4"), numbers) is None


def test_a_stem_that_any_question_may_have_is_no_overlap() -> None:
    stem = "Which of the following is true?"
    test = question(stem, *STATEMENTS)
    others = ["The femur is a bone.", "Bile is made by the spleen.", "Iron is a gas.", "None."]
    assert found(stem, test) is None
    assert found(question(stem, *others), test) is None
    overlap = Contaminated([test]).find(record(input=question(stem, *STATEMENTS[::-1])))
    assert overlap is not None
    assert (overlap.kind, overlap.part) == ("near-duplicate", "options")


def test_options_in_another_order_and_a_word_of_the_stem_changed_are_found() -> None:
    drugs = ["Heroin", "Ecstasy", "Alcohol", "Cannabis"]
    test = question("Which drug most often explains acute confusion in casualty?", *drugs)
    changed = question("Which drug most often explains acute delirium in casualty?", *drugs[::-1])
    assert found(changed, test) == "near-duplicate"


def test_a_closing_sentence_of_many_notes_is_no_overlap() -> None:
    closing = (
        "The patient understands and agrees with the recommended medical treatment plan and "
        "will return to the clinic in four weeks or sooner if symptoms worsen."
    )
    bodies = [
        "Ankle sprain after a fall from a ladder. Radiographs show no fracture.",
        "Migraine with aura since adolescence, treated with sumatriptan.",
        "Asthma, poorly controlled; the salbutamol inhaler is used daily.",
        "Psoriatic plaques on elbows, calcipotriol was prescribed.",
        "Gout of the first toe, allopurinol was increased.",
        "Hypothyroidism, levothyroxine dose unchanged after bloods.",
        "Carpal tunnel syndrome, splints at night for the right wrist.",
    ]
    notes = [f"{body} {closing}" for body in bodies]
    own = f"Otitis media of the left ear, amoxicillin was given to the boy. {closing}"
    assert found(own, *notes) is None
    assert found(f"{notes[3]} {closing}", *notes) == "near-duplicate"


def test_a_question_of_a_frame_overlaps_only_the_same_question_of_the_same_subject() -> None:
    test = record(0, input="What are the symptoms of Norrie disease ?")
    look = Contaminated(scored_texts([test], framed=True))
    assert look(record(input="Can you list the symptoms of Norrie disease?")) == "near-duplicate"
    assert look(record(input="What are the treatments for Norrie disease ?")) is None
    assert look(record(input="What are the symptoms of Wilson disease ?")) is None


@pytest.mark.parametrize("heading", ["Discussion", "Materials and methods", "Author contributions"])
def test_headings_are_no_overlap_unless_equal_texts_are_searched(heading: str) -> None:
    assert found(heading, heading) is None
    assert Contaminated([heading], exact=True)(record(input=heading)) == "exact"


def test_a_level_is_chosen() -> None:
    test = "Does isoproterenol alter aortic stiffness, heart rate and renin of hypertensive adults?"
    reworded = "Is aortic stiffness of hypertensive dogs changed by isoproterenol infusions?"
    levels = ("strict", "default", "loose")
    met = [bool(Contaminated([test], level=level).find_texts([reworded])[0]) for level in levels]
    assert met == [False, False, True]
    with pytest.raises(UnknownNameError):
        Contaminated([test], level="lose")


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
def test_planted_questions_of_pubmedqa_are_found(
    data: Path, pubmedqa: Contaminated, form: str, least: int
) -> None:
    records = planted(data, form)
    assert len(records) >= least
    found = pubmedqa.find_all(records)
    missed = [e.input for e, overlap in zip(records, found, strict=True) if not overlap]
    # In a short question the word that was changed may be what it asks about.
    assert len(missed) <= (30 if form == "reworded" else 0), missed


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
        ("ncbi-disease", {"exact": 1, "n-gram": 1, "near-duplicate": 26}),
        ("mts-dialog", {"exact": 5, "near-duplicate": 12}),
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
