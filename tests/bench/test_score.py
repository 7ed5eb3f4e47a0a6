from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioinstruct import BioinstructError, Category, Instruction, ModelError
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import (
    TaskResult,
    _predicted_counts,
    majority,
    score,
)
from bioinstruct.bench.evaluation.summary import rows_of
from bioinstruct.bench.metrics import accuracy, exact_match, relation_f1, rougeL
from bioinstruct.bench.models import Choice, Completion
from bioinstruct.bench.tasks import Formulation, Task, known_tasks
from bioinstruct.bench.tasks.formulation import letters, parse_letter
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.filters import RULES
from bioinstruct.prompts import NEXT_EXAMPLE, Style
from tests.records import ask

Make = Callable[..., Instruction]
YES_NO = ("yes", "no")


@dataclass
class Fake:
    """A model that answers by rule, in the reverse of the order in which it is asked."""

    write: Callable[[Instruction], Completion] = lambda e: Completion(e.output)
    prefer: Callable[[Instruction, str], float] = lambda e, choice: -float(choice != e.output)
    fingerprint: str = "fake"
    name: str = "fake"
    style: Style = Style.ALPACA
    asked: list[str] = field(default_factory=list)

    def adapter(self, *, on: bool = True) -> nullcontext[bool]:
        return nullcontext(False)

    def complete(
        self, examples: Sequence[Instruction], *, max_new_tokens: int, **options: Any
    ) -> Iterator[tuple[int, Completion]]:
        for i in reversed(range(len(examples))):
            self.asked.append(examples[i].id)
            yield i, self.write(examples[i])

    def choose(
        self, examples: Sequence[Instruction], *, choices: Sequence[Sequence[str]], **options: Any
    ) -> Iterator[tuple[int, Choice]]:
        for i in reversed(range(len(examples))):
            self.asked.append(examples[i].id)
            yield i, Choice(tuple(self.prefer(examples[i], c) for c in choices[i]))


def read_word(text: str, example: Instruction) -> str | None:
    return text if text in YES_NO else None


CLOSED = Task("closed", Category.QA, lambda split: iter(()), read_word, (accuracy,), YES_NO)
OPEN = replace(CLOSED, name="open", choices=())


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[Answers]:
    with Answers(tmp_path / "answers.jsonl") as answers:
        yield answers


@pytest.fixture
def questions(example: Make) -> list[Instruction]:
    """Five questions, three of them with the answer no."""
    return [
        example(input=f"Case {n} .", output="no" if n in (0, 2, 3) else "yes") for n in range(5)
    ]


def values(outcome: TaskResult) -> dict[str, float]:
    return {f"{r.metric.name}, {r.how}": r.value for r in outcome.readouts}


def odd(outcome: TaskResult) -> dict[str, int]:
    return {name: count for name, count in outcome.flags.items() if count}


every = pytest.mark.parametrize("each", list(known_tasks().values()), ids=lambda task: task.name)
Examples = Callable[..., list[Instruction]]


@every
def test_a_model_that_gives_the_gold_scores_one_on_every_task(
    each: Task, answers: Answers, examples_of: Examples
) -> None:
    examples = examples_of(each, 50)
    for formulation in Formulation:
        one = ask(each, examples, formulation=formulation)
        outcome = score(Fake(), one, answers)
        assert set(values(outcome).values()) == {1.0}
        assert odd(outcome) == {}
        ways = 2 if one.read_by == "cloze" else 1
        assert len(outcome.readouts) == len(each.metrics) * ways


@every
def test_the_majority_is_what_the_best_constant_answer_scores(
    each: Task, answers: Answers, examples_of: Examples
) -> None:
    examples = examples_of(each, 20)
    common = Counter(e.output for e in examples).most_common(1)[0][0]
    found = []
    for constant in each.labels or (common,):
        model = Fake(
            write=lambda e, text=constant: Completion(text),
            prefer=lambda e, choice, text=constant: float(choice == text),
            fingerprint=constant,
        )
        found.append([r.value for r in score(model, ask(each, examples), answers).readouts])
    assert majority(ask(each, examples)) == [max(values) for values in zip(*found, strict=True)]


def test_the_best_constant_answer_of_relations_is_a_relation(
    questions: list[Instruction],
) -> None:
    # Three of five are no relation: always `no` is most often right, and finds nothing.
    related = replace(CLOSED, metrics=(accuracy, relation_f1("no")))
    assert majority(ask(related, questions)) == [3 / 5, pytest.approx(2 * 2 / (2 + 5))]


