from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bioinstruct import UnknownNameError
from bioinstruct.corpora import get_corpus
from bioinstruct.corpora.answers import multiple_choice as mc

# Texts with much in them that could be taken for the beginning of an option.
TEXT = st.text(st.sampled_from("AB. \\\nx\r\u2028é"), max_size=12) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)
OPTIONS = st.lists(TEXT, min_size=2, max_size=10)


@given(question=TEXT, options=OPTIONS)
def test_question_and_options_are_read_back_exactly(question: str, options: list[str]) -> None:
    assert mc.read(mc.to_text(question, options)) == (
        question,
        tuple(options),
    )


def test_an_input_reads_as_one_would_write_it() -> None:
    assert mc.to_text("Which is a vitamin?", ["Zinc", "B. fragilis", "Niacin"]) == (
        "Which is a vitamin?\n\nA. Zinc\nB. B. fragilis\nC. Niacin"
    )


@pytest.mark.parametrize(
    "question",
    [
        "Which are steroids?\nI. Testosterone\nA. and\nB. or",
        "A. fumigatus\nis what?",
        "B. cereus\n\nB.",
    ],
)
def test_a_list_in_the_question_is_left_as_it_is(question: str) -> None:
    assert mc.to_text(question, ["C. one\nC. two", "three"]) == (
        f"{question}\n\nA. C. one\nC. two\nB. three"
    )


def test_a_line_that_would_begin_an_option_is_marked() -> None:
    text = mc.to_text("Of these:\n\nA. is true", ["one\nB. two", "three"])
    assert text == "Of these:\n\n\\A. is true\n\nA. one\n\\B. two\nB. three"


@pytest.mark.parametrize(
    "text", ["What?", "What?\n\nA. one", "What?\nA. one\nB. two", "What?\n\nA. one\nC. two"]
)
def test_what_is_no_question_with_options_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match="expected a question, an empty line and options, found 'Wh"
    ):
        mc.read(text)


@pytest.mark.parametrize("count", [0, 1, 11])
def test_a_question_has_two_to_ten_options(count: int) -> None:
    with pytest.raises(ValueError, match=f"expected 2 to 10 options, found {count}"):
        mc.to_text("What?", ["x"] * count)


@example(options=["A", "\nA. A"])
@given(options=OPTIONS.filter(lambda options: all(map(str.strip, options))))
def test_every_answer_means_the_option_that_it_was_made_from(
    options: list[str],
) -> None:
    for answer, layout in itertools.product(range(len(options)), mc.LAYOUTS):
        text = mc.to_answer(options, answer, layout=layout)
        letter = mc.parse_letter(text, options, layout=layout)
        if layout == "text":  # of two options that read alike nobody can tell which was meant
            found = mc.LETTERS.index(letter or "")
            assert plain(options[found]) == plain(options[answer])
        else:
            assert letter == mc.LETTERS[answer]


def plain(text: str) -> str:
    folded = " ".join(text.split()).casefold()
    return folded.removesuffix(".") or folded


VITAMINS = ("Retinol", "Niacin", "A patient's own serum", "Vitamin C")


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("B", "B"),
        (" b.\n", "B"),
        ("(B)", "B"),
        ("[B]", "B"),
        ("**B**", "B"),
        ("B. Niacin", "B"),
        ("B) it is a coenzyme", "B"),
        ("B: Retinol", "B"),  # the letter is what was asked for
        ("B\nbecause pellagra", "B"),
        ("B, since it cures pellagra", "B"),
        ("**B.** Niacin", "B"),
        ("niacin", "B"),
        ("NIACIN.", "B"),
        ("  A  patient's own\nserum ", "C"),
        ("The answer is B.", "B"),
        ("the correct answer is (B) because of pellagra", "B"),
        ("Answer: **B**", "B"),
        ("Final answer: B. Niacin", "B"),
        ("The best choice is option D.", "D"),
        ("Answer: A. On reflection, answer: A", "A"),
        ("Answer: A. On reflection, answer: B", None),
        ("", None),
        (".", None),
        ("E", None),
        ("The answer is E.", None),
        ("A patient cannot make it", None),
        ("The answer is a vitamin", None),
        ("I do not know", None),
        ("Niacin or retinol", None),
    ],
)
def test_a_completion_is_read_strictly_but_kindly(completion: str, letter: str | None) -> None:
    assert mc.parse_letter(completion, VITAMINS) == letter


def test_a_text_that_is_a_letter_means_what_the_layout_asks_for() -> None:
    groups = ("AB", "O", "A", "B")
    assert mc.parse_letter("A", groups) == "A"
    assert mc.parse_letter("A", groups, layout="letter-text") == "A"
    assert mc.parse_letter("A", groups, layout="text") == "C"
    assert mc.parse_letter("A.", groups, layout="text") == "C"
    assert mc.parse_letter("C", groups, layout="text") == "C"


def test_the_wording_depends_on_the_question_and_the_seed_and_not_on_the_answer() -> None:
    provenance = get_corpus("pubmedqa").provenance(split="train", document="1")
    made = {
        (seed, answer): mc.example(
            "What?", ["one", "two"], answer, layout="letter", seed=seed, provenance=provenance
        )
        for seed in range(30)
        for answer in (0, 1)
    }
    assert all(made[seed, 0].instruction == made[seed, 1].instruction for seed in range(30))
    assert {example.instruction for example in made.values()} == set(mc.WORDINGS["letter"])
    assert {example.output for example in made.values()} == {"A", "B"}


def test_every_layout_has_wordings_of_its_own() -> None:
    assert tuple(mc.WORDINGS) == mc.LAYOUTS
    every = [wording for wordings in mc.WORDINGS.values() for wording in wordings]
    assert len(set(every)) == len(every)
    assert all(len(wordings) >= 5 for wordings in mc.WORDINGS.values())


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="no layout named 'number'"):
        mc.to_answer(["one", "two"], 0, layout="number")
