from __future__ import annotations

import pytest

from bioinstruct import UnknownNameError, load_seeds, read_examples
from bioinstruct.filters import RULES, choose_rules
from tests.records import record

TAUGHT = {"kind": "generated", "teacher": {"model": "m", "prompt": "p"}}
BAD = [
    ("too-short", {"instruction": "Name three drugs"}, "3 words"),
    ("too-long", {"instruction": "word " * 151}, "151 words"),
    ("needs-other-media", {"instruction": "Describe the Picture in detail."}, "'picture'"),
    ("needs-other-media", {"instruction": "Plot the survival of both arms."}, "'plot'"),
    ("needs-other-media", {"instruction": "Go to the site and sum it up."}, "'go to'"),
    ("needs-other-media", {"instruction": "Sum up what the video says."}, "'video'"),
    ("writes-a-program", {"instruction": "Write a program that computes the BMI."}, "program"),
    ("begins-with-punctuation", {"instruction": "- Name the three drugs."}, "'-'"),
    ("begins-with-non-ascii", {"instruction": "\u03b1-Synuclein: what does it do?"}, "begins with"),
    ("repeats-input", {"input": "Measles, then flu.", "output": "measles,  then FLU."}, "output"),
    ("unfinished", {"output": "The drugs are:"}, "output ends"),
    ("unfinished", {"input": "Findings: "}, "input ends"),
    ("speaks-as-a-model", {"output": "As an AI language model, I cannot."}, "As an AI"),
    ("speaks-as-a-model", {"output": "I'm sorry, but I can't help with it."}, "sorry"),
    ("placeholder", {"output": "Dear [patient name], all is well."}, "[patient name]"),
    ("placeholder", {"input": "<noinput>"}, "<noinput>"),
    (
        "missing-input",
        {"instruction": "Summarize the following clinical note for a patient.", "input": ""},
        "following clinical note",
    ),
    ("broken-text", {"output": "IFN-\u00ce\u00b3 was raised."}, "output has"),
    ("broken-text", {"input": "a\x00b"}, "input has"),
    ("broken-text", {"input": "it\u00e2\u20ac\u2122s"}, "input has"),
    ("says-nothing", {"input": "N/A"}, "input is 'N/A'"),
    ("says-nothing", {"input": "No input."}, "input is"),
    ("says-nothing", {"input": " - "}, "input is"),
    ("says-nothing", {"output": "<nooutput>"}, "output is"),
    ("says-nothing", {"output": "None.", "provenance": TAUGHT}, "output is 'None.'"),
    ("says-nothing", {"output": "n/a", "provenance": TAUGHT}, "output is"),
    ("has-html-entities", {"input": "IL-6 &gt; 5"}, "&gt;"),
    ("has-html-entities", {"output": "5 &#956;g"}, "&#956;"),
    ("has-html-entities", {"instruction": "What is p &amp;lt; 0.05 here?"}, "&amp;"),
    ("special-token", {"input": "Fill the <mask> in."}, "<mask>"),
    ("special-token", {"output": "yes<|im_end|>"}, "im_end"),
    ("special-token", {"instruction": "What does [SEP] stand for in BERT?"}, "SEP"),
    ("impossible-vital", {"input": "SpO2 was 198 % on air."}, "198"),
    ("impossible-vital", {"output": "Arterial pH 73.5"}, "73"),
    ("impossible-vital", {"input": "Temperature of 98.6 \u00b0C"}, "98.6"),
]

GOOD = [
    {"output": "none"},
    {"output": "None"},
    {"output": "No", "provenance": TAUGHT},
    {"output": "Na", "provenance": TAUGHT},
    {"output": "+", "provenance": TAUGHT},
    {"output": "AT&T; R&D; 5 & 6", "input": "A &copy B"},
    {"instruction": "Name four new drugs."},
    {"instruction": "Describe the mapping of genes, and the paragraph."},
    {"instruction": "Is IL-6 raised in COVID-19?", "input": ""},
    {"instruction": "Put [NAME] in place of each name.", "output": "Dear [NAME], [DATE]"},
    {"instruction": "Summarize the following note:\nAll is well.", "input": ""},
    {"instruction": "What does the abstract of a paper hold?", "input": ""},
    {"input": "SpO2 97 %, pH 7.31, temperature 38.9 \u00b0C, heart rate 140"},
    {
        "input": "Temperature 98.6 \u00b0F; \u00c5ngstr\u00f6m, na\u00efve, caf\u00e9",
        "output": "5 \u00b5g, \u03b1\u03b2",
    },
]


@pytest.mark.parametrize(("name", "changes", "detail"), BAD)
def test_a_rule_says_what_is_wrong(name: str, changes: dict[str, str], detail: str) -> None:
    assert detail in (RULES[name](record(**changes)) or "")


@pytest.mark.parametrize("changes", GOOD)
def test_good_records_break_no_rule(changes: dict[str, str]) -> None:
    broken = {name: rule(record(**changes)) for name, rule in RULES.items()}
    assert {name: detail for name, detail in broken.items() if detail} == {}


def test_every_rule_has_a_record_that_breaks_it() -> None:
    assert {name for name, _, _ in BAD} == set(RULES)


def test_rules_change_nothing() -> None:
    example = record(instruction="Is IL-6 raised in iGAS of the SKIN?")
    for rule in RULES.values():
        rule(example)
    assert example.instruction == "Is IL-6 raised in iGAS of the SKIN?"


def test_rules_are_chosen_by_name_and_kept_in_order() -> None:
    assert list(choose_rules(["all"])) == list(RULES)
    assert choose_rules(["none"]) == {}
    assert list(choose_rules(["unfinished", "too-short"])) == ["too-short", "unfinished"]
    assert len(choose_rules(["published"])) == 8
    with pytest.raises(UnknownNameError, match="too-short") as error:
        choose_rules(["to-short"])
    assert "too-short" in error.value.hint


def test_what_ships_breaks_no_rule_but_one() -> None:
    broken = [
        (name, example.task)
        for example in [*load_seeds(), *read_examples("demo")]
        for name, rule in RULES.items()
        if rule(example)
    ]
    # "Go to the emergency room if": the published list of words knows no discharge letter.
    assert broken == [("needs-other-media", "discharge-instructions")]
