from __future__ import annotations

import random
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import MissingError
from bioinstruct.bench.metrics import (
    Metric,
    accuracy,
    bleu,
    chrf,
    concept_f1,
    entity_f1,
    exact_match,
    example_f1,
    label_f1,
    macro_f1,
    macro_label_f1,
    medtuned_entity_f1,
    medtuned_relation_f1,
    overlap_f1,
    pair_f1,
    pearson,
    relation_f1,
    rouge1,
    rouge2,
    rougeL,
    same_set,
    token_f1,
)
from bioinstruct.bench.metrics.intervals import (
    Part,
    difference,
    interval,
    mean_difference,
    mean_interval,
)

entities = st.lists(
    st.tuples(st.integers(0, 5), st.integers(5, 9), st.sampled_from("DG")), max_size=6
)


def value(metric: Metric, *pairs: tuple[object, object]) -> float:
    return float(metric.value(np.array([metric.count(g, p) for g, p in pairs]).sum(axis=0)))


def test_accuracy_counts_what_cannot_be_read_as_wrong() -> None:
    assert value(accuracy, ("yes", "yes"), ("no", None), ("no", "yes"), ("no", "no")) == 0.5


def test_entity_f1_on_a_case_worked_by_hand() -> None:
    gold, found = [(0, 2, "D"), (5, 6, "D"), (8, 9, "D")], [(0, 2, "D"), (5, 7, "D")]
    # One right of two found and three in the gold: precision 1/2, recall 1/3, F1 2/5.
    assert value(entity_f1, (gold, found)) == pytest.approx(0.4)


def test_entity_f1_is_micro_averaged() -> None:
    one, two = ([(0, 1, "D")], [(0, 1, "D")]), ([(0, 1, "D")] * 3, [])
    assert value(entity_f1, one, two) == pytest.approx(2 * 1 / (4 + 1))


def test_entity_f1_of_nothing_to_find_and_nothing_found_is_zero_not_nan() -> None:
    assert value(entity_f1, ([], [])) == 0.0
    assert value(entity_f1, ([], None)) == 0.0


@given(st.lists(st.tuples(entities, entities), min_size=1, max_size=5))
def test_entity_f1_equals_precision_and_recall_by_brute_force(pairs: list) -> None:
    right = sum((Counter(g) & Counter(p)).total() for g, p in pairs)
    gold, found = sum(len(g) for g, _ in pairs), sum(len(p) for _, p in pairs)
    precision, recall = right / found if found else 0, right / gold if gold else 0
    both = precision + recall
    expected = 2 * precision * recall / both if both else 0
    assert value(entity_f1, *pairs) == pytest.approx(expected)


def test_rouge_is_that_of_the_reference_package() -> None:
    from rouge_score import rouge_scorer

    gold, found = "The patient denies fever and chills.", "Patient denies chills and fever."
    for kind, metric in (("rouge1", rouge1), ("rouge2", rouge2), ("rougeL", rougeL)):
        reference = rouge_scorer.RougeScorer([kind]).score(gold, found)[kind].fmeasure
        assert value(metric, (gold, found)) == pytest.approx(reference)
    assert value(rougeL, (gold, None)) == 0.0


def test_the_interval_of_an_accuracy_is_near_the_binomial_one() -> None:
    counts = np.array([[1.0, 1.0]] * 300 + [[0.0, 1.0]] * 200)
    found = interval(accuracy, counts)
    half = 1.96 * np.sqrt(0.6 * 0.4 / 500)
    assert found.value == pytest.approx(0.6)
    assert found.low == pytest.approx(0.6 - half, abs=0.005)
    assert found.high == pytest.approx(0.6 + half, abs=0.005)


def test_a_paired_difference_knows_that_the_items_are_the_same() -> None:
    random = np.random.default_rng(0)
    hard = random.random(400) < 0.5
    base = np.stack([hard.astype(float), np.ones(400)], axis=1)
    tuned = base.copy()
    tuned[np.flatnonzero(~hard)[:20], 0] = 1.0  # 20 of 400 more are right, none fewer
    found = difference(accuracy, base, tuned)
    assert found.value == pytest.approx(0.05)
    assert 0.02 < found.low < 0.05 < found.high < 0.08


def test_equal_answers_differ_by_nothing_as_far_as_so_few_can_show() -> None:
    counts = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    found = difference(entity_f1, counts, counts)
    assert found.value == 0.0
    assert found.low == -found.high == pytest.approx(-(1 - 0.025**0.5))


def test_an_interval_is_the_same_every_time() -> None:
    counts = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    assert interval(accuracy, counts, seed=3) == interval(accuracy, counts, seed=3)


def test_different_items_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same items"):
        difference(accuracy, np.ones((3, 2)), np.ones((4, 2)))


# ---- closed answers


LABELS = ("up", "down", "none")
labels = st.sampled_from(LABELS)


