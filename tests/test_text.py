from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize

from bioinstruct.text import normalize, words

texts = st.text() | st.text(alphabet="aB1 -_.\n\té\u0130\ufb01")


@given(texts)
def test_words_are_those_of_the_rouge_score_package(text: str) -> None:
    assert words(text) == tokenize(text, None)


def test_words_are_lower_case_letters_and_digits() -> None:
    assert words("IL-2 (interleukin\u20112), 5 mg/kg; naïve") == [
        "il", "2", "interleukin", "2", "5", "mg", "kg", "na", "ve",
    ]  # fmt: skip
    assert words(" -- ") == []


@given(texts)
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Chest  pain\n", "chest pain"),
        ("ﬁbrosis", "fibrosis"),
        ("ÅNGSTRÖM", "ångström"),
        ("Straße", "STRASSE"),
        ("5\u00a0mg", "5 mg"),
        ("\uff4d\uff47", "mg"),
        ("e\u0301", "é"),
    ],
)
def test_spellings_of_one_text_are_equal(one: str, other: str) -> None:
    assert normalize(one) == normalize(other)


@pytest.mark.parametrize(
    ("one", "other"), [("pain", "no pain"), ("5 mg", "5mg"), ("A.", "A"), ("naïve", "naive")]
)
def test_different_texts_stay_different(one: str, other: str) -> None:
    assert normalize(one) != normalize(other)
