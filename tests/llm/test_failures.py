from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioinstruct.llm.errors import classify_error, words
from bioinstruct.llm.responses import TryAgainError, read_reply
from bioinstruct.llm.types import Answer
from tests.llm.asking import request


def body(message: str = "words", **more: object) -> str:
    return json.dumps({"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("status", "said", "fate", "reason"),
    [
        (400, body(code="content_filter"), "fail", "content-filter"),
        (400, body(code="content_policy_violation"), "fail", "content-filter"),
        (400, body("too long", code="context_length_exceeded"), "fail", "bad-request"),
        (422, '{"detail": [{"msg": "no"}]}', "fail", "bad-request"),
        (400, body("Unsupported value: 'temperature'", param="temperature"), "stop", "bad-request"),
        (400, body("Unknown parameter: 'max_completion_tokens'"), "rename", "bad-request"),
        (422, '{"detail": "max_tokens: extra fields not permitted"}', "rename", "bad-request"),
        (400, body("max_tokens is too large: 99999"), "fail", "bad-request"),
        (401, body(), "stop", "http-401"),
        (402, body("Insufficient Balance"), "stop", "http-402"),
        (403, "<html>no</html>", "stop", "http-403"),
        (404, body(), "stop", "http-404"),
        (405, "", "stop", "http-405"),
        (408, "", "again", "http-408"),
        (409, "", "again", "http-409"),
        (429, body(code="rate_limit_exceeded"), "again", "http-429"),
        (429, body(code="insufficient_quota"), "stop", "no-quota"),
        (429, body(type="insufficient_quota"), "stop", "no-quota"),
        (500, "", "again", "http-500"),
        (502, "<html>bad gateway</html>", "again", "http-502"),
        (529, "", "again", "http-529"),
    ],
)
def test_each_error_has_its_fate(status: int, said: str, fate: str, reason: str) -> None:
    verdict = classify_error(status, said)
    assert (verdict.fate, verdict.reason) == (fate, reason)
    assert bool(verdict.hint) == (fate == "stop")


@pytest.mark.parametrize(
    "said",
    [
        body("Invalid parameter: 'response_format' of type 'json_schema' is not supported"),
        '{"detail": "guided decoding is off"}',
    ],
)
def test_a_schema_is_unsupported_only_where_one_was_asked_for(said: str) -> None:
    assert classify_error(400, said, schema=True).fate == "schema"
    assert classify_error(400, said).fate == "fail"


@given(st.integers(400, 599), st.text())
def test_whatever_a_server_says_there_is_a_fate(status: int, said: str) -> None:
    assert classify_error(status, said).fate in {"again", "fail", "rename", "schema", "stop"}
    assert len(words(said)) < 600


@given(st.text())
def test_a_body_that_is_no_answer_is_tried_again(said: str) -> None:
    with pytest.raises(TryAgainError):
        read_reply(said, request())


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "usage", "finish_reason", "error",
                             "prompt_tokens", "completion_tokens", "model", "refusal", "code"]),
            inner),
    )
)  # fmt: skip
def test_no_json_of_a_server_can_upset_the_reader(content: object) -> None:
    try:
        outcome = read_reply(json.dumps(content), request())
    except TryAgainError:
        return
    assert outcome.prompt_tokens >= 0


def test_a_text_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]
    said = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    answer = read_reply(json.dumps(said), request())
    assert isinstance(answer, Answer)
    assert answer.text == "one two"
    assert answer.model == "teacher"