def test_macro_f1_on_a_case_worked_by_hand() -> None:
    # up: 1 right of 2 gold and 1 found, 2/3; down: 1 of 1 and 2, 2/3; none: in neither.
    metric = macro_f1(LABELS)
    assert value(metric, ("up", "up"), ("up", "down"), ("down", "down")) == pytest.approx(2 / 3)
    # What cannot be read is a miss: up has 1 of 2 gold and 1 found.
    assert value(metric, ("up", "up"), ("up", None)) == pytest.approx(2 / 3)


def test_relation_f1_leaves_out_the_negative_class_and_accuracy_does_not() -> None:
    pairs = [("up", "up"), ("none", "none"), ("none", "down"), ("down", "none"), ("up", None)]
    # One right; three are relations, two are said to be.
    assert value(relation_f1("none"), *pairs) == pytest.approx(2 * 1 / (3 + 2))
    assert value(accuracy, *pairs) == pytest.approx(2 / 5)


@given(st.lists(st.tuples(labels, labels), min_size=1, max_size=30))
def test_macro_and_relation_f1_are_those_of_their_definitions(pairs: list) -> None:
    def f1(keep: tuple[str, ...]) -> float:
        right = sum(g == p and g in keep for g, p in pairs)
        both = sum(g in keep for g, _ in pairs) + sum(p in keep for _, p in pairs)
        return 2 * right / both if both else 0.0

    there = {label for pair in pairs for label in pair}
    expected = sum(f1((label,)) for label in there) / len(there)
    assert value(macro_f1(LABELS), *pairs) == pytest.approx(expected)
    assert value(relation_f1("none"), *pairs) == pytest.approx(f1(("up", "down")))
    assert value(accuracy, *pairs) == pytest.approx(f1(LABELS))  # micro F1 with all classes


# ---- sets


def test_f1_of_sets_on_a_case_worked_by_hand() -> None:
    pairs = [(("a", "b"), ("a",)), ((), ()), ((), ("b",)), (("b",), None)]
    assert value(label_f1, *pairs) == pytest.approx(2 * 1 / (3 + 2))
    assert value(example_f1, *pairs) == pytest.approx((2 / 3 + 1 + 0 + 0) / 4)
    assert value(same_set, *pairs) == 1 / 4
    # a: 1 of 1 and 1; b: 0 of 2 and 1.
    assert value(macro_label_f1(("a", "b", "c")), *pairs) == pytest.approx((1 + 0) / 2)


def test_a_pair_of_related_concepts_counts_once() -> None:
    assert value(pair_f1, ([(0, 1), (0, 2)], [(0, 1), (0, 1), (3, 3)])) == pytest.approx(2 / 4)


# ---- entities by overlap


def test_overlap_finds_a_part_with_its_type_once() -> None:
    gold = [(0, 3, "D"), (5, 6, "D"), (8, 10, "G")]
    assert value(overlap_f1, (gold, [(2, 4, "D")])) == pytest.approx(2 * 1 / (3 + 1))
    assert value(overlap_f1, (gold, [(8, 9, "D")])) == 0.0
    assert value(overlap_f1, (gold, [(0, 6, "D")])) == pytest.approx(2 * 1 / (3 + 1))
    # An equal answer is not given away to a neighbour that only touches it.
    assert value(overlap_f1, ([(0, 2, "D"), (1, 3, "D")], [(1, 3, "D")])) == pytest.approx(2 / 3)
    nowhere = (-1, -1, "D")
    assert value(overlap_f1, (gold, [nowhere])) == 0.0


@given(st.lists(st.tuples(entities, entities), min_size=1, max_size=5))
def test_overlap_is_never_stricter_than_strict(pairs: list) -> None:
    assert value(overlap_f1, *pairs) >= value(entity_f1, *pairs) - 1e-12


# ---- numbers


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=30).filter(
        lambda pairs: len({p for _, p in pairs}) > 1 and len({g for g, _ in pairs}) > 1
    )
)
def test_pearson_is_that_of_numpy(pairs: list[tuple[int, int]]) -> None:
    gold, found = np.array(pairs).T / 10
    expected = np.corrcoef(gold, found)[0, 1]
    assert value(pearson, *zip(gold, found, strict=True)) == pytest.approx(expected, abs=1e-7)


def test_pearson_of_answers_that_are_all_the_same_is_zero() -> None:
    assert value(pearson, (1.3, 2.1), (2.3, 2.1), (0.7, 2.1)) == 0.0
    assert value(pearson, (1.3, None), (2.3, None)) == 0.0


# ---- written texts


def test_rouge_l_is_that_of_the_reference_package_on_any_words() -> None:
    from rouge_score import rouge_scorer

    chance = random.Random(0)
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    for _ in range(200):
        one, two = (" ".join(chance.choices("abcde", k=chance.randint(1, 30))) for _ in "gp")
        reference = scorer.score(one, two)["rougeL"].fmeasure
        assert value(rougeL, (one, two)) == pytest.approx(reference, abs=1e-12)


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert value(exact_match, ("The graft.", "the graft"), ("it", "him"), ("it", None)) == 1 / 3
    # graft is one of two words of the gold and one of three of the answer.
    assert value(token_f1, ("the graft", "a graft failed")) == pytest.approx(2 * 1 / (2 + 3))


