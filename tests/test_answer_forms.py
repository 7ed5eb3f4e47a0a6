"""The table of docs/tasks.md: which reader finds an answer in which form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.answer_text import split_thought, unwrap
from bioinstruct.bench.judge.prompt import read_duel
from bioinstruct.bench.tasks import Evaluation, Formulation, get_task
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.answers.labels import parse_one
from bioinstruct.generation.answer_format import Form
from bioinstruct.generation.parse import Draft, parse
from bioinstruct.labels import prompt
from bioinstruct.llm.types import Answer
from bioinstruct.schema import Category, Instruction
from tests.records import record

PAGE = (Path(__file__).parents[1] / "docs" / "tasks.md").read_text(encoding="utf-8")
OPTIONS = ("Retinol", "Niacin", "A patient's own serum", "Vitamin C")
CDR = "Aspirin and heparin bled.\n\nChemicals:\n- Aspirin\n- heparin\n\nDiseases:\n- bled"


def rows() -> Iterator[tuple[str, str, bool]]:
    """Form, reader and whether it finds the gold, as the page says."""
    head, _, *lines = re.findall(r"^\|.*\|$", PAGE[PAGE.index("| form | letter") :], re.MULTILINE)
    names = [cell.strip() for cell in head.strip("|").split("|")][1:]
    for line in lines:
        if not line.startswith("| `"):
            break
        form, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        form = "```\nX\n```" if "on lines of their own" in form else form.strip("`")
        for name, cell in zip(names, cells, strict=True):
            assert cell in "✓\u2013"
            yield form, name, cell == "✓"


def wrap(form: str, gold: str) -> str:
    if form.startswith("{"):
        return json.dumps({"answer": gold})
    return form.replace("X", gold)


def free(name: str) -> Evaluation:
    return Evaluation(get_task(name), formulation=Formulation.FREE_FORM)


def of_task(name: str, input: str, *golds: str) -> tuple[Callable[[str], Any], tuple[str, ...]]:
    example = record(0, input=input)
    return (lambda text: free(name).read(text, example)), golds


def answer(text: str) -> Answer:
    return Answer(text=text, finish_reason="stop", model="m", prompt_tokens=1, completion_tokens=1)


def drafts(text: str) -> Any:
    found = parse(text, Form("json", labels=False), cut=False)
    return [part.fields for part in found if isinstance(part, Draft)] or None


LABELS = '{"labels": [{"number": 1, "category": "QA"}]}'
RECORDS = '{"tasks": [{"instruction": "Name it.", "input": "", "output": "measles"}]}'
VERDICT = '{"reason": "it is whole", "better": "2"}'
QUESTION = multiple_choice.to_text("Which cures pellagra?", OPTIONS)
READERS: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "letter": of_task("medqa", QUESTION, *"ABCD", "B. Niacin"),
    "label": of_task("pubmedqa", "", "yes", "no", "maybe"),
    "labels": of_task("hoc", "", "none", "inducing angiogenesis\ngenomic instability and mutation"),
    "mentions": of_task("ncbi-disease", "measles and non - viral gout", "measles\ngout", "none"),
    "pairs": of_task("bc5cdr-relations", CDR, "Aspirin | bled\nheparin | bled", "none"),
    "score": of_task("biosses", "", "0", "4", "2.5"),
    "text": of_task("mts-dialog", "", "He has fever", "No fever, IL-1β < 5"),
    "teacher's labels": (lambda t: prompt.parse(answer(t), count=1)[0], (LABELS,)),
    "verdict": (lambda text: read_duel(answer(text)), (VERDICT,)),
    "records": (drafts, (RECORDS,)),
}


@pytest.mark.parametrize(("form", "name", "finds"), list(rows()))
def test_a_reader_finds_the_gold_in_the_forms_that_the_page_names(
    form: str, name: str, finds: bool
) -> None:
    read, golds = READERS[name]
    for gold in golds:
        bare = read(gold)
        assert bare is not None
        found = read(wrap(form, gold))
        if isinstance(found, str) and name == "text":
            found = found.removesuffix(".").strip("()").removeprefix("- ")
        assert (found == bare) is finds, (found, bare)


@pytest.mark.parametrize("form", dict.fromkeys(form for form, _, _ in rows()))
def test_the_golds_of_the_demonstration_are_found_again_and_no_others(form: str) -> None:
    for name in ("demo-qa", "demo-ie", "demo-gen"):
        finds = dict(((f, n), v) for f, n, v in rows())[
            form, {"demo-qa": "label", "demo-ie": "mentions", "demo-gen": "text"}[name]
        ]
        evaluation = free(name)
        metric = evaluation.task.metrics[0]
        examples = list(evaluation.task.read("test"))
        for example, other in zip(examples, [*examples[1:], examples[0]], strict=True):
            gold = evaluation.parse(example.output, example)
            best = metric.value(metric.counts([gold], [gold]).sum(axis=0))
            found = evaluation.read(wrap(form, example.output), example)
            score = metric.value(metric.counts([gold], [found]).sum(axis=0))
            assert (found is not None and score == best) or not finds
            if "<think>X" in form:
                assert found is None
            wrong = evaluation.read(wrap(form, other.output), example)
            if name == "demo-qa" and other.output != example.output:
                assert wrong != gold


NO_ANSWER = (
    "not yes|The answer is not yes|yes or no|yes/no|Yes and no|Neither yes nor no|yes\nno\nmaybe|"
    "yes, no, maybe|yes, no|Answer: yes is wrong, it is no|No, the answer is yes|- yes\n- no|"
    "The answer is yes. The answer is no.|I do not think the answer is yes|<think>yes||yes-or-no|"
    "<think>The answer is yes</think>|The answer is either yes or no|If so, the answer is yes|"
    "yesterday|Answer:|Answer: the answer is not yes|It is false that the answer is yes.|"
    "yes is incorrect|maybe yes or no|I cannot say"
)
NO_LETTER = (
    "not B|A or B|Answer: B is wrong, it is C|The answer is not option A.|B, C|B/C|A and B|E|"
    "(A) or (B)|The answer is B or C.|The answer is (B) or (C)|A. Retinol\nB. Niacin\nC. x\nD. y|"
    "Option A is wrong|B) is wrong, it is C|(B) is incorrect|C. Wait, the answer is D.|<think>B|"
    "<think>B</think>|The answer is either A or B|Answer:|It is not choice B.|A patient|"
    "I do not think the answer is B.|The answer is B, C, or D|B is not correct|"
    "If it were so, the answer is B."
)


@pytest.mark.parametrize("text", NO_ANSWER.split("|"))
def test_a_text_that_gives_no_label_or_several_is_no_answer(text: str) -> None:
    assert READERS["label"][0](text) is None


@pytest.mark.parametrize("text", NO_LETTER.split("|"))
def test_a_text_that_gives_no_letter_or_several_is_no_answer(text: str) -> None:
    assert READERS["letter"][0](text) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes, no significant difference was found.", "yes"),
        ("After 3 trials the effect holds. The answer is yes.", "yes"),
        ("Reasoning here.\n\n**Final answer:** no", "no"),
        ("Yes, because the trial says so. The answer is yes.", "yes"),
        ("1. yes", "yes"),
        ("Yes (p < 0.05)", "yes"),
    ],
)
def test_an_explanation_does_not_hide_an_answer(text: str, label: str) -> None:
    assert READERS["label"][0](text) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [("1", "1"), ("1.", "1"), ("Answer: 2", "2"), ("1) because", "1"), ("2 points", "2")]
    + [(text, None) for text in ("1.5", "1,5", "2/10", "10", "1-2", "2 out of 10", "-1", "1%")],
)
def test_a_number_counts_whole_as_a_label(text: str, label: str | None) -> None:
    assert parse_one(unwrap(text), ("1", "2")) == label


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("3/4", 3),
        ("3 out of 4", 3),
        ("3.5", 3.5),
        ("The score is 3.", 3),
        ("Answer: 2 because of 3 words", 2),
        ("The similarity of sentences 1 and 2 is 3", None),
        *((text, None) for text in ("2/10", "1-2", "1 to 2", "5", "1,5", "50%", "-1", "")),
    ],
)
def test_a_score_is_one_number_on_the_scale(text: str, score: float | None) -> None:
    assert READERS["score"][0](text) == score


@given(st.text() | st.text(alphabet='<>/think{}[]"\\boxed Answer:.*`\n'))
def test_any_text_can_be_unwrapped_and_is_then_bare(text: str) -> None:
    bare = unwrap(text)
    assert bare in text or text.lstrip().startswith(("{", "<", "`")) or "{" in text
    split = split_thought(text)
    assert split.thought + (split.answer or "") == text


def test_a_thought_is_in_front_or_has_no_end() -> None:
    assert split_thought("<think>a</think>b") == ("<think>a</think>", "b")
    assert split_thought("a</think>b") == ("a</think>", "b")
    assert split_thought(" <Thinking>a") == (" <Thinking>a", None)
    assert split_thought("a <think>b</think> c") == ("", "a <think>b</think> c")
    assert split_thought("<think>a</think><think>b") == ("<think>a</think><think>b", None)
    assert split_thought("") == ("", "")


def test_a_record_with_one_gold_reads_the_category_of_its_kind() -> None:
    assert READERS["teacher's labels"][0](LABELS) is Category.QA
    assert isinstance(record(0), Instruction)
