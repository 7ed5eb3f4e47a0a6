from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.texts import others
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer
from rouge_score.tokenize import tokenize

from bioinstruct import filters
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.filters import Match, NearDuplicates
from bioinstruct.filters.content_words import subject

Decisions = list[Match | None]


def self_instruct(texts: list[str], threshold: float = 0.7, pool: int = 0) -> Decisions:
    """The definition, by rouge-score's own code: the first kept text that is too near."""
    words = [tokenize(text, None) for text in texts]
    kept: list[int] = []
    found: Decisions = []
    for place, new in enumerate(words):
        match = None
        for other in kept if place >= pool else ():
            score = rouge_scorer._score_lcs(new, words[other]).fmeasure
            if score > threshold:
                match = Match(other, score)
                break
        found.append(match)
        if match is None:
            kept.append(place)
    return found[pool:]


def one_by_one(texts: list[str], **options: Any) -> Decisions:
    near = NearDuplicates(**options)
    return [near.offer(text) for text in texts]


def together(texts: list[str], **options: Any) -> Decisions:
    return NearDuplicates(**options).offer_all(texts)


def compiled(texts: list[str], **options: Any) -> Decisions:
    pytest.importorskip("numba", reason="numba is not installed: COMPILED CODE NOT CHECKED")
    return together(texts, compiled=True, **options)


ROADS = [one_by_one, together, compiled]
Road = Callable[..., Decisions]
every_road = pytest.mark.parametrize("road", ROADS, ids=lambda road: road.__name__)

WORDS = st.sampled_from(
    ["the", "a", "of", "is", "in", "symptoms", "asthma", "gout", "il6", "fever"]
)
TEXTS = st.lists(st.lists(WORDS, max_size=14).map(" ".join), max_size=25)


@every_road
@given(texts=TEXTS, threshold=st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.8, 0.95, 1.0]))
@settings(max_examples=150)
def test_every_road_decides_as_rouge_score(road: Road, texts: list[str], threshold: float) -> None:
    assert road(texts, threshold=threshold) == self_instruct(texts, threshold)


@given(texts=TEXTS, cuts=st.tuples(st.integers(0, 25), st.integers(0, 25)))
def test_seeds_and_portions_change_no_decision(texts: list[str], cuts: tuple[int, int]) -> None:
    low, high = sorted(cuts)
    near = NearDuplicates()
    near.add(texts[:low])
    found = near.offer_all(texts[low:high])
    found += [near.offer(text) for text in texts[high : high + 3]]
    found += near.offer_all(texts[high + 3 :])
    assert found == self_instruct(texts, pool=min(low, len(texts)))
    assert len(near) == len(texts) - sum(match is not None for match in found)


@given(TEXTS)
def test_finding_keeps_nothing(texts: list[str]) -> None:
    near = NearDuplicates()
    near.add(texts[:5])
    assert near.find_all(texts) == [near.find(text) for text in texts]
    assert len(near) == min(len(texts), 5)


@given(TEXTS, st.randoms(use_true_random=False))
def test_what_is_kept_is_far_apart_and_what_is_not_is_near(
    texts: list[str], chance: random.Random
) -> None:
    chance.shuffle(texts)
    found = together(texts)
    kept = [text for text, match in zip(texts, found, strict=True) if match is None]
    assert together(kept) == [None] * len(kept)
    for text, match in zip(texts, found, strict=True):
        if match:
            assert found[match.place] is None
            assert match.score > 0.7
            pair = rouge_scorer._score_lcs(tokenize(text, None), tokenize(texts[match.place], None))
            assert pair.fmeasure == match.score


@every_road
def test_of_equal_texts_the_first_is_kept_wherever_the_others_are(road: Road) -> None:
    texts = ["What causes asthma in children?", "Name three drugs.", "What is gout?"]
    assert road(texts * 3)[:3] == [None] * 3
    assert [match and match.place for match in road(texts * 3)[3:]] == [0, 1, 2] * 2


@every_road
def test_nothing_is_above_a_threshold_of_1_and_a_common_word_is_above_0(road: Road) -> None:
    texts = ["a b c", "a b c", "c d", "e f"]
    assert road(texts, threshold=1.0) == [None] * 4
    assert [match and match.place for match in road(texts, threshold=0.0)] == [None, 0, 0, None]


@every_road
def test_ties_fall_as_the_float_falls(road: Road) -> None:
    ten = [f"w{n}" for n in range(10)]
    stays = [" ".join(ten), " ".join([*ten[:7], "x", "y", "z"])]
    goes = [" ".join(ten[:9]), " ".join([*ten[:7], "x", "y", "z", "q"])]
    assert road(stays) == [None, None]
    assert road(goes) == [None, Match(0, 0.7000000000000001)]


@every_road
@pytest.mark.parametrize(
    "texts", [[], [""], ["", " ", "?!", "\x00", ""], ["a"], ["", "a", "", "a"]]
)
def test_texts_without_words_are_never_alike(road: Road, texts: list[str]) -> None:
    assert road(texts) == self_instruct(texts)


@pytest.mark.peer
@every_road
def test_long_texts_are_compared_like_short_ones(road: Road) -> None:
    chance = random.Random(0)
    whole = [chance.choice("abcdefgh") + str(chance.randrange(40)) for _ in range(1100)]
    texts = [" ".join(whole[:n]) for n in (63, 64, 65, 128, 200, 600, 1000, 1100)]
    texts += [" ".join(word for word in whole if chance.random() < 0.7) for _ in range(4)]
    texts += [" ".join(reversed(whole)), " ".join(whole[::2])]
    assert road(texts) == self_instruct(texts)


