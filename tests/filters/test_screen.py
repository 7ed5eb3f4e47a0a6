from __future__ import annotations

import json
from pathlib import Path

from bioinstruct import load_seeds
from bioinstruct.filters import Contaminated, Near, NearDuplicates, choose_rules, screen
from tests.records import record

TEST = "Does early mobilisation after hip fracture surgery shorten the stay in hospital?"


def test_every_record_is_kept_or_dropped_for_the_first_reason_in_its_order() -> None:
    examples = [
        record(0, instruction="What are the symptoms of Wilson disease?", input=""),
        record(1, instruction="Too short", input=""),
        record(2, instruction=TEST, input=""),
        record(3, instruction="What are the symptoms of Gaucher disease?", input=""),
        record(4, instruction="Too short", input=TEST),
        record(5, instruction="Which drugs lower the blood pressure?", input=""),
    ]
    screened = screen(
        examples,
        rules=choose_rules(["published"]),
        contaminated=Contaminated([TEST]),
        near=Near(NearDuplicates().offer_all),
    )
    assert screened.kept == [examples[0], examples[5]]
    assert [dropped.example for dropped in screened.dropped] == examples[1:5]
    assert [dropped.reason for dropped in screened.dropped] == [
        "too-short",
        "contaminated-exact",
        "near-duplicate",
        "too-short",
    ]
    near = screened.dropped[2]
    assert (near.other, near.score) == (examples[0].id, 6 / 7)
    assert near.detail == examples[0].instruction
    assert screened.reasons() == {"too-short": 2, "contaminated-exact": 1, "near-duplicate": 1}


def test_a_record_that_goes_for_another_reason_takes_no_other_with_it() -> None:
    bad = record(0, instruction="Name three new drugs for the lungs.", output="As an AI, I cannot.")
    good = record(1, instruction="Name three new drugs for the lungs.")
    screened = screen(
        [bad, good],
        rules=choose_rules(["speaks-as-a-model"]),
        near=Near(NearDuplicates().offer_all),
    )
    assert screened.kept == [good]


def test_seeds_are_compared_with_and_never_written() -> None:
    seeds = load_seeds()
    near = NearDuplicates()
    near.add(seed.instruction for seed in seeds)
    twin = record(0, instruction=seeds[3].instruction.upper())
    other = record(1, instruction="What is the wing span of the albatross?")
    screened = screen([twin, other], near=Near(near.offer_all, seeds))
    assert screened.kept == [other]
    assert screened.dropped[0].other == seeds[3].id


def test_the_input_can_be_compared_too() -> None:
    examples = [record(n, instruction="Name the disease.", input=f"Case {n}.") for n in range(3)]
    alone = screen(examples, near=Near(NearDuplicates().offer_all))
    assert (len(alone.kept), alone.hidden_by_input) == (1, 2)
    both = screen(examples, near=Near(NearDuplicates(0.9).offer_all, with_input=True))
    assert both.kept == examples


def test_what_is_dropped_is_written_whole_with_its_reason(tmp_path: Path) -> None:
    examples = [record(0), record(0), record(1, instruction="Short")]
    screened = screen(
        examples, rules=choose_rules(["too-short"]), near=Near(NearDuplicates().offer_all)
    )
    screened.write_dropped(tmp_path / "dropped.jsonl")
    written = (tmp_path / "dropped.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in written.splitlines()]
    assert rows == [
        {
            "reason": "near-duplicate",
            "detail": examples[0].instruction,
            "other": examples[0].id,
            "score": 1.0,
            "record": examples[1].row(),
        },
        {"reason": "too-short", "detail": "1 words", "record": examples[2].row()},
    ]


def test_nothing_to_filter_by_keeps_all() -> None:
    assert screen([record(), record()]).kept == [record(), record()]
