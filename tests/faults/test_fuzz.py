"""Damaged inputs of every parser end in a value or in an error that the parser documents."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from benchmarks.fuzz import Parser, fuzz, mutated, parsers

from bioinstruct import BioinstructError

pytestmark = pytest.mark.peer


def test_no_damaged_input_has_an_outcome_that_is_not_documented() -> None:
    found = fuzz(5_000, seed=19)
    assert found["findings"] == []
    assert sum(sum(counts.values()) for counts in found["parsers"].values()) == 5_000
    for name, counts in found["parsers"].items():
        assert counts.get("taken", 0) + counts.get("refused", 0) >= 100, name


def test_the_inputs_that_are_damaged_are_valid(tmp_path: Path) -> None:
    for parser in parsers(tmp_path):
        parser.call(parser.seeds[0])


def test_the_fuzzer_finds_an_error_and_a_hang_and_names_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from benchmarks import fuzz as module

    def wrong(raw: bytes) -> None:
        if raw.startswith(b"x"):
            raise KeyError("found")
        while raw.startswith(b"y"):
            pass
        raise BioinstructError("refused")

    seeds = (b"xx", b"yy", b"zz")
    monkeypatch.setattr(module, "SECONDS", 0.05)
    monkeypatch.setattr(module, "parsers", lambda folder: iter([Parser("wrong", seeds, wrong)]))
    found = module.fuzz(30, seed=1)
    kinds = {one["error"].partition(":")[0] for one in found["findings"]}
    assert kinds == {"KeyError", "Hang"}
    first = found["findings"][0]
    rng = random.Random(f"1 {first['number']}")
    assert mutated(rng.choice(seeds), rng)[:1] in {b"x", b"y"}
