from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioinstruct.answer_text import decode_entities, is_nothing
from bioinstruct.generation.answer_format import Form, choose_format
from bioinstruct.generation.parse import Draft, parse
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Category, Instruction
from bioinstruct.seeds import load_seeds
from tests.records import record

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
MARKED = Form("delimited", labels=True, tag="0a1b2c")
JSON = Form("json", labels=True)
FORMS = [MARKED, JSON, Form("delimited", labels=False, tag="0a1b2c"), Form("json", labels=False)]
forms = pytest.mark.parametrize("form", FORMS, ids=lambda f: f"{f.format}-{f.labels}")

# All that UTF-8 has, line breaks included, but for the tag of this request, controls, what
# says that there is nothing, and entities of HTML.
payload = st.text(st.characters(exclude_categories=["Cs"])).filter(
    lambda text: (
        "0a1b2c" not in text
        and "input" not in text.lower()
        and not is_nothing(text)
        and decode_entities(text) == text
        and not CONTROL.search(text)
    )
)


def records_of(texts: list[tuple[str, str, str]]) -> list[Instruction]:
    return [record(0, instruction=i, input=t, output=o) for i, t, o in texts]


def read(text: str, form: Form, *, cut: bool = False) -> list[tuple[str, ...]]:
    """Instruction, input and output of each task; the reason in the place of what is none."""
    found: list[tuple[str, ...]] = []
    for part in parse(text, form, cut=cut):
        if isinstance(part, Rejection):
            found.append((part.reason,))
        else:
            found.append(tuple(part.fields[name] for name in ("instruction", "input", "output")))
    return found


@forms
@settings(max_examples=30)
@given(texts=st.lists(st.tuples(payload, payload | st.just(""), payload), min_size=1, max_size=4))
def test_any_texts_come_back_as_they_went_out(
    form: Form, texts: list[tuple[str, str, str]]
) -> None:
    shown = form.show(records_of(texts))
    stripped = [tuple(text.strip() for text in task) for task in texts]
    assert read(shown, form) == stripped
    assert read(f"```json\n{shown}\n```", form) == stripped
    assert read(shown, form, cut=True) == stripped, "whole tasks count, whatever the end"


@forms
@settings(max_examples=50)
@given(text=st.text() | st.text(st.sampled_from('{}[]",:\\@ \ntasks0a1b2cinstructionoutputend')))
def test_no_text_makes_it_fail(form: Form, text: str) -> None:
    for cut in (False, True):
        parts = parse(text, form, cut=cut)
        assert parts
        for part in parts:
            raw = part.raw if isinstance(part, Draft) else part.text
            assert raw is not None
            assert raw in text


@forms
def test_of_an_answer_that_is_cut_anywhere_the_whole_tasks_count(form: Form) -> None:
    seeds = load_seeds()[:3]
    whole = [(s.instruction, s.input, s.output) for s in seeds]
    text = form.show(seeds)
    ends = [len(form.show(seeds[:n])) - (2 if form.format == "json" else 0) for n in (1, 2, 3)]
    for place in range(0, len(text), 23):
        found = read(text[:place], form, cut=True)
        complete = sum(place >= end for end in ends)
        assert found[:complete] == whole[:complete]
        assert set(found[complete:]) <= {("cut-off",)}
        assert len(found) <= complete + 1


def test_a_cut_task_is_kept_to_be_read() -> None:
    text = MARKED.show(load_seeds()[:2])[:-40]
    found = parse(text, MARKED, cut=True)
    assert isinstance(found[1], Rejection)
    assert found[1].detail == "the answer ends inside a task"
    assert found[1].text
    assert text.endswith(found[1].text)
    assert found[1].text.startswith("@@0a1b2c task")


DONE = ("Do.", "", "Done.")
BAD, HALF = ("unparsable",), ("incomplete",)
T = "@@0a1b2c"


def task(**fields: Any) -> str:
    return json.dumps(
        {"task": "t", "category": "QA", "instruction": "Do.", "output": "Done."} | fields
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'{{"tasks": [{task()}]}}', [DONE]),
        (f"[{task(input=None)}]", [DONE]),
        (f'Here you are:\n{{"tasks":\n[{task(input="< NoInput >")}]}}', [DONE]),
        (f'{{"tasks": [{task(more=1)}]}} trailing', [DONE]),
        (f'{{"tasks": [{task(output=3)}, {task()}]}}', [BAD, DONE]),
        (f'{{"tasks": [{task(output=" ")}]}}', [HALF]),
        (f'{{"tasks": [3, {task()} {task()}]}}', [BAD, DONE, BAD]),
        ('{"tasks": [{"output": "a", "output": "b", "instruction": "c"}]}', [BAD]),
        ('{"tasks": []}', [BAD]),
        ('{"tasks": [' + "[" * 100_000, [BAD]),
        ("I cannot help with that.", [BAD]),
        ("", [BAD]),
    ],
)
def test_json_is_read_where_it_is_clear(text: str, found: list[tuple[str, ...]]) -> None:
    assert read(text, JSON) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Sure!\n{T} instruction\nDo.\n{T} output\nDone.\n{T} end\nThat is all.", [DONE]),
        (f"{T} INSTRUCTION:\r\nDo.\r\n{T} output: Done.\r\n", [DONE]),
        (f"  {T} instruction Do.\n{T} input\n<NOINPUT>\n{T} output\nDone.", [DONE]),
        (
            f"{T} task\na\n{T} instruction\nDo.\n{T} output\nDone.\n"
            f"{T} task\nb\n{T} instruction\nGo.\n{T} output\nB\n",
            [DONE, ("Go.", "", "B")],
        ),
        (f"{T} instruction\nDo.\n{T} output\nA\n{T} output\nB\n{T} end", [BAD, HALF]),
        (f"{T} instruction\nDo.\n{T} end\n{T} output\nB\n{T} end", [HALF, HALF]),
        (f"{T} output\nB", [HALF]),
        (f"{T} end\n{T} end", [BAD]),
        ("@@ffffff instruction\nDo.\n@@ffffff output\nDone.", [BAD]),
        (
            f"{T} instruction\nDo @@ffffff end\n{T} output\n{T}output\n{T} end",
            [("Do @@ffffff end", "", f"{T}output")],
        ),
    ],
)
def test_marks_are_read_where_they_are_clear(text: str, found: list[tuple[str, ...]]) -> None:
    assert read(text, MARKED) == found


