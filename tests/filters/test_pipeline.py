from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bioinstruct import Instruction, load_seeds
from bioinstruct.filters import (
    Contaminated,
    Duplicates,
    Near,
    NearDuplicates,
    Rejection,
    Step,
    apply,
    choose_rules,
    contamination_step,
    rules_step,
    split,
    write_rejections,
)
from bioinstruct.filters.pipeline import answered_text, compared_text
from tests.records import record

TEST = "Does early mobilisation after hip fracture surgery shorten the stay in hospital?"


def test_every_record_is_kept_or_rejected_for_the_first_reason_in_its_order() -> None:
    examples = [
        record(0, instruction="What are the symptoms of Wilson disease?", input=""),
        record(1, instruction="Too short", input=""),
        record(2, instruction=TEST, input=""),
        record(3, instruction="What are the symptoms of Gaucher disease?", input=""),
        record(4, instruction="Too short", input=TEST),
        record(5, instruction="Which drugs lower the blood pressure?", input=""),
    ]
    steps = [
        rules_step(choose_rules(["published"])),
        contamination_step(Contaminated([TEST])),
        Near.by_rouge(0.7),
    ]
    kept, rejections = split(examples, steps)
    assert kept == [examples[0], examples[5]]
    assert [rejection.record for rejection in rejections] == examples[1:5]
    assert [rejection.reason for rejection in rejections] == [
        "too-short",
        "contaminated-exact",
        "near-duplicate",
        "too-short",
    ]
    near = rejections[2]
    assert (near.other, near.score) == (examples[0].id, 6 / 7)
    assert near.detail == examples[0].instruction


def test_a_record_that_goes_for_another_reason_takes_no_other_with_it() -> None:
    bad = record(0, instruction="Name three new drugs for the lungs.", output="As an AI, I cannot.")
    good = record(1, instruction="Name three new drugs for the lungs.")
    rules = rules_step(choose_rules(["speaks-as-a-model"]))
    assert split([bad, good], [rules, Near.by_rouge(0.7)])[0] == [good]


def test_seeds_are_compared_with_and_never_written() -> None:
    seeds = load_seeds()
    twin = record(0, instruction=seeds[3].instruction.upper())
    other = record(1, instruction="What is the wing span of the albatross?")
    kept, [rejection] = split([twin, other], [Near.by_rouge(0.7, seeds=seeds)])
    assert kept == [other]
    assert rejection.other == seeds[3].id


def test_the_input_can_be_compared_too() -> None:
    examples = [record(n, instruction="Name the disease.", input=f"Case {n}.") for n in range(3)]
    assert len(split(examples, [Near.by_rouge(0.7)])[0]) == 1
    both = Near.by_rouge(0.9, text=lambda example: compared_text(example, with_input=True))
    assert split(examples, [both])[0] == examples


def test_records_are_compared_within_their_group_only() -> None:
    same = "Metformin lowers glucose in patients with type 2 diabetes."
    examples = [record(n, input=same, task=f"task-{n % 2}") for n in range(4)]
    near = Near.by_rouge(0.7, text=answered_text, group=lambda example: example.task)
    kept, rejections = split(examples, [near])
    assert len({example.task for example in kept}) == 2
    others = {example.task: example.id for example in kept}
    assert [r.other for r in rejections] == [others[r.record.task] for r in rejections if r.record]


def _brute_force(texts: Sequence[str], threshold: float) -> list[int]:
    """Return the places of the texts that Self-Instruct would keep, one offer after the other."""
    near = NearDuplicates(threshold)
    return [place for place, text in enumerate(texts) if near.offer(text) is None]


@pytest.mark.parametrize("batch", [1, 7, 30, None])
def test_the_decisions_do_not_depend_on_the_batch(batch: int | None) -> None:
    words = [seed.instruction.split() for seed in load_seeds()]
    texts = [" ".join([*a[:6], *b[:2]]) for a in words[:20] for b in words[:5]]
    examples = [record(n, instruction=text, input="") for n, text in enumerate(texts)]
    examples += examples[:10]

    def steps() -> list[Step]:
        tests = contamination_step(Contaminated(texts[30:35]))
        return [rules_step(choose_rules(["all"])), tests, Duplicates(), Near.by_rouge(0.6)]

    found = list(apply(examples, steps(), batch=batch))
    assert [example for example, _ in found] == examples
    whole = [rejection for _, rejection in apply(examples, steps())]
    assert [rejection for _, rejection in found] == whole
    reasons = [rejection and rejection.reason for rejection in whole]
    assert {"contaminated-exact", "duplicate", "near-duplicate", None} <= set(reasons)
    offered = [n for n, reason in enumerate(reasons) if reason in {None, "near-duplicate"}]
    kept = _brute_force([examples[n].instruction for n in offered], 0.6)
    assert [n for n, reason in enumerate(reasons) if reason is None] == [offered[n] for n in kept]


def test_a_step_is_given_only_what_those_before_it_let_through() -> None:
    seen: list[Instruction] = []

    def watch(records: Sequence[Instruction]) -> list[Rejection | None]:
        seen.extend(records)
        return [None] * len(records)

    examples = [record(0), record(1, instruction="Short"), record(0)]
    split(examples, [rules_step(choose_rules(["too-short"])), Duplicates(), watch])
    assert seen == [examples[0]]


def test_duplicates_can_be_of_what_was_added_alone() -> None:
    duplicates = Duplicates("exact-duplicate", remember=False)
    assert len(split([record(0), record(0)], [duplicates])[0]) == 2
    duplicates.add(record(0).id)
    [rejection] = split([record(0)], [duplicates])[1]
    assert (rejection.reason, rejection.other) == ("exact-duplicate", record(0).id)


def test_a_rejection_is_written_whole_with_its_reason(tmp_path: Path) -> None:
    examples = [record(0), record(0), record(1, instruction="Short")]
    _, rejections = split(examples, [rules_step(choose_rules(["too-short"])), Near.by_rouge(0.7)])
    place = {"path": "a.jsonl", "line": 3}
    rejections.append(Rejection(reason="empty text", text="\ud800 {", place=place))
    assert write_rejections(tmp_path / "dropped.jsonl", rejections) == 3
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
        {"reason": "empty text", "path": "a.jsonl", "line": 3, "text": "\ud800 {"},
    ]


def test_nothing_to_filter_by_keeps_all() -> None:
    assert split([record(), record()], []) == ([record(), record()], [])
