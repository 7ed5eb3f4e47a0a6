from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from bioinstruct import Instruction, read_examples
from bioinstruct.analysis import Options, analyse
from bioinstruct.analysis.diversity import self_rouge, varieties
from bioinstruct.analysis.overlap import Contamination, near_duplicate_table
from bioinstruct.analysis.sample import Sample
from bioinstruct.dataset.statistics import statistics
from bioinstruct.filters import Contaminated, scored_texts
from tests.records import record, records

TEXT = st.lists(st.sampled_from(list("abcd")), min_size=1, max_size=6).map(" ".join)


def rouge(one: str, other: str) -> float:
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    return float(scorer.score(one, other)["rougeL"].fmeasure)


@given(st.lists(TEXT, min_size=2, max_size=7))
@settings(max_examples=40, deadline=None)
def test_self_rouge_is_that_of_rouge_score_over_all_pairs(texts: list[str]) -> None:
    scores = {
        (a, b): rouge(texts[a], texts[b]) for a, b in itertools.permutations(range(len(texts)), 2)
    }
    nearest = [max(scores[a, b] for b in range(len(texts)) if b != a) for a in range(len(texts))]
    mean, highest = self_rouge(texts)
    assert mean == pytest.approx(sum(scores.values()) / len(scores))
    assert highest == pytest.approx(sum(nearest) / len(nearest))


def test_one_text_is_like_no_other() -> None:
    assert self_rouge(["alone"]) == (0.0, 0.0)


def test_distinct_n_grams_are_counted_within_a_text_and_not_across() -> None:
    found = varieties(
        [
            record(0, input="", output="a b a b"),
            record(1, input="", output="b a"),
            record(2, input="", output="A"),
        ]
    )
    assert list(found) == ["instruction", "output"]
    output = found["output"]
    assert (output.texts, output.words) == (3, 7)
    assert output.type_token_ratio == pytest.approx(2 / 7)
    assert output.distinct_2 == pytest.approx(2 / 4)  # ab, ba, ab; ba
    assert output.distinct_3 == pytest.approx(2 / 2)  # aba, bab


def test_texts_too_short_for_an_n_gram_have_none() -> None:
    assert varieties([record(0, output="one")])["output"].distinct_3 == 0.0


@given(st.permutations(range(30)))
@settings(max_examples=20)
def test_a_sample_depends_on_the_records_and_the_seed_alone(order: list[int]) -> None:
    def drawn(order: list[int], seed: int, size: int = 8) -> set[str]:
        sample = Sample(size, seed=seed)
        for n in order:
            sample.add(record(n), n)
        return {example.id for example in sample.records()}

    straight = list(range(30))
    assert drawn(order, 0) == drawn(straight, 0)
    assert drawn(straight, 0) != drawn(straight, 1)
    assert drawn(straight, 0) < drawn(straight, 0, size=16)
    assert len(drawn(straight, 0, size=99)) == 30


def test_a_sample_is_fair() -> None:
    taken = [0, 0]
    for seed in range(200):
        sample = Sample(10, seed=seed)
        for example in records(40):
            sample.add(example, 0)
        for example in sample.records():
            taken[example.id > "8"] += 1
    upper = sum(example.id > "8" for example in records(40))
    assert taken[1] / 2000 == pytest.approx(upper / 40, abs=0.04)


def sourced(n: int, source: str, input: str) -> Instruction:
    return record(n, input=input, provenance={"origin": source})


@given(st.lists(st.tuples(st.sampled_from("xyz"), TEXT), min_size=1, max_size=25))
@settings(max_examples=40, deadline=None)
def test_near_duplicates_between_sources_are_those_of_the_plain_definition(
    rows: list[tuple[str, str]],
) -> None:
    kept: list[tuple[str, str]] = []
    expected: dict[str, dict[str, int]] = {}
    for source, text in rows:
        near = next((s for s, other in kept if rouge(other, text) > 0.7), None)
        if near is None:
            kept.append((source, text))
        else:
            row = expected.setdefault(source, {})
            row[near] = row.get(near, 0) + 1
    found = near_duplicate_table(
        (sourced(n, source, text) for n, (source, text) in enumerate(rows)), threshold=0.7
    )
    assert found.dropped == expected
    assert found.total == len(rows) - len(kept)
    assert sum(found.examples.values()) == len(rows)
    assert found.within == sum(row.get(source, 0) for source, row in expected.items())


def test_overlap_with_each_benchmark_is_what_it_is_with_that_one_alone() -> None:
    test = list(read_examples("demo", split="test"))
    train = [*read_examples("demo"), *test[::10]]
    tests = {
        name: scored_texts([e for e in test if e.task == name])
        for name in ("demo-qa", "demo-ie", "demo-gen")
    }
    together = Contamination(tests)
    for example in train:
        together.add(example)
    for name, found in together.result().items():
        overlaps = Contaminated(tests[name]).find_all(train)
        assert found.records == sum(overlap is not None for overlap in overlaps) > 0
        assert sum(found.kinds.values()) == found.records
        assert found.sources == {"bioinstruct-demo": found.records}
        assert found.test_texts == len(set(tests[name]))


def test_an_analysis_reads_once_and_counts_a_repeated_record_once() -> None:
    examples = [*records(30), record(3), record(4)]
    kept: list[Instruction] = []
    found = analyse(iter(examples), Options(near_duplicates=0.9, sample=10), keep=kept.append)
    assert found.statistics == statistics(examples)
    assert found.statistics.duplicates == 2
    assert kept == records(30)
    assert found.sample == 10
    assert found.near_duplicates is not None
    assert found.near_duplicates.examples == {"corpus": 30}
    assert found.contamination is None
    assert found.openings.examples == 30


def test_the_same_records_give_the_same_analysis() -> None:
    one, other = (analyse(read_examples("seeds"), Options(sample=20)) for _ in range(2))
    assert one == other
    assert analyse(read_examples("seeds"), Options(sample=20, seed=1)).varieties != one.varieties
