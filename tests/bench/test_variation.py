"""The same items in several orders of their options and in several wordings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, Instruction
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import score
from bioinstruct.bench.evaluation.runs import compare_runs, counted
from bioinstruct.bench.evaluation.stability import stability_of
from bioinstruct.bench.evaluation.summary import rows_of
from bioinstruct.bench.results import Scores, TaskScores
from bioinstruct.bench.tasks import Evaluation, Formulation, Variation, get_task
from bioinstruct.bench.tasks.evaluation_set import varied
from bioinstruct.bench.tasks.variation import in_order
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.base import choose, wording_number
from tests.bench.test_score import Fake
from tests.records import record

MEDQA = get_task("medqa")
OPTIONS = ("aspirin", "ibuprofen", "heparin", "warfarin")


def question(n: int, right: int = 0, options: tuple[str, ...] = OPTIONS) -> Instruction:
    return record(
        n,
        input=multiple_choice.to_text(f"Which drug, question {n}?", options),
        output=multiple_choice.LETTERS[right],
    )


def asked(count: int, variation: Variation, right: int = 0) -> Evaluation:
    return varied(
        Evaluation(MEDQA, examples=tuple(question(n, right) for n in range(count))), variation
    )


@pytest.mark.parametrize("right", range(4))
def test_each_order_keeps_question_options_and_the_right_text(right: int) -> None:
    usual = question(1, right)
    for places in range(8):
        moved = in_order(usual, places)
        text, options = multiple_choice.read(moved.input)
        assert text == "Which drug, question 1?"
        assert options[places % 4] == OPTIONS[0]
        assert sorted(options) == sorted(OPTIONS)
        assert options[multiple_choice.LETTERS.index(moved.output)] == OPTIONS[right]
    assert in_order(usual, 4) == usual


def test_an_item_is_asked_in_as_many_orders_as_it_has_options() -> None:
    mixed = Evaluation(MEDQA, examples=(question(1), question(2, 0, ("yes", "no"))))
    found = varied(mixed, Variation(orders=3))
    assert [(v.item, v.order) for v in found.variants] == [(0, 0), (0, 1), (0, 2), (3, 0), (3, 1)]
    assert found.items == list(mixed.examples)
    assert len(set(found.documents)) == 2
    assert found.variation == Variation(orders=3)
    cloze = replace(mixed, formulation=Formulation.CLOZE)
    assert varied(cloze, Variation(orders=3)) is cloze
    with pytest.raises(BioinstructError, match="nothing to ask"):
        Variation(orders=0)


def stable(evaluation: Evaluation, model: Fake, tmp_path: Path) -> tuple[float, float | None]:
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(model, evaluation, answers)
    [found] = stability_of(evaluation, outcome, None)
    return found.base.same, found.base.same_letter


def test_a_model_that_reads_the_text_follows_the_text(tmp_path: Path) -> None:
    def knows(example: Instruction, choice: str) -> float:
        options = multiple_choice.read(example.input)[1]
        return float(options[multiple_choice.LETTERS.index(choice)] == "ibuprofen")

    assert stable(asked(5, Variation(orders=4)), Fake(prefer=knows), tmp_path) == (1.0, 0.0)


def test_a_model_that_says_one_letter_follows_the_letter(tmp_path: Path) -> None:
    model = Fake(prefer=lambda example, choice: float(choice == "B"))
    evaluation = asked(5, Variation(orders=4))
    assert stable(evaluation, model, tmp_path) == (0.0, 1.0)
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(model, evaluation, answers)
    assert outcome.readouts[0].value == 0.25  # right once in the four orders of each question


def test_shares_agree_with_counting_pairs(tmp_path: Path) -> None:
    picks = "ABBCDABDACBA"
    numbers = itertools.count()
    by_id: dict[str, str] = {}

    def prefer(example: Instruction, choice: str) -> float:
        letter = by_id.setdefault(example.id, "")
        if not letter:
            letter = by_id[example.id] = picks[next(numbers)]
        return float(choice == letter)

    evaluation = asked(3, Variation(orders=4))
    same, letter = stable(evaluation, Fake(prefer=prefer), tmp_path)
    texts = letters = pairs = 0
    for item in range(0, 12, 4):
        for a, b in itertools.combinations(range(item, item + 4), 2):
            one, other = evaluation.examples[a], evaluation.examples[b]
            of = [multiple_choice.read(e.input)[1]["ABCD".index(by_id[e.id])] for e in (one, other)]
            texts += of[0] == of[1]
            letters += by_id[one.id] == by_id[other.id]
            pairs += 1
    assert (same, letter) == (pytest.approx(texts / pairs), pytest.approx(letters / pairs))
    assert 0 < letters < pairs


# ---- wordings


def test_wordings_are_those_of_the_corpus_each_once() -> None:
    task = get_task("demo-qa")
    texts = ("Say it.", "Answer it.", "Reply.")

    def read(split: str) -> Iterator[Instruction]:
        for n in range(4):
            yield record(n, instruction=choose(texts, f"{n}", 0), output="yes")

    own = replace(task, read=read)
    usual = Evaluation(own, examples=tuple(read("test"))[:2])
    found = varied(usual, Variation(wordings=5))
    assert [e.instruction for e in found.examples] == [*texts, *texts]
    assert [e.input for e in found.items] == [e.input for e in usual.examples]
    assert found.variation == Variation(wordings=3)
    assert tuple(read("test"))[:2] == usual.examples  # the block is over
    with wording_number(1):
        assert choose(texts, "whatever", 7) == "Answer it."


def test_a_reader_with_other_records_in_another_wording_is_an_error() -> None:
    def read(split: str) -> Iterator[Instruction]:
        return iter([record(n) for n in range(2 if choose((0, 1), "", 0) else 3)])  # type: ignore[type-var]

    usual = Evaluation(replace(get_task("demo-qa"), read=read), examples=(record(0),))
    with pytest.raises(BioinstructError, match="records of test"):
        varied(usual, Variation(wordings=2))


def test_an_answer_that_hangs_on_the_wording_is_not_stable(tmp_path: Path) -> None:
    texts = ("Say it.", "Answer it.")

    def read(split: str) -> Iterator[Instruction]:
        for n in range(6):
            yield record(n, instruction=choose(texts, f"{n}", 0), output="yes")

    task = replace(get_task("demo-qa"), read=read)
    evaluation = varied(Evaluation(task, examples=tuple(read("test"))), Variation(wordings=2))
    model = Fake(prefer=lambda e, choice: float((choice == "yes") == (e.instruction == texts[0])))
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(model, evaluation, answers)
    [found] = stability_of(evaluation, outcome, None)
    assert (found.of, found.forms, found.items) == ("wordings", 2, 6)
    assert found.base.scores == (1.0, 0.0)
    assert found.base.same == 0.0


# ---- in the report


def test_the_report_counts_items_once_and_the_interval_is_by_item(tmp_path: Path) -> None:
    model = Fake(prefer=lambda example, choice: float(choice == "A"))
    evaluation = asked(6, Variation(orders=4))
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(model, evaluation, answers)
    [row] = rows_of(evaluation, outcome, seed=0)
    assert (row.n, row.asked, row.documents, row.nameless) == (6, 24, 6, 6)
    # Each item is right in one of four orders: nothing varies between items.
    assert row.base.value == 0.25
    scores = Scores("fake", "", "alpaca", [TaskScores(evaluation, outcome)])
    text = str(scores)
    assert "follows the letter" in text
    assert "100.0%" in text
    assert "asked in 24 forms" in row.specification


def test_runs_with_other_orders_are_compared_on_the_common_questions_and_it_is_said(
    tmp_path: Path,
) -> None:
    model = Fake(prefer=lambda example, choice: float(choice == "A"))
    runs = []
    for variation in (Variation(), Variation(orders=4)):
        evaluation = asked(12, variation)
        with Answers(tmp_path / "answers.jsonl") as answers:
            runs.append([counted(evaluation, score(model, evaluation, answers), "base")])
    [pair], refused = compare_runs(*runs)
    assert (pair.n, pair.left_out, refused) == (12, 36, [])
    assert "orders of the options 1 and 4" in pair.differs
    assert pair.comparison.documents == 12


def test_items_of_no_known_document_are_named_below_the_table(tmp_path: Path) -> None:
    evaluation = Evaluation(MEDQA, examples=tuple(question(n) for n in range(3)))
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(Fake(), evaluation, answers)
    scores = Scores("fake", "", "alpaca", [TaskScores(evaluation, outcome)])
    assert "no document known: medqa: 3 of 3 items" in str(scores)
