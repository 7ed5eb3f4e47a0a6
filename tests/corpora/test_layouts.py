from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bioinstruct import BioinstructError, UnknownNameError
from bioinstruct.corpora.answers.entities import LAYOUTS, Entity, parse, spans, to_text

odd_words = st.one_of(
    st.sampled_from([":", "|", "none", "None", "B", "I", "O", "#2", "#1", "a", "b", "a:", ":B"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4).filter(
        lambda word: word.split() == [word]
    ),
)


@st.composite
def sentences(draw: st.DrawFn) -> tuple[list[str], list[Entity]]:
    words = draw(st.lists(odd_words, min_size=1, max_size=12))
    cuts = sorted(draw(st.sets(st.integers(0, len(words)), max_size=8)))
    kinds = st.sampled_from(["Disease", "CLINICAL_DEPT", "B", "none"])
    entities = [
        Entity(start, end, draw(kinds)) for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    return words, entities


@pytest.mark.parametrize("typed", [False, True])
@given(sentence=sentences())
def test_tags_of_any_words_are_read_back_unchanged(
    typed: bool, sentence: tuple[list[str], list[Entity]]
) -> None:
    words, entities = sentence
    expected = entities if typed else [entity._replace(type="") for entity in entities]
    text = to_text("medtuned", words, entities, typed=typed)
    assert len(text.split("\n")) == len(words)
    assert parse("medtuned", text, words, typed=typed) == expected


@pytest.mark.parametrize("typed", [False, True])
@given(sentence=sentences())
def test_mentions_are_read_back_unchanged_or_refused(
    typed: bool, sentence: tuple[list[str], list[Entity]]
) -> None:
    words, entities = sentence
    expected = entities if typed else [entity._replace(type="") for entity in entities]
    try:
        text = to_text("mentions", words, entities, typed=typed)
    except BioinstructError:
        # Only what looks like the layout's own signs cannot be told from them.
        mentioned = {word for start, end, _ in entities for word in words[start:end]}
        assert any(
            word.casefold() == "none" or word.startswith("#") for word in mentioned | {*words}
        )
        return
    assert parse("mentions", text, words, typed=typed) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("typed", [False, True])
@given(text=st.text(), words=st.lists(odd_words, max_size=8))
def test_any_text_can_be_read(layout: str, typed: bool, text: str, words: list[str]) -> None:
    for start, end, _ in parse(layout, text, words, typed=typed):
        assert start == end < 0 or 0 <= start < end <= len(words)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(lines=st.lists(odd_words, max_size=12), words=st.lists(odd_words, max_size=8))
def test_lines_of_words_and_signs_can_be_read_without_overlap(
    layout: str, lines: list[str], words: list[str]
) -> None:
    text = "\n".join([*lines, *(f"{line} : B" for line in lines)])
    taken = [word for start, end, _ in parse(layout, text, words) for word in range(start, end)]
    assert len(taken) == len(set(taken))


def test_an_unknown_layout_is_named() -> None:
    with pytest.raises(UnknownNameError, match="no layout named 'mention'") as caught:
        parse("mention", "", [])
    assert caught.value.hint == "did you mean `mentions`?"


WORDS = ["sporadic", "T", "-", "cell", "leukaemia", "and", "T", "-", "cell", "lymphoma", "in", "DM"]
GOLD = [Entity(0, 5, "Disease"), Entity(6, 10, "Disease"), Entity(11, 12, "Disease")]


def test_the_compact_layout_copies_one_mention_a_line() -> None:
    text = to_text("mentions", WORDS, reversed(GOLD))
    assert text == "sporadic T - cell leukaemia\nT - cell lymphoma\nDM"
    assert to_text("mentions", WORDS, GOLD[2:], typed=True) == "DM | Disease"
    assert to_text("mentions", WORDS, []) == "none"


def test_the_published_layout_lists_every_word_with_its_tag() -> None:
    assert to_text("medtuned", WORDS[8:], [Entity(1, 2, "Disease")]) == (
        "cell : O\nlymphoma : B\nin : O\nDM : O"
    )
    assert to_text("medtuned", ["T", "cell"], [Entity(0, 2, "X")], typed=True) == (
        "T : B-X\ncell : I-X"
    )


def test_a_mention_that_stands_earlier_too_carries_its_number() -> None:
    words = ["DM", "-", "kinase", "in", "muscle", "of", "DM", "patients"]
    entities = [Entity(6, 7, "")]
    assert to_text("mentions", words, entities) == "DM #2"
    assert parse("mentions", "DM #2", words) == entities
    assert parse("mentions", "DM", words) == [Entity(0, 1, "")]
    assert parse("mentions", "DM #3", words) == [Entity(-1, -1, "")]


def test_a_sentence_whose_only_mention_is_the_word_none_is_refused() -> None:
    with pytest.raises(BioinstructError, match="cannot write 'none'") as caught:
        to_text("mentions", ["none"], [Entity(0, 1, "")])
    assert "medtuned" in caught.value.hint
    assert to_text("mentions", ["none"], [Entity(0, 1, "X")], typed=True) == "none | X"
    assert parse("medtuned", "none : B", ["none"]) == [Entity(0, 1, "")]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_overlapping_mentions_are_refused(layout: str) -> None:
    with pytest.raises(BioinstructError, match="cannot write"):
        to_text(layout, ["a", "b", "c"], [Entity(0, 2, ""), Entity(1, 3, "")])


@pytest.mark.parametrize("text", ["none", "None\n", " NONE ", "", "\n\n", "none\nnone"])
def test_none_and_nothing_mean_no_mention(text: str) -> None:
    assert parse("mentions", text, ["None", "of", "them", "none"]) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("breast cancer", [(1, 3)]),
        ("breast cancer\nbreast cancer", [(1, 3), (4, 6)]),
        ("breast cancer\nbreast cancer\nbreast cancer", [(1, 3), (4, 6), (-1, -1)]),
        ("cancer\nbreast cancer", [(2, 3), (4, 6)]),
        ("ovarian cancer\nbreast cancer", [(7, 9), (1, 3)]),
        ("lung cancer\nbreast cancer\ncolon cancer", [(-1, -1), (1, 3), (-2, -2)]),
        ("breastcancer", [(1, 3)]),
        ("ovarian-cancer", [(-1, -1)]),
        ("Breast cancer", [(-1, -1)]),
        ("reast cancer", [(-1, -1)]),
        ("  breast   cancer \r\n\n", [(1, 3)]),
        ("breast cancer #2", [(4, 6)]),
    ],
)
def test_a_mention_takes_the_next_place_that_is_free(
    text: str, expected: list[tuple[int, int]]
) -> None:
    words = ["familial", "breast", "cancer", ",", "breast", "cancer", "and", "ovarian", "cancer"]
    assert [entity[:2] for entity in parse("mentions", text, words)] == expected


