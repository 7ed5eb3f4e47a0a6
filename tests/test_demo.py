"""The demonstration set is what its script makes, right in itself, and split as it says."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from bioinstruct import Instruction, jsonl
from bioinstruct.corpora import demo

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "benchmarks" / "demo"
SHIPPED = ROOT / "src" / "bioinstruct" / "data" / "demo"
SPLITS = ["train", "test"]
TASKS = {"demo-qa": "QA", "demo-ie": "IE", "demo-gen": "GEN"}


@cache
def examples(split: str, task: str = "") -> list[Instruction]:
    records = jsonl.read(SHIPPED / f"{split}.jsonl")
    return [example for example in records if task in {"", example.task}]


@cache
def table(name: str) -> list[dict[str, str]]:
    with (TABLES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def names(tables: str, split: str) -> list[str]:
    rows = [row for name in tables.split() for row in table(name)]
    return [row["name"] for row in rows if split in {"", row["split"]}]


@cache
def pattern(tables: str, split: str = "") -> re.Pattern[str]:
    """Any listed name as a phrase of whole words, the longest that fits."""
    listed = sorted(names(tables, split), key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, listed))})(?!\w)", re.IGNORECASE)


def whole(example: Instruction) -> str:
    return f"{example.instruction}\n{example.input}\n{example.output}"


def found(text: str, tables: str, split: str = "") -> list[str]:
    return pattern(tables, split).findall(text)


ALL = "conditions drugs findings"


@pytest.mark.peer
def test_the_script_makes_the_shipped_files_again(tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "make_demo.py"
    subprocess.run([sys.executable, script, "--out", tmp_path], check=True)
    for split in SPLITS:
        made, shipped = (folder / f"{split}.jsonl" for folder in (tmp_path, SHIPPED))
        assert made.read_bytes() == shipped.read_bytes(), f"run {script.name} and commit {split}"


def test_the_tables_are_as_large_and_as_divided_as_the_page_says() -> None:
    for name, least in (("conditions", 180), ("drugs", 180), ("findings", 140)):
        listed = names(name, "")
        assert len(listed) == len(set(listed)) >= least
        assert 0.2 < len(names(name, "test")) / len(listed) < 0.35
    for name, least in (("qa", 60), ("ie", 40), ("gen", 40)):
        frames = table(name)
        assert len({frame["id"] for frame in frames}) == len(frames) >= least
    assert not set(names("surnames", "train")) & set(names("surnames", "test"))


@pytest.mark.parametrize(("split", "count"), [("train", 1000), ("test", 150)])
def test_each_task_has_its_category_its_size_and_its_provenance(split: str, count: int) -> None:
    assert Counter(e.task for e in examples(split)) == dict.fromkeys(TASKS, count)
    for example in examples(split):
        assert example.category == TASKS[example.task]
        provenance = example.provenance
        assert (provenance.kind, provenance.origin) == ("compiled", "bioinstruct-demo")
        assert (provenance.license, provenance.split) == ("CC-BY-4.0", split)
        assert provenance.revision == demo.CORPUS.revision


def test_no_two_records_are_the_same_and_no_two_have_the_same_input() -> None:
    both = examples("train") + examples("test")
    assert len({example.id for example in both}) == len(both)
    assert len({example.input.casefold() for example in both}) == len(both)


def test_train_and_test_ask_in_the_same_few_words() -> None:
    for task, wordings in (("demo-qa", 4), ("demo-ie", 8), ("demo-gen", 4)):
        asked = [{example.instruction for example in examples(split, task)} for split in SPLITS]
        assert asked[0] == asked[1]
        assert len(asked[0]) == wordings


def test_no_name_of_one_split_occurs_in_a_text_of_the_other() -> None:
    for split, other in (("train", "test"), ("test", "train")):
        met = {name for example in examples(split) for name in found(whole(example), ALL, other)}
        assert not met


def test_nearly_every_name_is_used_in_its_split() -> None:
    for split, share in (("train", 0.98), ("test", 0.85)):
        met = {name.lower() for e in examples(split) for name in found(whole(e), ALL)}
        assert len(met) > share * len(names(ALL, split))


def _sentences(example: Instruction) -> set[str]:
    text = re.sub(r"\b(Dr|Mr|Ms)\.", r"\1", f"{example.input}\n{example.output}").casefold()
    parts = (re.findall(r"\w+", part) for part in re.split(r"[.?!](?:\s|$)|\n", text))
    return {" ".join(part) for part in parts if len(part) > 3}


def test_train_and_test_share_no_sentence_of_more_than_three_words() -> None:
    train, test = (set().union(*map(_sentences, examples(split))) for split in SPLITS)
    assert not train & test


@pytest.mark.parametrize("task", TASKS)
def test_about_a_quarter_of_the_test_items_have_a_frame_that_training_never_shows(
    task: str,
) -> None:
    shown = {example.provenance.document for example in examples("train", task)}
    new = [e for e in examples("test", task) if e.provenance.document not in shown]
    assert 0.22 <= len(new) / 150 <= 0.32


@pytest.mark.parametrize("split", SPLITS)
def test_texts_are_short_and_complete(split: str) -> None:
    for example in examples(split):
        text = example.input + example.output
        assert not re.search(r"[{}<>]|  |None", text), text
        assert len(example.input.split()) <= 80
    for task, low, high in (("demo-qa", 14, 40), ("demo-ie", 14, 40), ("demo-gen", 10, 40)):
        lengths = [len(example.input.split()) for example in examples(split, task)]
        assert low <= median(lengths) <= high


@pytest.mark.parametrize("split", SPLITS)
def test_articles_and_verbs_agree_with_what_follows(split: str) -> None:
    wrong = r"(?<!hemophilia )\b[Aa] (?:[aeio]|8\d?-|1[18]-)|\b[Aa]n (?![aeio]|8\d?-|1[18]-)"
    plural = "|".join(re.escape(row["name"]) for row in table("findings") if row["article"] == "pl")
    wrong += (
        rf"|\b(?:there (?:is|was)(?: no)?|Is|Was) (?:{plural})\b|\b(?:{plural}) (?:is|was|has)\b"
    )
    for example in examples(split):
        assert not re.search(wrong, f"{example.input}\n{example.output}"), example.input


@pytest.mark.parametrize("split", SPLITS)
def test_people_are_of_an_age_and_sex_that_can_have_what_the_note_says(split: str) -> None:
    rows = {row["name"].lower(): row for row in table("conditions") + table("findings")}
    women, men = {"woman", "girl", "f", "ms", "miss"}, {"man", "boy", "m", "mr", "master"}
    for example in examples(split):
        note = re.sub(r"Dr\.? \w+", "", example.input)
        person = re.search(r"(\d+)[ -](?:year-old|yo|y/o)? ?(\w+)", note)
        kind = person[2].lower() if person else ""
        for name in found(note, "conditions findings"):
            row = rows[name.lower()]
            if kind in women | men:
                assert row["sex"] not in ({"m"} if kind in women else {"f", "p"}), note
                low, high = map(int, row["ages"].split("-"))
                assert person is not None
                assert low <= int(person[1]) <= high, note


@pytest.mark.parametrize("split", SPLITS)
def test_mentions_are_every_listed_name_of_the_kind_that_is_asked_for(split: str) -> None:
    for example in examples(split, "demo-ie"):
        kind = "drugs" if "drugs" in example.instruction else "conditions"
        expected = found(example.input, kind) or ["none"]
        assert example.output.split("\n") == expected
        assert len(expected) <= 4


@pytest.mark.parametrize("split", SPLITS)
def test_inputs_of_extraction_are_words_between_single_spaces(split: str) -> None:
    for example in examples(split, "demo-ie"):
        words = example.input.split(" ")
        assert all(words)
        stuck = [word for word in words if re.fullmatch(r".+[,;:()?]|[(].+|(?!Dr|Mr|Ms).+\.", word)]
        assert not stuck, example.input
        start = 0
        for mention in example.output.split("\n"):
            if mention != "none":
                size = len(mention.split())
                starts = range(start, len(words) - size + 1)
                start = next(i for i in starts if words[i : i + size] == mention.split()) + size


@pytest.mark.parametrize("split", SPLITS)
def test_about_one_extraction_in_eight_finds_nothing_and_most_have_a_distractor(split: str) -> None:
    items = examples(split, "demo-ie")
    assert 0.1 <= sum(item.output == "none" for item in items) / len(items) <= 0.14
    other = [
        found(item.input, "conditions" if "drugs" in item.instruction else "drugs")
        for item in items
    ]
    assert sum(map(bool, other)) / len(items) > 0.6


@pytest.mark.parametrize("split", SPLITS)
def test_answers_are_balanced_and_ask_about_something_in_the_note(split: str) -> None:
    items = examples(split, "demo-qa")
    share = {answer: n / len(items) for answer, n in Counter(e.output for e in items).items()}
    assert share == pytest.approx({"yes": 0.4, "no": 0.4, "maybe": 0.2}, abs=0.01)
    several = 0
    for item in items:
        note, question = item.input.split("\nQuestion: ")
        (asked,) = found(question, "conditions findings")
        listed = [name.lower() for name in found(note, "conditions findings")]
        assert listed.count(asked.lower()) == 1
        several += len(listed) > 1
    assert several / len(items) > 0.2


MAYBE = re.compile(
    r"possib|suspec|suspicious|cannot be (certain|excluded)|query|\?|unclear|uncertain|may have"
    r"|thinks there may|question|wonders"
)
NO = re.compile(
    r"\b(no|not|denies|denied|negative|neg|free of|absent|ruled out|excluded|nothing)\b"
    r"|\bwithout\b(?=.*@)"
)

CLAUSES = re.compile(
    r"[.;:]\s|\bbut\b(?! ruled)|, (?!@ or)"
    r"|\band (?=@ (?:was|were|has|remains)|(?:is|revealed|possible|negative|described|denies)\b)"
)


def _polarity(note: str, asked: str) -> str:
    """A small NegEx: the cue of the clause that the finding is in."""
    text = re.sub(r"\b(Dr|Mr|Ms)\.|\d+\.\d+", " ", note).replace(asked, "@")
    (clause,) = [part for part in CLAUSES.split(text) if "@" in part]
    if MAYBE.search(clause):
        return "maybe"
    return "no" if NO.search(clause) else "yes"


@pytest.mark.parametrize("split", SPLITS)
def test_a_second_rule_for_negation_and_doubt_agrees_on_every_answer(split: str) -> None:
    for item in examples(split, "demo-qa"):
        note, question = item.input.split("\nQuestion: ")
        (asked,) = found(question, "conditions findings")
        assert _polarity(note.lower(), asked.lower()) == item.output, item.input


@pytest.mark.parametrize("split", SPLITS)
def test_clean_sentences_say_what_their_notes_say(split: str) -> None:
    for example in examples(split, "demo-gen"):
        said, written = (
            {n.lower() for n in found(t, ALL)} for t in (example.input, example.output)
        )
        assert said == written, example.input
        assert set(re.findall(r"\d+", example.output)) <= set(re.findall(r"\d+", example.input))
        assert re.fullmatch(r"[A-Z].+\.", example.output)
        assert len(example.output.split()) <= 32


@pytest.mark.parametrize("split", SPLITS)
def test_what_a_note_denies_is_denied_in_its_clean_sentence(split: str) -> None:
    for example in examples(split, "demo-gen"):
        for name in found(example.input, "findings"):
            shorthand = re.search(rf"\bno {re.escape(name)}\b", example.input, re.IGNORECASE)
            if shorthand and "\n" not in example.input:
                denied = rf"(denies|no) [^.]*\b{re.escape(name)}\b"
                assert re.search(denied, example.output, re.IGNORECASE), example.input


def test_a_drug_taken_for_something_is_used_for_it() -> None:
    uses = {row["class"]: row["conditions"].split("; ") for row in table("uses")}
    used = {row["name"].lower(): uses[row["class"]] for row in table("drugs")}
    taken = re.compile(r"(?:takes|take|received|taken|on) (.{3,60}?) (?:for|in) (?=(.*))")
    pairs = 0
    for example in examples("train") + examples("test"):
        text = " ".join(re.sub(r"\( [^)]* \) ,", "", whole(example)).split())
        for match in taken.finditer(text):
            drugs, conditions = found(match[1], "drugs"), found(match[2], "conditions")
            if len(drugs) == 1 and conditions and match[2].startswith(conditions[0]):
                assert conditions[0] in used[drugs[0].lower()], text
                pairs += 1
    assert pairs > 80
