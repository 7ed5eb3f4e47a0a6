"""What is nested a thousand levels deep is a fault with a place, and no RecursionError."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import jsonl
from bioinstruct.answer_text import unwrap
from bioinstruct.bench.evaluation.lm_eval import read_results, read_scores
from bioinstruct.bench.evaluation.runs import COUNTS, read_counts
from bioinstruct.bench.judge.prompt import read_grade
from bioinstruct.bench.training.recipe import load_recipe
from bioinstruct.corpora.bioasq import _in
from bioinstruct.corpora.chatdoctor import _items
from bioinstruct.corpora.clinical_ie import _names
from bioinstruct.corpora.formats import xmltree
from bioinstruct.corpora.formats.plain import parse_json, read_json
from bioinstruct.dataset.card import licenses_of_card
from bioinstruct.dataset.publish import _is_published
from bioinstruct.errors import BioinstructError
from bioinstruct.generation.answer_format import Form
from bioinstruct.generation.parse import parse
from bioinstruct.journal import Journal
from bioinstruct.json_text import loads
from bioinstruct.labels import prompt
from bioinstruct.llm.batch_api import _object
from bioinstruct.llm.errors import words
from bioinstruct.llm.responses import read_reply
from bioinstruct.llm.types import Answer, Request
from bioinstruct.mixtures.spec import load_mixture

LISTS, OBJECTS = "[" * 1000, '{"a":' * 1000
FAULTS = (BioinstructError, ValueError)


def answer(text: str) -> Answer:
    return Answer(text=text, finish_reason="stop", model="m", prompt_tokens=1, completion_tokens=1)


@pytest.mark.parametrize("text", [LISTS, OBJECTS, LISTS + "]" * 1000])
def test_texts_of_servers_and_models_are_read_as_no_json(text: str) -> None:
    for read in (loads, _object, lambda t: read_reply(t, Request(model="m", messages=()))):
        with pytest.raises(Exception, match=r"deep|JSON|json") as caught:
            read(text)
        assert not isinstance(caught.value, RecursionError)
    assert words(text)
    assert unwrap(text)
    assert prompt.parse(answer(text), count=1) == [None]
    assert read_grade(answer(text)) is None
    assert parse('{"tasks": [' + text, Form("json", labels=False), cut=False)


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "records": ("x.jsonl", lambda path: list(jsonl.read(path))),
    "results": ("results.json", read_results),
    "report": ("report.json", lambda path: read_scores(path, None)),
    "counts": (COUNTS, lambda path: read_counts(path.parent)),
    "corpus": ("a.json", read_json),
    "questions": ("13B1_golden.json", _in),
    "parse": ("b.json", lambda path: parse_json(path.read_text(), path)),
    "journal": (
        "j.jsonl",
        lambda path: Journal.read(path, what="a row", starts=(b"{", b"{"), hint=""),
    ),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", [LISTS, OBJECTS], ids=["lists", "objects"])
def test_files_are_refused(name: str, text: str, tmp_path: Path) -> None:
    file, read = READERS[name]
    path = tmp_path / file
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(FAULTS):
        read(path)


def test_other_notations_are_refused(tmp_path: Path) -> None:
    toml = tmp_path / "m.toml"
    toml.write_text(f"a = {LISTS}", encoding="utf-8")
    for load in (load_mixture, load_recipe):
        with pytest.raises(BioinstructError):
            load(str(toml))
    for items in (_items, _names):
        for text in (LISTS, "[" * 100_000, LISTS + "]" * 1000):
            with pytest.raises(ValueError, match="expected"):
                items(text)
    xml = ("<a>" * 1000 + "</a>" * 1000).encode()
    with pytest.raises(BioinstructError, match="deep"):
        xmltree.parse(xml, tmp_path, root="a")
    card = tmp_path / "README.md"
    card.write_text(f"---\nlicense: {LISTS}\n---\n", encoding="utf-8")
    with pytest.raises(BioinstructError):
        licenses_of_card(card)
    (tmp_path / "statistics.json").write_text(LISTS, encoding="utf-8")
    assert not _is_published(tmp_path)
    assert json.loads("[" * 900 + "]" * 900)
