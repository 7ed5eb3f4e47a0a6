from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.corpora.answers.token_alignment import lines_of_words

few_words = st.lists(st.sampled_from("abc"), max_size=5)


def fewest_edits(words: list[str], tokens: list[str]) -> int:
    """Brute force, tokens after the last word for nothing."""
    if not words:
        return 0
    if not tokens:
        return len(words)
    return min(
        fewest_edits(words[1:], tokens[1:]) + (words[0] != tokens[0]),
        fewest_edits(words[1:], tokens) + 1,
        fewest_edits(words, tokens[1:]) + 1,
    )


@given(few_words, few_words)
def test_places_are_in_order_and_agree_as_often_as_the_fewest_edits_allow(
    words: list[str], tokens: list[str]
) -> None:
    found = lines_of_words(words, tokens)
    assert len(found) == len(words)
    places = [place for place in found if place is not None]
    assert places == sorted(set(places))
    agreeing = sum(
        place is not None and tokens[place] == word
        for word, place in zip(words, found, strict=True)
    )
    assert agreeing >= len(words) - fewest_edits(words, tokens)


@given(st.lists(st.text(max_size=3), max_size=30), st.lists(st.text(max_size=3), max_size=10))
def test_a_perfect_answer_is_taken_as_it_is_whatever_follows_it(
    words: list[str], more: list[str]
) -> None:
    assert lines_of_words(words, [*words, *more]) == list(range(len(words)))


unique_words = st.lists(st.integers(0, 99).map(str), min_size=2, max_size=30, unique=True)


@given(unique_words, st.data())
def test_a_missing_line_costs_its_own_word_only(words: list[str], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(words) - 1))
    found = lines_of_words(words, words[:gone] + words[gone + 1 :])
    assert found == [None if word == gone else word - (word > gone) for word in range(len(words))]


@given(unique_words, st.data())
def test_a_line_too_many_costs_nothing(words: list[str], data: st.DataObject) -> None:
    more = data.draw(st.integers(0, len(words)))
    found = lines_of_words(words, [*words[:more], "extra", *words[more:]])
    assert found == [word + (word >= more) for word in range(len(words))]


@given(unique_words, st.data())
def test_a_misspelt_line_stands_for_the_word_in_its_place(
    words: list[str], data: st.DataObject
) -> None:
    wrong = data.draw(st.integers(0, len(words) - 1))
    found = lines_of_words(words, [*words[:wrong], "wrong", *words[wrong + 1 :]])
    assert found == list(range(len(words)))


def test_lines_that_could_stand_for_several_words_stand_for_none() -> None:
    assert lines_of_words(["a", "b", "c", "d"], ["a", "x", "d"]) == [0, None, None, 2]


def test_an_answer_that_was_cut_short_belongs_to_the_first_words() -> None:
    assert lines_of_words(["a", "b", "a", "b"], ["a", "b"]) == [0, 1, None, None]


def test_an_answer_that_starts_again_is_read_the_first_time() -> None:
    words = ["a", "b", "c"]
    assert lines_of_words(words, ["a", "x", "c", "a", "b", "c"]) == [0, 1, 2]
