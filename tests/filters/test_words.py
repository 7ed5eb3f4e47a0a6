from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize

from bioinstruct.filters import token_codes as module
from bioinstruct.filters.similarity_join import common_words
from bioinstruct.filters.token_codes import Coder, self_instruct_words
from bioinstruct.text import unicode_words, words


@given(st.text())
def test_the_fast_tokeniser_is_the_one_of_rouge_score(text: str) -> None:
    fast = [word.decode() for word in self_instruct_words(text)]
    assert fast == words(text) == tokenize(text, None)


@pytest.mark.parametrize(
    "text", ["\u212a", "\u0130stanbul", "a\x00b", "a\u2028b", "ﬁne", "\ud800x", "x\ny", "Straße"]
)
def test_it_is_so_for_odd_letters_too(text: str) -> None:
    assert [word.decode() for word in self_instruct_words(text)] == tokenize(text, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IFN-\u03b3 and IFN-\u03b1", ["ifn", "\u03b3", "and", "ifn", "\u03b1"]),
        ("糖尿病の症状", ["糖", "尿", "病", "の", "症", "状"]),
        ("Что такое диабет?", ["что", "такое", "диабет"]),
        ("ﬁbrosis", ["fibrosis"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("मधुमेह क्या है", ["मधुमेह", "क्या", "है"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
    ],
)
def test_unicode_words_are_those_of_every_script(text: str, expected: list[str]) -> None:
    assert unicode_words(text) == expected


@given(st.text(st.characters(max_codepoint=127, exclude_characters="_")))
def test_both_tokenisers_agree_on_plain_english(text: str) -> None:
    assert unicode_words(text) == words(text)


def test_texts_are_compared_rightly_when_characters_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["a b c d", "a x b y c z", "d c b a", "q r s a b"]
    as_text = Coder(self_instruct_words).encode(texts).codes
    monkeypatch.setattr(module, "_LAST_CHARACTER", 5)
    coder = Coder(self_instruct_words)
    mixed = coder.encode(texts[:1]).codes + coder.encode(texts[1:]).codes
    assert [type(code) for code in mixed] == [str, list, list, list]
    for i in range(4):
        for j in range(4):
            assert common_words(mixed[i], mixed[j], 1) == common_words(as_text[i], as_text[j], 1)


def test_word_numbers_step_over_the_surrogates() -> None:
    coder = Coder(self_instruct_words)
    coded = coder.encode([" ".join(f"w{n}" for n in range(70_000))])
    assert len(set(coded.codes[0])) == len(coded.words) == 70_000


def test_sketches_never_differ_in_more_bits_than_the_texts_in_words() -> None:
    coded = Coder(self_instruct_words).encode(["a b c", "a b d", "", "a a b c e f"])
    sketches = coded.sketches
    apart = np.bitwise_count(sketches[:, None] ^ sketches[None, :])
    wide = np.bitwise_count(coded.wide_sketches[:, None] ^ coded.wide_sketches[None, :]).sum(axis=2)
    assert (wide <= [[0, 2, 3, 3], [2, 0, 3, 5], [3, 3, 0, 6], [3, 5, 6, 0]]).all()
    assert (apart <= [[0, 2, 3, 3], [2, 0, 3, 5], [3, 3, 0, 6], [3, 5, 6, 0]]).all()
