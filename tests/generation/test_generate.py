from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bioinstruct.errors import BioinstructError, MissingError
from bioinstruct.generation import Progress, Settings, generate, get_recipe
from bioinstruct.jsonl import read
from bioinstruct.llm.client import Client
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Request, Response
from bioinstruct.schema import Instruction
from tests.generation.teacher import answer
from tests.openai_server import Server
from tests.openai_server import Settings as Behaviour


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Behaviour(answer=answer)).running() as server:
        yield server


@pytest.fixture(autouse=True)
def _endpoint(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")


def make(out: Path | None, count: int = 40, **changes: Any) -> Any:
    teacher = {"transcript": changes.pop("transcript", None), **changes.pop("teacher", {})}
    model, license = changes.pop("model", "gpt-4"), changes.pop("license", "CC-BY-4.0")
    how = {"watch": changes.pop("watch", None), "replace": changes.pop("replace", False)}
    settings = Settings(**changes)
    client = Client(model, **teacher)
    return generate(client, count, license=license, out=out, settings=settings, **how)


def rejects(out: Path) -> list[dict[str, Any]]:
    path = out.with_name(f"{out.stem}.rejected.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_exactly_as_many_records_as_were_wanted_and_every_part_is_accounted_for(
    server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    made = make(out, 203)
    records = list(read(out))
    assert len(records) == made.tally.accepted == 203
    assert made.stopped == ""
    rejected = rejects(out)
    assert len(rejected) == made.tally.rejected
    assert made.tally.reasons["near-duplicate"] > 0
    taken = {record.provenance.document for record in records}
    left = {f"{reject['request']}.{reject['item']}" for reject in rejected}
    assert not taken & left
    assert made.tally.requests <= server.answered.total() <= made.tally.requests + 16
    assert made.tally.completion_tokens > 0


def test_the_same_bytes_whatever_the_order_in_which_answers_come(
    server: Server, tmp_path: Path
) -> None:
    for name, concurrency in (("one", 1), ("many", 32)):
        make(tmp_path / f"{name}.jsonl", 60, teacher={"concurrency": concurrency})
    one, many = (tmp_path / f"{name}.jsonl" for name in ("one", "many"))
    assert one.read_bytes() == many.read_bytes()
    assert rejects(one) == rejects(many)


def test_another_run_asks_nothing_and_a_longer_one_only_what_is_new(
    server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    make(out, 40)
    before, asked = out.read_bytes(), server.asked.copy()
    make(out, 40)
    assert server.asked == asked
    assert out.read_bytes() == before
    make(out, 90)
    assert out.read_bytes().startswith(before)
    assert set(server.asked.values()) == {1}


def test_a_replay_needs_no_server_and_can_have_other_thresholds(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, transcript = tmp_path / "made.jsonl", tmp_path / "made.transcript.jsonl"
    make(out, 100)
    asked = server.asked.total()
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    teacher = {"transcript": transcript, "replay": True}
    make(tmp_path / "again.jsonl", 100, teacher=teacher)
    assert (tmp_path / "again.jsonl").read_bytes() == out.read_bytes()
    assert rejects(tmp_path / "again.jsonl") == rejects(out)
    whole = make(tmp_path / "whole.jsonl", 10**6, teacher=teacher)
    loose = make(
        tmp_path / "loose.jsonl", 10**6, teacher=teacher, near_duplicates=1, rules=["none"]
    )
    strict = make(tmp_path / "strict.jsonl", 10**6, teacher=teacher, near_duplicates=0.3)
    assert strict.tally.accepted < whole.tally.accepted < loose.tally.accepted
    assert loose.tally.reasons["near-duplicate"] == 0
    assert strict.tally.requests == loose.tally.requests == asked
    assert server.asked.total() == asked


def test_prompts_with_machine_examples_do_not_depend_on_the_thresholds_of_the_dataset(
    server: Server, tmp_path: Path
) -> None:
    recipe = replace(get_recipe("self-instruct"), round=4)
    out = tmp_path / "made.jsonl"
    make(out, 100, recipe=recipe)
    records = list(read(out))
    ids = {record.id for record in records}
    shown = [set(r.provenance.teacher.examples) & ids for r in records if r.provenance.teacher]
    number = [int((r.provenance.document or "").partition(".")[0]) for r in records]
    assert all(not s for s, n in zip(shown, number, strict=True) if n < 4), "the first round"
    assert all(len(s) == 2 for s, n in zip(shown, number, strict=True) if n >= 4)
    teacher = {"transcript": tmp_path / "made.transcript.jsonl", "replay": True}
    strict = make(
        tmp_path / "strict.jsonl", 100, recipe=recipe, teacher=teacher, near_duplicates=0.2
    )
    assert strict.tally.requests >= max(number), "all that is on record fits"
    assert 0 < strict.tally.accepted < 100


def test_records_come_back_in_memory_without_a_file(tmp_path: Path) -> None:
    made = make(None, 12, transcript=tmp_path / "t.jsonl", recipe="alpaca", format="json")
    assert len(made.examples) == 12
    assert all(isinstance(example, Instruction) for example in made.examples)
    assert {example.task for example in made.examples} == {"generated"}
    with pytest.raises(BioinstructError, match="no file for the transcript"):
        make(None, 12)


def test_it_works_inside_a_running_loop_as_in_a_notebook(tmp_path: Path) -> None:
    async def cell() -> Any:
        return make(tmp_path / "made.jsonl", 10)

    assert asyncio.run(cell()).tally.accepted == 10


def test_a_budget_ends_the_run_with_what_it_has_and_a_larger_one_goes_on(
    server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    price = (0, 100)  # dollars per million tokens: a request can cost 0.31 at most
    made = make(out, 300, teacher={"budget": 1.5, "price": price, "concurrency": 2})
    assert 0 < made.tally.accepted < 300
    assert "the budget of 1.5 USD" in made.stopped
    assert "--budget" in made.hint
    kept = out.read_bytes()
    assert len(list(read(out))) == made.tally.accepted
    asked = set(server.asked)
    make(out, made.tally.accepted + 20, teacher={"budget": 9, "price": price})
    assert out.read_bytes().startswith(kept)
    assert all(server.asked[key] == 1 for key in asked)
    with pytest.raises(BioinstructError, match="budget"):
        make(tmp_path / "poor.jsonl", 5, teacher={"budget": 0.01, "price": price})
    assert not (tmp_path / "poor.jsonl").exists()


def test_rounds_without_a_record_end_the_run_with_the_reason(
    server: Server, tmp_path: Path
) -> None:
    server.settings.answer = lambda body, sample: "I cannot help with that."
    recipe = replace(get_recipe("bioinstruct"), round=5, fruitless=2)
    made = make(tmp_path / "made.jsonl", 10, recipe=recipe)
    assert made.stopped == (
        "no record was accepted from the last 10 answers; most were rejected as unparsable"
    )
    assert not (tmp_path / "made.jsonl").exists()
    assert [r["reason"] for r in rejects(tmp_path / "made.jsonl")] == ["unparsable"] * 10


def test_a_run_that_accepts_nothing_stops_after_32_answers_and_says_what_came(
    server: Server, tmp_path: Path
) -> None:
    from bioinstruct.cli.cost import cost_lines

    server.settings.answer = lambda body, sample: "Sure! Here are some tasks for you."
    made = make(tmp_path / "made.jsonl", 500)
    assert made.tally.requests == 32
    assert "nothing was accepted from the first 32 answers (unparsable 32)" in made.stopped
    assert "Sure! Here are some tasks" in made.stopped
    [line] = cost_lines(tmp_path / "made.transcript.jsonl", (1.0, 2.0))
    answers = [outcome for _, outcome in _outcomes(tmp_path / "made.transcript.jsonl")]
    tokens = sum(a.prompt_tokens for a in answers), sum(a.completion_tokens for a in answers)
    assert f"{tokens[0]:,} tokens in, {tokens[1]:,} out" in line
    assert f"{len(answers):,} requests" in line


def _outcomes(path: Path) -> list[tuple[Request, Response]]:
    with Transcript.read(path) as transcript:
        return list(transcript)


def test_a_refused_request_is_kept_and_the_others_go_on(server: Server, tmp_path: Path) -> None:
    server.settings.refuse = 0.3
    made = make(tmp_path / "made.jsonl", 60)
    assert made.tally.accepted == 60
    refused = [r for r in rejects(tmp_path / "made.jsonl") if r["item"] == 0]
    assert len(refused) == made.tally.failed > 0
    assert "content policy" in refused[0]["detail"]


def test_two_settings_in_one_transcript_are_refused_before_anything_is_paid(
    server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    make(out, 10)
    asked = server.asked.total()
    replay = {"transcript": tmp_path / "made.transcript.jsonl", "replay": True}
    for teacher in ({}, replay):
        with pytest.raises(BioinstructError, match="made with other settings") as caught:
            make(out, 10, teacher=teacher, seed=1)
        assert "(seed 42, now 1)" in str(caught.value)
    assert server.asked.total() == asked
    before = out.read_bytes()
    with pytest.raises(BioinstructError, match="nothing was written"):
        make(out, 10, near_duplicates=0.5, rules=["none"], license="MIT")
    assert out.read_bytes() == before
    make(out, 10, near_duplicates=0.5, rules=["none"], license="MIT", replace=True)


def test_what_is_wrong_is_told_before_anything_is_asked(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"license": "free for all!"}, "'free for all!' is not an SPDX licence expression"),
        ({"recipe": "none"}, "no recipe named 'none'"),
        ({"rules": ["nice"]}, "no rule named 'nice'"),
        ({"format": "xml"}, "no format named 'xml'"),
        ({"near_duplicates": 7}, "7"),
        ({"seeds": []}, "0 seeds"),
        ({"model": " "}, "the teacher has no name"),
        ({"count": 0}, "0 records are nothing to generate"),
        ({"attributes": {"colour": ()}}, "the attribute 'colour' has no values"),
    ]
    for changes, message in wrong:
        with pytest.raises(BioinstructError, match=message):
            make(out, **{"count": 5, **changes})
    with pytest.raises(MissingError, match="no transcript"):
        make(out, 5, teacher={"replay": True})
    assert server.asked.total() == 0
    assert not out.exists()


def test_progress_is_told_to_who_watches(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def watch(progress: Progress) -> None:
        seen.append((progress.tally.accepted, progress.tally.wanted))

    make(tmp_path / "made.jsonl", 30, watch=watch)
    assert seen[-1] == (30, 30)
    assert [a for a, _ in seen] == sorted(a for a, _ in seen)


def test_a_client_of_your_own_is_used(server: Server, tmp_path: Path) -> None:
    client = OpenAIClient(base_url=server.url, api_key="other")
    for name in ("a", "b"):  # its connections end with each run
        make(tmp_path / f"{name}.jsonl", 5, teacher={"provider": client})
    assert server.asked.total() > 0


def test_a_server_without_schemas_says_what_to_do(server: Server, tmp_path: Path) -> None:
    server.settings.schemas = False
    with pytest.raises(BioinstructError) as caught:
        make(tmp_path / "made.jsonl", 5, model="gpt-4o")
    assert "--format delimited" in caught.value.hint
    assert make(tmp_path / "other.jsonl", 5, model="gpt-4o", format="delimited").tally.accepted == 5