def test_the_constant_answer_is_chosen_in_training_where_there_is_any(
    questions: list[Instruction],
) -> None:
    rarer = min(Counter(q.output for q in questions).items(), key=lambda each: each[1])[0]
    learnt = [q for q in questions if q.output == rarer]
    assert majority(ask(CLOSED, questions), learnt) == [2 / 5]
    written = replace(CLOSED, choices=())
    assert majority(ask(written, questions), learnt) == [2 / 5]


def test_the_majority_of_a_closed_task_is_the_share_of_its_commonest_answer(
    questions: list[Instruction],
) -> None:
    assert majority(ask(CLOSED, questions)) == [3 / 5]


def test_a_task_with_choices_is_read_by_likelihood_and_on_request_by_what_is_written(
    questions: list[Instruction], answers: Answers
) -> None:
    model = Fake(write=lambda e: Completion("yes"), prefer=lambda e, c: -float(c == "yes"))
    outcome = score(model, ask(CLOSED, questions), answers)
    assert values(outcome) == {"accuracy, likelihood": 3 / 5}
    assert outcome.readouts[0].counts[:, 0].tolist() == [1, 0, 1, 1, 0]
    written = score(model, ask(CLOSED, questions, formulation=Formulation.FREE_FORM), answers)
    assert values(written) == {"accuracy, generated": 2 / 5}
    assert written.readouts[0].counts[:, 0].tolist() == [0, 1, 0, 0, 1]
    assert values(score(model, ask(OPEN, questions), answers)) == {"accuracy, generated": 2 / 5}


def test_a_tie_goes_to_the_first_choice_and_is_counted(
    questions: list[Instruction], answers: Answers
) -> None:
    outcome = score(Fake(prefer=lambda e, c: -2.5), ask(CLOSED, questions), answers)
    assert values(outcome)["accuracy, likelihood"] == 2 / 5
    assert odd(outcome) == {"tied": 5}


@pytest.mark.parametrize(
    "likelihoods",
    [(math.nan, -1.0), (-1.0, math.nan), (-math.inf, -math.inf), (math.inf, -1.0)],
    ids=str,
)
def test_likelihoods_that_are_no_numbers_are_an_error_and_no_answer(
    questions: list[Instruction], answers: Answers, likelihoods: tuple[float, float]
) -> None:
    model = Fake(prefer=lambda e, choice: likelihoods[YES_NO.index(choice)])
    with pytest.raises(ModelError, match=f"task closed: example {questions[0].id}") as caught:
        score(model, ask(CLOSED, questions), answers)
    assert "weights are damaged" in caught.value.hint


def test_an_impossible_choice_is_just_not_chosen(
    questions: list[Instruction], answers: Answers
) -> None:
    model = Fake(prefer=lambda e, c: -1.0 if c == e.output else -math.inf)
    assert values(score(model, ask(CLOSED, questions), answers))["accuracy, likelihood"] == 1.0


def test_what_cannot_be_read_is_wrong_and_counted(
    questions: list[Instruction], answers: Answers
) -> None:
    texts = dict(zip(questions, ["perhaps", "", "no", "no", "Yes?"], strict=True))
    outcome = score(Fake(write=lambda e: Completion(texts[e])), ask(OPEN, questions), answers)
    assert values(outcome) == {"accuracy, generated": 2 / 5}
    assert odd(outcome) == {"unparsed": 3}


@pytest.mark.parametrize("parse", [read_word, lambda text, example: text])
def test_a_prompt_that_does_not_fit_is_wrong_and_counted_whatever_the_parse_makes_of_nothing(
    questions: list[Instruction], answers: Answers, parse: Callable[..., str | None]
) -> None:
    def write(example: Instruction) -> Completion:
        skipped = example == questions[4]
        return Completion("" if skipped else example.output, skipped=skipped)

    class Short(Fake):
        def choose(
            self,
            examples: Sequence[Instruction],
            *,
            choices: Sequence[Sequence[str]],
            **options: Any,
        ) -> Iterator[tuple[int, Choice]]:
            for i, choice in super().choose(examples, choices=choices):
                yield i, Choice(()) if examples[i] == questions[4] else choice

    task = replace(CLOSED, parse=parse)
    for one in (task, replace(task, choices=())):
        outcome = score(Short(write=write), ask(one, questions), answers)
        assert list(values(outcome).values()) == [4 / 5]
        assert odd(outcome) == {"skipped": 1}


