"""A server that is not ours: `transformers serve` with the model that ships with the package."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import bioinstruct
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.rate_limit import Retries
from bioinstruct.llm.runner import ask
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Message, Request, Response
from tests.records import record

pytest.importorskip("fastapi", reason="needs bioinstruct[serve]")
pytest.importorskip("uvicorn", reason="needs bioinstruct[serve]")
pytestmark = pytest.mark.peer

TINY = Path(bioinstruct.__file__).parent / "data" / "tiny"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


@dataclass
class Serving:
    """A server that runs, and the name of its model."""

    url: str
    model: str
    log: Path

    def request(self, text: str, **settings: object) -> Request:
        turns = (Message("user", text),)
        settings = {"max_tokens": 12, "temperature": 0, **settings}
        return Request(model=self.model, messages=turns, **settings)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    model, log = folder / "tiny-chat", folder / "log.txt"
    shutil.copytree(TINY, model)
    (model / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", model]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield Serving(f"http://127.0.0.1:{port}/v1", str(model), log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5) as reply:
            if reply.status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text(encoding="utf-8"))


def complete(serving: Serving, request: Request, *, timeout: float = 60) -> Response:
    async def work() -> Response:
        retries = Retries(attempts=2, first_delay=0.01)
        async with OpenAIClient(base_url=serving.url, timeout=timeout, retries=retries) as client:
            return await client.complete(request)

    return asyncio.run(work())


def test_an_answer_has_its_text_its_end_and_true_counts_of_tokens(serving: Serving) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(serving.model)
    text = "What are the symptoms of"
    answer = complete(serving, serving.request(text))
    assert isinstance(answer, Answer)
    assert answer.text.strip()
    assert answer.finish_reason == "length"
    assert answer.completion_tokens == 12
    assert answer.prompt_tokens == len(tokenizer(text + "\n")["input_ids"])
    assert answer.model.startswith(serving.model)
    assert complete(serving, serving.request(text)) == answer, "greedy: the same again"
    ended = complete(serving, serving.request("The patient was", max_tokens=200, stop=(".",)))
    assert isinstance(ended, Answer)
    assert ended.finish_reason == "stop"
    assert ended.completion_tokens < 200


def test_many_at_once_come_in_order_and_are_on_record(serving: Serving, tmp_path: Path) -> None:
    asked = [serving.request(f"Patient {number} was", max_tokens=6) for number in range(12)]
    path = tmp_path / "t.jsonl"

    async def work() -> list[tuple[Request, Response]]:
        async with OpenAIClient(base_url=serving.url) as client:
            with Transcript.open(path, base_url=client.base_url) as transcript:
                async with aclosing(ask(asked, client, transcript, concurrency=4)) as outcomes:
                    return [pair async for pair in outcomes]

    first = asyncio.run(work())
    assert [one for one, _ in first] == asked
    assert all(isinstance(outcome, Answer) for _, outcome in first)
    requests = serving.log.read_text(encoding="utf-8").count("[Request received]")
    assert asyncio.run(work()) == first
    assert serving.log.read_text(encoding="utf-8").count("[Request received]") == requests


def test_what_it_refuses_comes_back_in_its_words(serving: Serving) -> None:
    wrong = Request(model="gpt-4", messages=(Message("user", "x"),), max_tokens=5)
    failure = complete(serving, wrong)
    assert isinstance(failure, Failure)
    assert failure.reason == "bad-request"
    assert "requested 'gpt-4'" in failure.message


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_is_answered(
    serving: Serving,
) -> None:
    long = serving.request("The patient", max_tokens=400, temperature=1.0)
    failure = complete(serving, long, timeout=0.05)
    assert isinstance(failure, Failure)
    assert failure.reason == "retries-exhausted"
    assert "time-out, no complete answer in 0.05 s" in failure.message
    assert isinstance(complete(serving, serving.request("The patient")), Answer)


@pytest.fixture
def command(serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("OPENAI_BASE_URL", serving.url)
    seeds = tmp_path / "seeds.jsonl"  # short, for short prompts
    texts = [record(number, instruction=f"Name gene {number}.").row() for number in range(8)]
    seeds.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    executable = str(Path(sys.executable).with_name("bioinstruct"))
    arguments = ["generate", "--model", serving.model, "--count", "3", "--license", "CC0-1.0"]
    arguments += ["--seeds", str(seeds)]
    return [executable, *arguments, "--max-tokens", "4", "--concurrency", "4"]


def test_generating_runs_to_its_end_and_says_that_a_tiny_model_writes_no_records(
    command: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    done = subprocess.run([*command, "--out", out], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "first 32 answers" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
    rejected = (tmp_path / "made.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rejected) == 32
    assert {json.loads(line)["reason"] for line in rejected} <= {"unparsable", "cut-off"}
    with Transcript.read(tmp_path / "made.transcript.jsonl") as transcript:
        assert len(transcript) >= 32
        answers = [outcome for _, outcome in transcript if isinstance(outcome, Answer)]
    assert len(answers) >= 32
    assert all(answer.prompt_tokens > 200 for answer in answers)


def test_generating_in_batches_says_that_it_has_none(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    done = subprocess.run(
        [*command, "--batch", "--out", out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "this endpoint may have no Batch API: leave --batch out" in done.stderr
