from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.dataset.statistics import Quantiles, Statistics, statistics
from tests.records import record, records

TEACHER = {"model": "some-model", "prompt": "v1"}


@pytest.fixture
def mixed() -> Statistics:
    return statistics(
        [
            record(0, input=""),
            record(1),
            record(2, category="QA", task="yes-no", provenance={"license": "MIT"}),
            record(3, category="QA", task="ner-disease", provenance={"origin": "other"}),
            record(1),
            record(4, provenance={"kind": "generated", "teacher": TEACHER}),
        ]
    )


def test_counts_are_by_category_task_origin_licence_and_kind(mixed: Statistics) -> None:
    assert mixed.examples == 5
    assert mixed.categories == {"IE": 3, "QA": 2}
    assert mixed.tasks == {"ner-disease": 4, "yes-no": 1}
    assert mixed.tasks_by_category == {
        "IE": {"ner-disease": 3},
        "QA": {"ner-disease": 1, "yes-no": 1},
    }
    assert mixed.origins == {"corpus": 4, "other": 1}
    assert mixed.licenses == {"CC-BY-4.0": 4, "MIT": 1}
    assert mixed.kinds == {"compiled": 4, "generated": 1}
    assert mixed.teachers == {"some-model": 1}
    assert mixed.without_input == 1


def test_a_source_is_an_origin_with_its_version_licence_and_kind(mixed: Statistics) -> None:
    found = {(s.origin, s.license, s.kind): s.examples for s in mixed.sources}
    assert found == {
        ("corpus", "CC-BY-4.0", "compiled"): 2,
        ("corpus", "CC-BY-4.0", "generated"): 1,
        ("corpus", "MIT", "compiled"): 1,
        ("other", "CC-BY-4.0", "compiled"): 1,
    }
    assert {s.revision for s in mixed.sources} == {None}


def test_a_repeated_example_counts_once_and_is_reported(mixed: Statistics) -> None:
    assert mixed.duplicates == 1
    relabelled = record(1, task="another-label")
    assert statistics([record(1), relabelled]).tasks == {"ner-disease": 1}


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300))
def test_quantiles_are_those_of_numpy_by_nearest_rank(lengths: list[int]) -> None:
    examples = [record(n, output="x" * length) for n, length in enumerate(lengths)]
    found = statistics(examples).characters["output"]
    ranks = np.percentile(lengths, [0, 10, 50, 90, 99, 100], method="inverted_cdf")
    assert found == Quantiles(*(int(rank) for rank in ranks))


def test_lengths_are_in_characters_and_in_words() -> None:
    found = statistics([record(0, input="two  words\n", output="ng of naïveté")])
    assert found.characters["input"].max == 11
    assert found.words["input"].max == 2
    assert (found.characters["output"].max, found.words["output"].max) == (13, 3)


@given(st.permutations(range(8)))
def test_order_changes_nothing_but_the_fingerprint(order: list[int]) -> None:
    examples = [record(n, task=f"t-{n % 3}", provenance={"origin": f"c{n % 2}"}) for n in range(8)]
    one, other = statistics(examples), statistics(examples[n] for n in order)
    first, second = one.as_dict(), other.as_dict()
    same_order = order == list(range(8))
    assert (first.pop("fingerprint") == second.pop("fingerprint")) is same_order
    assert json.dumps(first) == json.dumps(second)


def test_the_fingerprint_covers_every_field() -> None:
    plain = statistics(records(2)).fingerprint
    assert statistics(records(2)).fingerprint == plain
    assert statistics(records(2, task="else")).fingerprint != plain
    assert statistics(records(2, provenance={"document": "PMID 1"})).fingerprint != plain


def test_statistics_become_json_and_nothing_gives_nothing(mixed: Statistics) -> None:
    assert json.loads(json.dumps(mixed.as_dict()))["categories"] == {"IE": 3, "QA": 2}
    empty = statistics([])
    assert (empty.examples, empty.characters, empty.sources) == (0, {}, ())