def test_what_was_cut_off_and_what_was_shortened_is_counted(
    questions: list[Instruction], answers: Answers
) -> None:
    model = Fake(write=lambda e: Completion(e.output, truncated=e.output == "no", shortened=True))
    outcome = score(model, ask(OPEN, questions), answers)
    assert values(outcome) == {"accuracy, generated": 1.0}
    assert odd(outcome) == {"truncated": 3, "shortened": 5}


def test_an_open_answer_is_counted_by_how_much_of_it_is_right(
    example: Make, answers: Answers
) -> None:
    task = replace(OPEN, parse=lambda text, e: text or None, metrics=(rougeL,))
    asked = [example(input=str(n), output="chest pain and fever") for n in range(2)]
    texts = iter(["chest pain", ""])
    outcome = score(Fake(write=lambda e: Completion(next(texts))), ask(task, asked), answers)
    assert values(outcome) == {"ROUGE-L, generated": pytest.approx((2 * 2 / 6 + 0) / 2)}


def test_nothing_to_score_is_an_error(answers: Answers) -> None:
    with pytest.raises(BioinstructError, match="task closed has no examples"):
        score(Fake(), ask(CLOSED, []), answers)


def test_nothing_is_asked_twice(questions: list[Instruction], tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    model = Fake()
    with Answers(path) as answers:
        score(model, ask(CLOSED, questions[:2]), answers)
        score(model, ask(CLOSED, questions), answers)
    with Answers(path) as answers:
        first = score(model, ask(CLOSED, questions), answers)
    assert Counter(model.asked) == {e.id: 1 for e in questions}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({row["key"] for row in rows}) == len(rows) == 5
    assert {(row["task"], row["model"]) for row in rows} == {("closed", "fake")}
    with Answers(tmp_path / "other.jsonl") as answers:
        fresh = score(Fake(), ask(CLOSED, questions), answers)
    assert [r.counts.tolist() for r in first.readouts] == [
        r.counts.tolist() for r in fresh.readouts
    ]


def test_an_example_that_a_task_has_twice_is_asked_once_and_counted_twice(
    questions: list[Instruction], tmp_path: Path
) -> None:
    model = Fake(write=lambda e: Completion("no"))
    seen: list[tuple[int, int]] = []
    doubled = [*questions, questions[0]]
    with Answers(tmp_path / "answers.jsonl") as answers:
        outcome = score(
            model, ask(OPEN, doubled), answers, progress=lambda done, of: seen.append((done, of))
        )
    assert sorted(model.asked) == sorted(e.id for e in questions)
    assert values(outcome) == {"accuracy, generated": 4 / 6}
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)


def test_another_model_is_never_given_the_first_ones_answers(
    questions: list[Instruction], answers: Answers
) -> None:
    score(Fake(), ask(OPEN, questions), answers)
    other = Fake(fingerprint="other", write=lambda e: Completion("no"))
    assert values(score(other, ask(OPEN, questions), answers)) == {"accuracy, generated": 3 / 5}
    assert len(other.asked) == 5


def test_a_longer_answer_is_another_question(
    questions: list[Instruction], answers: Answers
) -> None:
    model = Fake()
    score(model, ask(OPEN, questions), answers)
    longer = replace(OPEN, max_new_tokens=OPEN.max_new_tokens + 1)
    score(model, ask(longer, questions), answers)
    assert len(model.asked) == 10


def test_other_shots_another_stop_other_options_or_another_form_are_another_question(
    questions: list[Instruction], answers: Answers, example: Make
) -> None:
    model = Fake()
    shot = example(input="Case 99 .")
    for n, other in enumerate(
        [
            ask(OPEN, questions),
            ask(OPEN, questions, shots=(shot,)),
            ask(OPEN, questions, shots=(shot, shot)),
            ask(OPEN, questions, stop=("\n",)),
            ask(CLOSED, questions),
            ask(replace(CLOSED, choices=("no", "yes")), questions),
            ask(replace(CLOSED, choices=("yes", "no", "maybe")), questions),
            ask(replace(CLOSED, choices=lambda e: ("yes", f"not {e.input}", "no")), questions),
            ask(CLOSED, questions, shots=(shot,)),
        ],
        start=1,
    ):
        score(model, other, answers)
        assert len(model.asked) == 5 * n
        same = replace(other.task, name="the same by another name")
        score(model, replace(other, task=same), answers)
        assert len(model.asked) == 5 * n


