from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import DataError
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.base import Skipped
from bioinstruct.corpora.formats.iob import Sentence
from bioinstruct.corpora.formats.standoff import (
    Annotation,
    Span,
    in_sentences,
    of_no_text,
    sentence,
    spans,
)

TEXT = "The p53 gene (TP53) binds."


def placed(text: str, found: list[Span]) -> list[str]:
    [one, *rest] = sentence(text, found, document="d", line=1)
    assert isinstance(one, Sentence)
    said = [" ".join(one.words[start:end]) for start, end, _ in one.entities]
    return [*said, *(skipped.reason for skipped in rest if isinstance(skipped, Skipped))]


def test_words_are_runs_of_letters_and_digits_and_single_signs() -> None:
    [one] = sentence("β-catenin, p53_x (5.2 mM)\t™", [], document="d", line=3)
    assert isinstance(one, Sentence)
    words = ["β", "-", "catenin", ",", "p53", "_", "x", "(", "5", ".", "2", "mM", ")", "™"]
    assert one == Sentence(words, (), 3, "d")


def test_mentions_are_found_by_their_words() -> None:
    assert placed(TEXT, [Span(4, 12, ""), Span(14, 18, "")]) == ["p53 gene", "TP53"]


def test_a_mention_that_ends_inside_a_word_is_widened_to_it() -> None:
    assert placed("on 5-HT6 receptors", [Span(3, 7, "")]) == ["5 - HT6"]
    assert placed("2Cl", [Span(1, 3, "")]) == ["2Cl"]


def test_of_overlapping_mentions_the_longest_stays_and_the_others_are_counted() -> None:
    reason = "a mention that overlaps another one"
    nested = [Span(4, 7, "a"), Span(4, 12, "b"), Span(8, 12, "c")]
    assert placed(TEXT, nested) == ["p53 gene", reason, reason]
    assert placed(TEXT, [Span(4, 12, ""), Span(4, 12, "")]) == ["p53 gene", reason]
    # Apart as characters, in one word as words.
    assert placed("ab", [Span(0, 1, ""), Span(1, 2, "")]) == ["ab", reason]


def test_offsets_count_characters_with_or_without_spaces() -> None:
    path = Path("x")
    exclusive = Annotation(1, "4", "12", "p53 gene")
    inclusive = Annotation(1, "3", "9", "p53 gene")
    assert spans(TEXT, [exclusive], path=path) == [Span(4, 12, "")]
    assert spans(TEXT, [inclusive], path=path, without_spaces=True) == [Span(4, 12, "")]


texts = st.text(st.sampled_from("ab1 .\n-"), min_size=1, max_size=30)


@given(texts, st.data())
def test_both_ways_to_count_find_the_same_characters(text: str, data: st.DataObject) -> None:
    letters = [place for place, letter in enumerate(text) if not letter.isspace()]
    if not letters:
        return
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(letters) - 1)] * 2)))
    start, end = letters[first], letters[last] + 1
    one = Annotation(1, str(start), str(end), text[start:end])
    other = Annotation(1, str(first), str(last), text[start:end])
    assert spans(text, [one], path=Path("x")) == [Span(start, end, "")]
    assert spans(text, [other], path=Path("x"), without_spaces=True) == [Span(start, end, "")]


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Annotation(7, "4", "7", "p54"), "expected 'p54' at characters 4 to 7, found 'p53'"),
        (Annotation(7, "5", "8", "p53"), "expected 'p53' at characters 5 to 8, found '53 '"),
        (Annotation(7, "20", "99", "x"), "characters 20 to 99 of a text of 26: 'x'"),
        (Annotation(7, "9", "4", "x"), "characters 9 to 4 of a text of 26"),
        (Annotation(7, "3", "4", " "), "expected ' ' at characters 3 to 4"),
        (Annotation(7, "-1", "4", "x"), "expected two numbers, found '-1' and '4'"),
        (Annotation(7, "4", "7", "p53", "Gene"), "unknown type 'Gene'; known: "),
    ],
)
def test_an_annotation_that_is_not_in_its_text_is_named(
    annotation: Annotation, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        spans(TEXT, [annotation], path=Path("x"))
    assert str(caught.value).startswith(f"x:7: {message}")


def test_an_annotation_outside_a_text_counted_without_spaces_is_named() -> None:
    with pytest.raises(DataError, match="characters 20 to 22 of a text of 22: 'x'"):
        spans(TEXT, [Annotation(7, "20", "22", "x")], path=Path("x"), without_spaces=True)


def test_annotations_without_a_text_are_named() -> None:
    [fault] = of_no_text({"d9": [Annotation(3, "1", "2", "x")]}, Path("x"))
    assert str(fault) == "x:3: a mention in d9, which is missing"


def cut(text: str, found: list[Span]) -> list[tuple[str, list[str]]]:
    sentences = []
    for one in in_sentences(text, found, document="d", line=1):
        assert isinstance(one, Sentence)
        said = [" ".join(one.words[start:end]) for start, end, _ in one.entities]
        sentences.append((one.text, said))
    return sentences


def test_a_text_is_cut_at_full_stops_before_capitals_and_at_the_ends_of_lines() -> None:
    text = "In E. coli at 5.2 mM. No\n\n  mice died? (Yes.)"
    assert cut(text, [Span(3, 10, "")]) == [
        ("In E . coli at 5 . 2 mM .", ["E . coli"]),
        ("No", []),
        ("mice died ?", []),
        ("( Yes . )", []),
    ]


def test_no_cut_parts_a_mention() -> None:
    text = "By St. Anthony's fire. We know."
    assert len(cut(text, [])) == 3
    whole = [("By St . Anthony ' s fire .", ["St . Anthony ' s fire"]), ("We know .", [])]
    assert cut(text, [Span(3, 21, "")]) == whole
    assert [said for _, said in cut(text, [Span(0, 2, ""), Span(3, 21, ""), Span(11, 21, "")][:2])]


@given(st.text(st.sampled_from("aB. \n"), max_size=30), st.data())
def test_a_text_keeps_its_letters_and_mentions_when_it_is_cut(
    text: str, data: st.DataObject
) -> None:
    places = st.integers(0, len(text))
    drawn = data.draw(st.lists(st.tuples(places, places), max_size=4))
    found = [Span(*sorted(pair), "T") for pair in drawn]
    found = [span for span in found if text[span.start : span.end].strip()]
    items = list(in_sentences(text, found, document="d", line=1))
    sentences = [one for one in items if isinstance(one, Sentence)]
    assert "".join("".join(one.words) for one in sentences) == "".join(text.split())
    kept = [entity for one in sentences for entity in one.entities]
    skipped = [one for one in items if isinstance(one, Skipped)]
    assert len(kept) + len(skipped) == len(found)
    for one in sentences:
        ends = [0, *(place for entity in one.entities for place in entity[:2]), len(one.words)]
        assert ends == sorted(ends)
        assert all(
            entity == Entity(*entity) and entity.start < entity.end for entity in one.entities
        )
