"""A server repeats every secret in every form, and none is in a byte that a run wrote."""

from __future__ import annotations

import base64
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import write
from bioinstruct.bench.cli.main import main as bench
from bioinstruct.cli.main import main
from bioinstruct.generation import run
from bioinstruct.llm.batch_runner import Batching, ask_in_batches
from tests.batch_server import Batches
from tests.generation.teacher import answer, form_of
from tests.openai_server import Arrived, Json, Reply, Server, Settings, digest_of, error
from tests.records import records
from tests.secrets import DRESSES, found, found_in

USER, PASSWORD = "a.user", "pass/word+of&12 letters"
pytestmark = pytest.mark.peer

KEY, QUERY = "sk-a-key-of-the-tests-0123", "key=of=the=query/77"
SECRETS = [f"{USER}:{PASSWORD}", PASSWORD, KEY, QUERY]
SPOILT = ("echo-500", "echo-body", "echo-half", "echo-400", "echo-refusal", "echo-parts")


class Echo(Server):
    """A server that repeats what it was sent, each time in another form."""

    def __init__(self, write: Callable[[str, Json, int], str]) -> None:
        super().__init__(Settings(answer=self.text))
        self.heard: list[str] = []
        self._write_text = write
        self._worn = itertools.cycle(itertools.product(DRESSES, SECRETS))

    def worn(self) -> str:
        dress, secret = next(self._worn)
        return DRESSES[dress](secret)

    def text(self, body: Json, sample: int) -> str:
        return self._write_text(self.worn(), body, sample)

    async def _dispatch(self, arrived: Arrived) -> Reply:
        self.heard += [arrived.headers.get("authorization", ""), arrived.query]
        return await super()._dispatch(arrived)

    async def _spoil(self, fault: str, body: Json, key: str, sample: int) -> Reply:
        worn = self.worn()
        match fault:
            case "echo-500" | "echo-400" | "echo-401":
                return error(int(fault[5:]), f"You sent {worn}, which is wrong")
            case "echo-body":
                said = {"error": {"message": f"upstream refused {worn}", "code": 502}}
                return Reply(200, json.dumps(said).encode())
            case "echo-half":
                return Reply(200, b'{"choices": [{"said": ' + json.dumps(worn).encode())
            case "echo-refusal":
                content = self._content("refusal", body, "", key)
                content["choices"][0]["message"]["refusal"] = f"I will not say {worn}"
                return Reply(200, json.dumps(content).encode())
            case "echo-parts":
                content = self._content("ok", body, "", key)
                cut = len(worn) // 2
                parts = [{"type": "text", "text": piece} for piece in (worn[:cut], worn[cut:])]
                content["choices"][0]["message"]["content"] = parts
                return Reply(200, json.dumps(content).encode())
        return await super()._spoil(fault, body, key, sample)


@pytest.fixture
def echo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Callable[[str, Json, int], str]], Echo]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    running = []

    def start(write: Callable[[str, Json, int], str]) -> Echo:
        server = Echo(write)
        context = server.running()
        context.__enter__()
        running.append(context)
        place = server.url.removeprefix("http://")
        quoted = "pass%2Fword%2Bof%2612%20letters"
        query = "api-key=key%3Dof%3Dthe%3Dquery%2F77&api-version=2024-10-21"
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://{USER}:{quoted}@{place}?{query}")
        return server

    yield start
    for context in running:
        context.__exit__(None, None, None)


def check(server: Echo, folder: Path, said: str, *, holds: str) -> None:
    """Check that the server heard the secrets, repeated them, and that no byte holds one."""
    sent = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert any(sent in one or KEY in one for one in server.heard)
    assert any(QUERY in one.replace("%3D", "=").replace("%2F", "/") for one in server.heard)
    assert found(said.encode(), SECRETS) == []
    assert found_in(folder, SECRETS) == {}
    assert "[key]" in (folder / holds).read_text(encoding="utf-8"), "nothing was repeated"