def test_shots_and_stop_strings_reach_the_model(
    questions: list[Instruction], answers: Answers, example: Make
) -> None:
    seen: list[dict[str, Any]] = []

    class Seeing(Fake):
        def complete(
            self, examples: Sequence[Instruction], *, max_new_tokens: int, **options: Any
        ) -> Iterator[tuple[int, Completion]]:
            seen.append(options)
            return super().complete(examples, max_new_tokens=max_new_tokens)

    shot = example(input="Case 99 .")
    score(Seeing(), ask(OPEN, questions, stop=("END",)), answers)
    score(Seeing(), ask(OPEN, questions, shots=(shot,), stop=("END",)), answers)
    assert seen == [
        {"stop": ("END",), "shots": []},
        {"stop": ("END", *NEXT_EXAMPLE), "shots": [shot]},
    ]


def test_a_cloze_is_read_by_sum_and_per_character(example: Make, answers: Answers) -> None:
    text = multiple_choice.to_text("Which?", ["no", "a much longer option"])
    asked = [example(input=text, output="B")]
    lettered = Task("mc", Category.QA, lambda s: iter(()), parse_letter, (accuracy,), letters)
    model = Fake(prefer=lambda e, choice: {"no": -5.0, "a much longer option": -8.0}[choice])
    outcome = score(model, ask(lettered, asked, formulation=Formulation.CLOZE), answers)
    assert values(outcome) == {"accuracy, cloze": 0.0, "accuracy, cloze, per character": 1.0}
    assert model.asked != [asked[0].id]  # the options are not shown


@pytest.mark.parametrize(("task", "of"), [(OPEN, 5), (CLOSED, 5)], ids=["open", "closed"])
def test_progress_comes_to_all_questions_just_once_answered_before_or_not(
    task: Task, of: int, questions: list[Instruction], answers: Answers
) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(2):
        seen.clear()
        score(
            Fake(),
            ask(task, questions),
            answers,
            progress=lambda done, all: seen.append((done, all)),
        )
        assert seen == sorted(seen)
        assert seen.count((of, of)) == 1
        assert seen[-1] == (of, of)


def test_a_run_that_is_stopped_has_kept_every_answer_it_got(
    questions: list[Instruction], tmp_path: Path
) -> None:
    def write(example: Instruction) -> Completion:
        if example == questions[1]:
            raise KeyboardInterrupt
        return Completion(example.output)

    path = tmp_path / "answers.jsonl"
    with pytest.raises(KeyboardInterrupt), Answers(path) as answers:
        score(Fake(write=write), ask(OPEN, questions), answers)
    assert len(path.read_bytes().splitlines()) == 3
    model = Fake()
    with Answers(path) as answers:
        outcome = score(model, ask(OPEN, questions), answers)
    assert model.asked == [questions[1].id, questions[0].id]
    assert np.array_equal(outcome.readouts[0].counts[:, 0], np.ones(5))


def test_how_often_each_answer_was_given_is_told(tmp_path: Path) -> None:
    task = known_tasks()["demo-qa"]
    examples = list(task.read("test"))[:20]
    model = Fake(prefer=lambda example, choice: -float(choice != task.labels[1]))
    with Answers(tmp_path / "answers.jsonl") as answers:
        [readout] = score(model, ask(task, examples), answers).readouts
    assert readout.predicted == {task.labels[1]: 20}
    assert _predicted_counts(["x", "b", None], [("x", "a"), ("a", "b"), ("a", "b")]) == {
        "A": 1,
        "B": 1,
    }


def test_the_number_of_items_is_of_those_that_the_metric_counted(
    example: Make, answers: Answers
) -> None:
    task = replace(OPEN, parse=lambda text, e: text, metrics=(rougeL, exact_match))
    golds = ["fever", "发热", "呼吸困难"]
    examples = [example(input=f"Case {n} .", output=gold) for n, gold in enumerate(golds)]
    evaluation = ask(task, examples)
    rows = rows_of(evaluation, score(Fake(), evaluation, answers), seed=0)
    assert [(row.metric, row.n) for row in rows] == [("ROUGE-L", 1), ("exact match", 3)]
    assert [row.base.value for row in rows] == [1.0, 1.0]
    assert [row.base_flags.get("left out", 0) for row in rows] == [2, 0]
    assert "a-z" in rows[0].left_out
    assert not rows[1].left_out


@every
def test_no_gold_of_a_corpus_is_taken_for_nothing(each: Task, examples_of: Examples) -> None:
    for example in examples_of(each, 50):
        gold = example.model_copy(update={"input": ""})
        assert RULES["says-nothing"](gold) is None