TEXTS = [
    ("The patient denies fever, chills, and night sweats today.", "Patient denies fever today."),
    ("He was given 500 mg of metformin twice daily.", "He was given metformin 500 mg daily."),
    ("No acute distress.", "Lungs clear."),
    ("Chest pain resolved with rest.", None),
]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_bleu_and_chrf_are_those_of_sacrebleu(size: int) -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    for start in range(len(TEXTS) - size + 1):
        pairs = TEXTS[start : start + size]
        golds, found = [gold for gold, _ in pairs], [text or "" for _, text in pairs]
        expected = sacrebleu.corpus_bleu(found, [golds]).score / 100
        assert value(bleu, *pairs) == pytest.approx(expected, abs=1e-9)
        each = [
            sacrebleu.sentence_chrf(f, [g]).score / 100 for f, g in zip(found, golds, strict=True)
        ]
        assert value(chrf, *pairs) == pytest.approx(sum(each) / size)


def test_without_sacrebleu_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingError, match="need sacrebleu") as caught:
        chrf.count("a", "a")
    assert caught.value.hint == "pip install 'bioinstruct[metrics]'"


def test_concepts_are_named_by_any_of_their_terms_the_longest_first() -> None:
    lexicon = {"heart attack": "C1", "myocardial infarction": "C1", "heart": "C2", "Fever": "C3"}
    metric = concept_f1(lexicon)
    gold = "Myocardial infarction, no fever."
    assert metric.count(gold, "Had a heart attack.") == (pytest.approx(2 * 1 / (2 + 1)), 1.0)
    assert metric.count(gold, "The heart!") == (0.0, 1.0)
    assert metric.count("Nothing.", "None.") == (0.0, 0.0)
    assert metric.count("Nothing.", "fever") == (0.0, 1.0)
    assert "4 terms" in metric.spec


# ---- the published scorers


def test_the_published_scorer_of_entities_loses_repeated_words() -> None:
    gold = "gout : B\nand : O\ngout : B"
    assert medtuned_entity_f1.count(gold, gold) == (1.0, 1.0, 1.0)  # two entities, one counted
    assert medtuned_entity_f1.count("a:b : B\nc : O", "a:b : B") == (0.0, 0.0, 0.0)
    # Order is ignored, what is not said is O, an I that continues nothing begins an entity.
    assert medtuned_entity_f1.count("a : O\nb : B\nc : I", "c : I\nb : B") == (1.0, 1.0, 1.0)
    assert medtuned_entity_f1.count("a : O\nb : B", "b : I") == (1.0, 1.0, 1.0)
    assert medtuned_entity_f1.count("a : B", None) == (0.0, 1.0, 0.0)


def test_the_published_scorer_of_entities_counts_as_seqeval_does() -> None:
    metrics = pytest.importorskip("seqeval.metrics")
    chance = random.Random(1)
    golds, founds, counts = [], [], []
    for _ in range(100):
        words = [f"w{n}" for n in range(chance.randint(1, 12))]
        gold, found = ([chance.choice("BIO") for _ in words] for _ in "gp")
        golds.append(gold)
        founds.append(found)
        texts = (
            "\n".join(f"{word} : {tag}" for word, tag in zip(words, tags, strict=True))
            for tags in (gold, found)
        )
        counts.append(medtuned_entity_f1.count(*texts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # B and I without a type
        expected = metrics.f1_score(golds, founds)
    assert medtuned_entity_f1.value(np.array(counts).sum(axis=0)) == pytest.approx(expected)


def test_the_published_scorer_of_relations_moves_answers_up_and_is_the_accuracy() -> None:
    metric = medtuned_relation_f1(("PIP", "TrAP", "No Relations"))
    golds = ["PIP", "TrAP", "No Relations", "PIP"]
    assert metric.value(metric.counts(golds, golds).sum(axis=0)) == 1.0
    # The second says nothing that is known: TrAP is now compared with No Relations, and so on.
    moved = ["the answer is PIP", "unclear", "No Relations", "PIP"]
    assert metric.counts(golds, moved).tolist() == [[1, 1], [0, 1], [0, 1], [0, 0]]


# ---- means of tasks


def test_a_mean_over_tasks_weighs_them_alike_and_knows_how_sure_it_is() -> None:
    few = Part(accuracy, np.array([[1.0, 1.0]] * 5 + [[0.0, 1.0]] * 5))
    many = Part(accuracy, np.array([[1.0, 1.0]] * 900 + [[0.0, 1.0]] * 100))
    found = mean_interval([few, many])
    assert found.value == pytest.approx((0.5 + 0.9) / 2)
    alone = interval(accuracy, few.counts)
    assert found.high - found.low == pytest.approx((alone.high - alone.low) / 2, rel=0.15)
    same = mean_difference([few, many], [few, many])
    assert same.value == 0.0
    assert same.low < 0.0 < same.high
    worse = Part(accuracy, np.array([[0.0, 1.0]] * 10))
    assert mean_difference([few, many], [worse, many]).value == pytest.approx(-0.25)