@pytest.mark.peer
def test_a_text_of_10_megabytes_is_a_text() -> None:
    chance = random.Random(0)
    huge = " ".join(str(chance.randrange(1000)) for _ in range(2_600_000))
    assert len(huge) > 10_000_000
    near = NearDuplicates()
    assert near.offer_all(["What is gout?", huge]) == [None, None]
    assert near.offer(huge) == Match(1, 1.0)
    assert near.offer("Who has gout?") is None


def test_the_cause_is_the_first_kept_text_and_its_score_that_of_rouge_score() -> None:
    texts = [
        "What are the symptoms of Wilson disease?",
        "What are the symptoms of Gaucher disease?",
    ]
    assert together(texts) == [None, Match(0, 6 / 7)]


def test_other_scripts_need_the_unicode_tokeniser() -> None:
    texts = [
        "糖尿病の症状は何ですか",
        "糖尿病の症状は何ですか",
        "Что такое диабет второго типа",
        "Что такое диабет второго типа?",
    ]
    assert together(texts) == [None] * 4
    found = together(texts, tokenizer="unicode")
    assert [match and match.place for match in found] == [None, 0, None, 2]
    assert one_by_one(texts, tokenizer="unicode") == found


def test_an_unknown_tokeniser_or_threshold_is_refused_at_once() -> None:
    with pytest.raises(UnknownNameError, match="unicode"):
        NearDuplicates(tokenizer="utf-8")
    with pytest.raises(BioinstructError, match="between 0 and 1"):
        NearDuplicates(70)


def test_compiling_without_numba_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bioinstruct.filters.similarity_join_numba", None)
    monkeypatch.delattr(filters, "similarity_join_numba", raising=False)
    with pytest.raises(MissingError, match="numba") as error:
        NearDuplicates(compiled=True)
    assert "bioinstruct[fast]" in error.value.hint


def samples(data: Path, questions: list[str], count: int) -> dict[str, list[str]]:
    rest = [text for text in others(data) if len(text) < 200]
    mixture = random.Random(7).sample(rest, count // 2) + questions[20_000 : 20_000 + count // 2]
    random.Random(8).shuffle(mixture)
    return {
        "medquad": random.Random(5).sample(questions, count),
        "others": random.Random(6).sample(rest, count),
        "mixture": mixture,
    }


@pytest.mark.parametrize("name", ["medquad", "others", "mixture"])
@pytest.mark.parametrize("count", [200, pytest.param(1200, marks=pytest.mark.peer)])
def test_the_same_real_texts_are_kept_as_by_rouge_score(
    data: Path, questions: list[str], name: str, count: int
) -> None:
    texts = samples(data, questions, count)[name]
    expected = self_instruct(texts)
    assert len(expected) == count
    for road in ROADS[:2]:
        assert road(texts) == expected
    if NearDuplicates()._use_compiled(10**6):
        assert compiled(texts) == expected


@pytest.mark.peer
def test_all_roads_agree_on_all_of_medquad(questions: list[str]) -> None:
    assert len(questions) == 44_603
    found = together(questions)
    assert sum(match is None for match in found) == 5_848  # as counted with other code
    assert compiled(questions) == found
    texts = questions[::5]
    assert one_by_one(texts) == together(texts)


def test_the_filter_is_quick(questions: list[str]) -> None:
    started = time.process_time()
    together(questions[:25_000])
    assert time.process_time() - started < 4  # measured: 0.5 s; Self-Instruct's way takes hours


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What are the symptoms of Wilson disease?", "What are the symptoms of Gaucher disease?"),
        ("What is hepatitis A?", "What is hepatitis B?"),
        ("Is IFN-\u03b1 raised in lupus?", "Is IFN-\u03b3 raised in lupus?"),
        ("Name drugs for type 1 diabetes.", "Name drugs for type 2 diabetes."),
        ("Is it safe with warfarin?", "Is it safe without warfarin?"),
        ("What do you give for ME?", "What do you give for me?"),
        ("Does aspirin raise the level of heparin?", "Does heparin raise the level of aspirin?"),
        ("When is metformin given?", "Why is metformin given?"),
        ("Is a pH < 7.3 bad?", "Is a pH > 7.3 bad?"),
    ],
)
def test_another_subject_is_another_text(one: str, other: str) -> None:
    assert subject(one) != subject(other)
    for road in ROADS[:2]:
        assert road([one, other], same_subject=True, threshold=0.5) == [None, None]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What are the symptoms of asthma?", "What is the symptom of Asthma?"),
        ("What are the treatments for Reye's syndrome?", "What are treatments for Reye syndrome?"),
        ("List the side effects of lithium.", "Please give the side effects of lithium."),
        ("WHAT CAUSES GOUT IN ADULTS?", "What causes gout in adults?"),
    ],
)
def test_the_same_subject_in_other_words_of_the_frame_is_near(one: str, other: str) -> None:
    assert subject(one) == subject(other)
    for road in ROADS:
        assert road([one, other], same_subject=True, threshold=0.5)[1] is not None


@given(TEXTS)
def test_with_the_same_subject_no_more_is_dropped_and_all_roads_agree(texts: list[str]) -> None:
    found = together(texts, same_subject=True)
    assert one_by_one(texts, same_subject=True) == found
    for text, match in zip(texts, found, strict=True):
        if match:
            assert match.score > 0.7
            assert subject(text) == subject(texts[match.place])


@pytest.mark.peer
def test_same_subject_keeps_the_diseases_of_medquad_apart(questions: list[str]) -> None:
    found = together(questions, same_subject=True)
    assert sum(match is None for match in found) > 43_000  # the plain rule keeps 5,848
