from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import tokens
from bioinstruct.llm import request_tokens
from bioinstruct.llm.request_tokens import TokenCounter, charged, prompt_bound
from bioinstruct.llm.types import Answer, Failure
from tests.llm.asking import request


def answer(text: str, prompt_tokens: int, completion_tokens: int) -> Answer:
    return Answer(
        text=text,
        finish_reason="stop",
        model="teacher",
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    tokens.tiktoken_encoding.cache_clear()
    request_tokens._counter.cache_clear()


@pytest.fixture
def bytes_as_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of tiktoken with an encoding in it: bytes, and one word, are its tokens."""
    import tiktoken.load

    words = [bytes([n]) for n in range(256)] + [b"gene"]
    lines = [base64.b64encode(word) + b" %d\n" % rank for rank, word in enumerate(words)]
    url = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
    (tmp_path / hashlib.sha1(url.encode()).hexdigest()).write_bytes(b"".join(lines))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tiktoken.load, "check_hash", lambda data, expected: True)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})


@pytest.mark.usefixtures("bytes_as_tokens")
def test_an_encoding_in_the_cache_of_tiktoken_is_used() -> None:
    counter = TokenCounter("gpt-4")
    assert counter.exact
    assert counter.method == "by tiktoken, cl100k_base"
    assert counter.text("a b") == 3
    assert counter.text("gene") <= 4
    assert counter.prompt(request(0, words=0)) == len("Question 0") + 4 + 3


def test_without_an_encoding_and_a_network_it_says_how_it_counts(tmp_path: Path) -> None:
    begun = time.monotonic()
    counter = TokenCounter("gpt-4")
    assert not counter.exact
    assert "cl100k_base of tiktoken is not available" in counter.method
    assert counter.text("abcdefg") == 3
    assert time.monotonic() - begun < 10


def test_a_network_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import tiktoken

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(tokens, "_PATIENCE", 0.05)
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: time.sleep(10))
    begun = time.monotonic()
    assert not TokenCounter("gpt-4").exact
    assert time.monotonic() - begun < 5


def test_a_model_that_tiktoken_does_not_know_is_estimated() -> None:
    counter = TokenCounter("llama-3-70b")
    assert not counter.exact
    assert "does not know llama-3-70b" in counter.method


@given(st.text())
def test_a_prompt_is_bounded_by_its_bytes(text: str) -> None:
    one = request(0, words=0, schema=text)
    assert prompt_bound(one) >= len(text.encode("utf-8", "replace")) + len("Question 0")
    assert TokenCounter("none").prompt(one) <= prompt_bound(one)


def test_counts_that_can_be_true_are_believed() -> None:
    one = request(0, words=100)  # 610 bytes
    found = charged(one, answer("word " * 20, 150, 30))
    assert (found.prompt_tokens, found.completion_tokens) == (150, 30)
    assert not found.misreported


def test_counts_of_nothing_give_way_to_our_own() -> None:
    one = request(0, words=100)
    found = charged(one, answer("word " * 20, 0, 0))
    assert found.misreported
    assert 610 / 4 < found.prompt_tokens <= prompt_bound(one)
    assert 20 <= found.completion_tokens <= 50


def test_absurd_counts_give_way_to_the_bound() -> None:
    one = request(0, words=100, max_tokens=200)
    found = charged(one, answer("word " * 20, 10**9, 10**9))
    assert found.misreported
    assert (found.prompt_tokens, found.completion_tokens) == (prompt_bound(one), 200)


def test_a_failure_costs_what_it_says() -> None:
    refused = Failure(reason="refusal", message="no", prompt_tokens=50, completion_tokens=5)
    found = charged(request(), refused)
    assert (found.prompt_tokens, found.completion_tokens) == (50, 5)
    assert charged(request(), Failure(reason="bad-request", message="")).prompt_tokens == 0
