"""Tasks about documents, and the checks of what a teacher writes about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import BioinstructError
from bioinstruct.errors import MissingError, UnknownNameError
from bioinstruct.generation import Settings, generate
from bioinstruct.generation.checks import CHECKS, choose_checks
from bioinstruct.generation.documents import Document, read_documents
from bioinstruct.llm.client import Client
from bioinstruct.llm.types import Answer, Request
from bioinstruct.rejection import Rejection
from tests.generation.teacher import form_of
from tests.records import record

NOTES = [
    Document(f"notes/{n}", f"She takes drug{n} {n + 20} mg twice a day for gout. No fever.")
    for n in range(4)
]


class Quoting:
    """A teacher that quotes the document of its prompt, in every second task wrongly."""

    base_url = "local://quoting"

    async def complete(self, request: Request) -> Answer:
        prompt = request.messages[0].content
        found = re.search(r"\nThe document:\n\n(.*)\n\nNow write 5 new tasks about", prompt)
        assert found, prompt
        drug, dose = found[1].split()[2:4]
        form = form_of(prompt)
        wanted = f"What does it say of {drug}, {dose} mg, sample {request.sample}?"
        tasks = [
            record(instruction=wanted, output=f'It says "takes {drug} {dose} mg twice a day".'),
            record(instruction=f"Why is {drug} given to this woman?", output='For "acute gout".'),
        ]
        return Answer(
            text=form.show(tasks),
            finish_reason="stop",
            model=request.model,
            prompt_tokens=1,
            completion_tokens=1,
        )


@pytest.mark.parametrize("format", ["json", "delimited"])
def test_tasks_are_about_the_documents_and_quote_them(tmp_path: Path, format: str) -> None:
    client = Client("m", provider=Quoting(), transcript=tmp_path / "t.jsonl")
    settings = Settings(format=format, documents=NOTES, rules=["none"])
    made = generate(client, 4, license="CC0-1.0", settings=settings)
    assert [one.input for one in made] == [note.text for note in NOTES]
    assert [one.provenance.document for one in made] == [note.id for note in NOTES]
    assert {one.reason for one in made.rejected} == {"span"}
    assert "'acute gout' is not in the input" in {one.detail for one in made.rejected}
    other = Settings(format=format, documents=NOTES[:3], rules=["none"])
    with pytest.raises(BioinstructError, match="documents"):
        generate(client, 4, license="CC0-1.0", settings=other)
    replayed = Client("m", replay=True, transcript=tmp_path / "t.jsonl")
    assert list(generate(replayed, 4, license="CC0-1.0", settings=settings)) == list(made)


@pytest.mark.parametrize(
    ("check", "instruction", "output", "good"),
    [
        ("span", "What is said?", 'It says "no FEVER".', True),
        ("span", "What is said?", 'It says "no chills".', False),
        ("span", "List the symptoms.", "- no chills", True),
        ("span", "Quote the finding.", "- No fever.\n- She takes aspirin", True),
        ("span", "Quote the finding.", "- No fever.\n- She has chills", False),
        ("span", "Copy out the drug verbatim.", "Drug: aspirin", True),
        ("span", "Give the drug as JSON.", '{"drug name": "warfarin"}', True),
        ("span", "Give the exact words as JSON.", '{"drug name": "aspirin"}', True),
        ("span", "Give the exact words as JSON.", '{"drug name": "warfarin"}', False),
        ("span", "Quote the allergy.", "none", True),
        ("numbers", "Give the dose.", "100.0 mg, 2 times a day", True),
        ("numbers", "Give the dose.", "1. aspirin\n2. 1000 units", True),
        ("numbers", "Give the dose.", "1,000 units of 200 mg", False),
        ("json", "Answer in JSON.", '```json\n{"a": 1}\n```', True),
        ("json", "Answer in JSON.", "{'a': 1}", False),
        ("json", "Answer.", "{'a': 1}", True),
    ],
)
def test_checks_reject_what_is_not_in_the_input(
    check: str, instruction: str, output: str, good: bool
) -> None:
    text = "She takes aspirin 100 mg two times a day, 1,000 units. No fever."
    one = record(instruction=instruction, input=text, output=output)
    fault = CHECKS[check](one)
    assert (fault is None) == good, fault
    assert CHECKS["span"](record(input="", output='"free"')) is None


def test_a_file_of_checks_is_run_and_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "def check_short(r):\n    return 'long' if len(r.output) > 9 else None\n"
        "def check(r):\n    return 1 / 0\n",
        "utf-8",
    )
    checks = choose_checks(["json", str(path)])
    assert list(checks) == ["json", "check-short", "check"]
    assert checks["check-short"](record(output="0123456789")) == "long"
    assert checks["check-short"](record(output="x")) is None
    with pytest.raises(BioinstructError, match="check: ZeroDivisionError"):
        checks["check"](record())
    path.write_text("x = 1\n", "utf-8")
    with pytest.raises(BioinstructError, match="has no check"):
        choose_checks([str(path)])
    with pytest.raises(UnknownNameError):
        choose_checks(["spans"])


def _jsonl(path: Path) -> None:
    rows = [{"note_id": 7, "note": "a"}, {"note": " "}, {"note": "a"}, {"x": 1}, {"note": "b"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _csv(path: Path) -> None:
    path.write_text("note_id,note\n7,a\n8,\n9,a\n10,b\n", "utf-8")


@pytest.mark.parametrize(
    ("name", "write", "ids"),
    [("n.jsonl", _jsonl, {"n/3", "n/5"}), ("n.csv", _csv, {"n/9", "n/10"})],
)
def test_documents_are_read_from_files(
    tmp_path: Path, name: str, write: Callable[[Path], None], ids: set[str]
) -> None:
    write(tmp_path / name)
    rejected: list[Rejection] = []
    found = read_documents(str(tmp_path / name), rejected=rejected)
    assert {one.text for one in found} == {"a", "b"}
    assert {one.id for one in found} == ids
    assert [one.place["line"] for one in rejected] == ([4] if name.endswith("l") else [])
    if rejected:
        with pytest.raises(BioinstructError, match="no text in"):
            read_documents(str(tmp_path / name))
    with pytest.raises(BioinstructError, match="no text in words"):
        read_documents(str(tmp_path / name), column="words")


def test_what_may_not_be_passed_on_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(BioinstructError, match="may not be passed on"):
        read_documents("i2b2-2010")
    closed: dict[str, Any] = record(input="x").row()
    closed["provenance"]["origin"] = "i2b2-2010"
    (tmp_path / "r.jsonl").write_text(json.dumps(closed) + "\n", "utf-8")
    with pytest.raises(BioinstructError, match="may not be passed on"):
        read_documents(str(tmp_path / "r.jsonl"))
    with pytest.raises(MissingError):
        read_documents("no-such-file.jsonl")
    assert {one.id.split("/")[0] for one in read_documents("demo", split="test")} == {"demo"}