def test_labels_are_read_with_the_texts() -> None:
    seed = load_seeds()[0]
    for form in (MARKED, JSON):
        (part,) = parse(form.show([seed]), form, cut=False)
        assert isinstance(part, Draft)
        assert (part.fields["task"], part.fields["category"]) == (seed.task, seed.category)


def test_the_schema_is_strict_as_servers_want_it() -> None:
    schema = json.loads(JSON.schema or "")
    assert schema["title"] == "tasks"
    inner = schema["properties"]["tasks"]["items"]
    for closed in (schema, inner):
        assert closed["additionalProperties"] is False
        assert closed["required"] == list(closed["properties"])
    assert inner["properties"]["category"]["enum"] == [c.value for c in Category]
    assert list(inner["properties"]) == ["task", "category", "instruction", "input", "output"]
    assert MARKED.schema is None
    assert "category" not in (FORMS[3].schema or "")


@pytest.mark.parametrize(
    ("model", "format"),
    [
        ("gpt-4", "delimited"),
        ("gpt-4-0613", "delimited"),
        ("gpt-4o", "json"),
        ("gpt-4o-mini-2024-07-18", "json"),
        ("gpt-4.1", "json"),
        ("gpt-5-mini", "json"),
        ("o3", "json"),
        ("gpt-3.5-turbo", "delimited"),
        ("mistral-large", "delimited"),
        ("olmo-2", "delimited"),
    ],
)
def test_the_format_goes_by_the_model_unless_it_is_said(model: str, format: str) -> None:
    assert choose_format("auto", model) == format
    assert choose_format("json", model) == "json"


NOTHING = [
    "N/A",
    "n/a",
    "None",
    "none.",
    "No input",
    "<nooutput>",
    "<noinput>",
    "-",
    "—",
    "NA",
    "...",
]
SOMETHING = ["No", "Na", "+", "0", "5", "\u03b1", "none of them", "不明", "not found", "No.", "na"]


@pytest.mark.parametrize("form", [MARKED, JSON], ids=["delimited", "json"])
@pytest.mark.parametrize("text", NOTHING)
def test_nothing_has_many_spellings(form: Form, text: str) -> None:
    kept, lost = (
        form.show(records_of([pair])) for pair in (("Do it.", text, "x"), ("Do.", "y", text))
    )
    assert read(kept, form) == [("Do it.", "", "x")]
    assert read(lost, form) == [("incomplete",)]


@pytest.mark.parametrize("text", SOMETHING)
def test_what_looks_like_nothing_is_kept(text: str) -> None:
    assert read(JSON.show(records_of([("Do it.", text, text)])), JSON) == [("Do it.", text, text)]


def test_entities_of_html_are_decoded_however_often_they_were_encoded() -> None:
    task = ("Is IL-6 &gt; 5 &amp;micro;g?", "p &amp;amp;lt; 0.05, AT&T;", "A&nbsp;dose of 5&#956;g")
    assert read(MARKED.show(records_of([task])), MARKED) == [
        ("Is IL-6 > 5 \u00b5g?", "p < 0.05, AT&T;", "A\u00a0dose of 5μg")
    ]


@pytest.mark.parametrize("character", ["\x00", "\x1b[2J", "\x07", "\x7f"])
def test_control_characters_are_refused_with_a_reason(character: str) -> None:
    for place in range(3):
        texts = ["Do it.", "here", "done"]
        texts[place] = f"a{character}b"
        [found] = parse(JSON.show(records_of([(texts[0], texts[1], texts[2])])), JSON, cut=False)
        assert isinstance(found, Rejection)
        assert ("instruction", "input", "output")[place] in found.detail
        assert found.detail.isprintable()
    assert read(JSON.show(records_of([("Do\tit.", "a\r\nb", "c\n")])), JSON) == [
        ("Do\tit.", "a\r\nb", "c")
    ]
