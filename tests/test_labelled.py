"""The hand-labelled records that measure the classifier are sound and what the guideline says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import Instruction, jsonl
from bioinstruct.filters import NearDuplicates
from bioinstruct.schema import Category
from bioinstruct.seeds import load_seeds
from bioinstruct.text import normalize

ROOT = Path(__file__).parent.parent
GUIDELINE = ROOT / "docs" / "labelling-guideline.md"


@pytest.fixture(scope="module")
def labelled() -> list[Instruction]:
    return list(jsonl.read(ROOT / "tests" / "data" / "labelled.jsonl"))


def _borderline(example: Instruction) -> bool:
    return str(example.provenance.document).startswith("borderline-")


def test_there_are_enough_records_of_every_category(labelled: list[Instruction]) -> None:
    counts = Counter(example.category for example in labelled)
    assert len(labelled) >= 200
    assert set(counts) == set(Category)
    assert min(counts.values()) >= 35


def test_about_a_quarter_is_borderline_and_every_category_has_some(
    labelled: list[Instruction],
) -> None:
    hard = Counter(example.category for example in labelled if _borderline(example))
    assert 0.2 <= sum(hard.values()) / len(labelled) <= 0.3
    assert min(hard[category] for category in Category) >= 8


def test_no_record_instruction_or_document_is_there_twice(labelled: list[Instruction]) -> None:
    for values in (
        [example.id for example in labelled],
        [normalize(example.instruction) for example in labelled],
        [example.provenance.document for example in labelled],
    ):
        assert [value for value, count in Counter(values).items() if count > 1] == []


def test_no_instruction_is_near_a_seed_or_another(labelled: list[Instruction]) -> None:
    near = NearDuplicates(0.5)
    near.add(seed.instruction for seed in load_seeds())
    matches = near.offer_all(example.instruction for example in labelled)
    assert [match for match in matches if match] == []


def test_no_input_is_that_of_a_seed(labelled: list[Instruction]) -> None:
    seeds = {normalize(seed.input) for seed in load_seeds()} - {""}
    assert [example.id for example in labelled if normalize(example.input) in seeds] == []


def test_every_record_says_what_it_is(labelled: list[Instruction]) -> None:
    for example in labelled:
        provenance = example.provenance
        assert (provenance.kind, provenance.origin) == ("seed", "bioinstruct-labelled")
        assert provenance.license == "CC-BY-4.0"
        assert re.fullmatch(r"(plain|borderline)-\d{3}", str(provenance.document))
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", example.task)
        for text in (example.instruction, example.input, example.output):
            assert text == text.strip()


def test_the_guideline_gives_the_counts_of_the_file(labelled: list[Instruction]) -> None:
    rows = re.findall(
        r"^\| (\w+) \| (\d+) \| (\d+) \|$", GUIDELINE.read_text(encoding="utf-8"), re.MULTILINE
    )
    counts = Counter(example.category for example in labelled)
    hard = Counter(example.category for example in labelled if _borderline(example))
    assert {name: (int(n), int(h)) for name, n, h in rows} == {
        category.value: (counts[category], hard[category]) for category in Category
    }