def test_a_mention_written_without_the_spaces_of_the_corpus_is_found() -> None:
    words = ["an", "ataxia", "-", "telangiectasia", "gene"]
    assert parse("mentions", "ataxia-telangiectasia", words) == [Entity(1, 4, "")]
    assert parse("mentions", "taxia-telangiectasia", words) == [Entity(-1, -1, "")]


def test_a_typed_mention_without_a_type_has_none() -> None:
    assert parse("mentions", "a|b | Gene", ["a|b"], typed=True) == [Entity(0, 1, "Gene")]
    assert parse("mentions", "b", ["a", "b"], typed=True) == [Entity(1, 2, "")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("the : O, cat : B, sat : I, down : O", [(1, 3)]),
        ("the: O, cat:B, sat :I, down : O", [(1, 3)]),
        ("Here you are:, the : O, cat : B, sat : I, down : O", [(1, 3)]),
        ("the : O, cta : B, sat : I, down : O", [(1, 3)]),
        ("the : O, cat B, sat : I, down : B", [(2, 3), (3, 4)]),
        ("the : O, cat : B, cat : B, sat : I, down : O", [(1, 3)]),
        ("cat : B, sat : I, down : O", [(1, 3)]),
        ("the : O, cat : B-Animal, sat : I-Animal, down : O", [(1, 3)]),
        ("the : O, cat : B", [(1, 2)]),
        ("the : O, cat : I, sat : B, do", [(1, 2), (2, 3)]),
        ("the : O, cat : X, sat : B, down : O", [(2, 3)]),
        ("", []),
    ],
)
def test_one_bad_line_moves_nothing_after_it(lines: str, expected: list[tuple[int, int]]) -> None:
    words = ["the", "cat", "sat", "down"]
    text = lines.replace(", ", "\n")
    assert [entity[:2] for entity in parse("medtuned", text, words)] == expected


def test_repeated_words_keep_their_own_tags() -> None:
    # The published scorer keeps one tag for each spelling; ours goes by position.
    words = ["APC", "and", "APC", "and", "APC"]
    text = "APC : O\nand : O\nAPC : B\nand : O\nAPC : B"
    assert parse("medtuned", text, words) == [Entity(2, 3, ""), Entity(4, 5, "")]


@given(sentences(), st.data())
def test_a_lost_line_changes_entities_at_its_word_only(
    sentence: tuple[list[str], list[Entity]], data: st.DataObject
) -> None:
    words, entities = sentence
    assume(len(set(words)) == len(words))
    lines = to_text("medtuned", words, entities).split("\n")
    gone = data.draw(st.integers(0, len(words) - 1))
    read = parse("medtuned", "\n".join(lines[:gone] + lines[gone + 1 :]), words)
    untouched = {(start, end) for start, end, _ in entities if not start <= gone < end}
    assert untouched <= {(start, end) for start, end, _ in read}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O B I O", [Entity(1, 3, "")]),
        ("B B I", [Entity(0, 1, ""), Entity(1, 3, "")]),
        ("I I O I", [Entity(0, 2, ""), Entity(3, 4, "")]),
        ("B-X I-Y I-Y", [Entity(0, 1, "X"), Entity(1, 3, "Y")]),
        ("", []),
    ],
)
def test_tags_become_entities_as_in_the_conll_script(tags: str, expected: list[Entity]) -> None:
    assert spans(tags.split()) == expected