def command(
    capsys: pytest.CaptureFixture[str], start: Callable[[list[str]], Any], *args: object
) -> str:
    with pytest.raises(SystemExit):
        start([str(arg) for arg in args])
    return "".join(capsys.readouterr())


def task(worn: str, body: Json, sample: int) -> str:
    """Return the tasks that were asked for, in every other answer with a secret in each.

    A record with [key] in it is rejected as one with a placeholder.
    """
    text = answer(body, sample)
    if digest_of(body, sample)[0] in "01234567":
        return text
    if form_of(body["messages"][-1]["content"]).format == "json":
        worn = json.dumps(worn)[1:-1]
    return text.replace("β", worn)


USUAL = ("--model", "gpt-4", "--count", 60, "--license", "CC0-1.0", "--out", "made.jsonl")


def test_generation_leaks_no_secret(
    echo: Callable[..., Echo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = echo(task)
    server.settings.script.extend(SPOILT)
    said = command(capsys, main, "generate", *USUAL, "--timeout", 2)
    check(server, tmp_path, said, holds="made.rejected.jsonl")
    assert "[key]" in (tmp_path / "made.transcript.jsonl").read_text(encoding="utf-8")


def test_batches_leak_no_secret(
    echo: Callable[..., Echo],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = Batching(first_poll=0.001, longest_poll=0.004, doubt=0.01, submissions=9)
    monkeypatch.setattr(
        run, "ask_in_batches", lambda *a, **s: ask_in_batches(*a, **s, batching=quick)
    )
    server = echo(task)
    batches = Batches(server)
    batches.failing = 0.2
    said = command(capsys, main, "generate", *USUAL, "--batch")
    check(server, tmp_path, said, holds="made.rejected.jsonl")
    batches.bad_line = {"error": {"message": f"no: {server.worn()}", "code": "content_filter"}}
    again = (*USUAL[:-1], "more.jsonl")
    check(
        server, tmp_path, command(capsys, main, "generate", *again, "--batch"), holds="made.jsonl"
    )


@pytest.mark.parametrize("dress", ["base64", "over lines", "base64 of a header"])
def test_an_error_that_ends_a_run_leaks_no_secret(
    dress: str, echo: Callable[..., Echo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = echo(task)
    server._worn = itertools.cycle([(dress, secret) for secret in SECRETS])
    for _ in SECRETS:
        server.settings.script.append("echo-401")
        said = command(capsys, main, "generate", *USUAL, "--concurrency", 1)
        assert "says 401: You sent [key]" in said
        assert found(said.encode(), SECRETS) == []
    assert found_in(tmp_path, SECRETS) == {}


def test_labels_leak_no_secret(
    echo: Callable[..., Echo], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def labels(worn: str, body: Json, sample: int) -> str:
        shown = json.loads(body["messages"][1]["content"])["records"]
        found = [{"number": row["number"], "category": "QA"} for row in shown]
        return json.dumps({"labels": found, "thought": worn}) if sample % 2 else worn

    server = echo(labels)
    server.settings.script.extend(SPOILT)
    write("in.jsonl", records(40))
    how = ("--by", "teacher", "--model", "m", "--records", 2)
    said = command(capsys, main, "label", "in.jsonl", "--out", "made.jsonl", *how)
    check(server, tmp_path, said, holds="made.transcript.jsonl")


def test_endpoint_and_judge_leak_no_secret(
    echo: Callable[..., Echo],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    server = echo(lambda worn, body, sample: f"The answer is {worn}.")
    address = os.environ["OPENAI_BASE_URL"]
    free = ("--judge", "j", "--price", 0, 0, "--budget", 1)
    ask = ("--endpoint", address, "--model", "m", "--tasks", "demo-qa", "demo-gen", "--limit", 8)
    server.settings.script.extend([one for one in SPOILT if one != "echo-400"])
    said = command(capsys, bench, *ask, *free, "--out", tmp_path)
    check(server, tmp_path, said, holds="endpoint.transcript.jsonl")
    assert "[key]" in (tmp_path / "answers.jsonl").read_text(encoding="utf-8")
    assert (tmp_path / "judge.transcript.jsonl").is_file()
