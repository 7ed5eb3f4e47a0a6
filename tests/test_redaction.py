"""A secret is removed in whatever form it comes back, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.redaction import public_address, redactor, url_secrets
from tests.secrets import DRESSES, found

SECRET = 'pä ss/word+%41\\z"99&;é'
KEY = "local-secret-key"


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: sk-abcd************wxyz. You can find",
        "headers: {'Authorization': 'Bearer abc.def', 'x': 1}",
        "Authorization: Basic abc.def",
        "bearer abc.def.",
        "api-key: 0123456789abcdef was refused",
        "the key local-secret-key is old",
    ],
)
def test_what_looks_like_a_key_is_taken_out(said: str) -> None:
    clean = redactor(["local-secret-key"])(said)
    assert "[key]" in clean
    for secret in ("sk-", "wxyz", "abc.def", "0123456789abcdef", "local-secret-key"):
        assert secret not in clean


def test_an_answer_loses_the_key_itself_and_nothing_else() -> None:
    redact = redactor(["local-secret-key", "EMPTY"], guess=False)
    text = "A bearer of sk-deficiency has an EMPTY allele."
    assert redact(text) == text
    assert redact("local-secret-key") == "[key]"


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("secret", [KEY, SECRET, "user:correct-horse", "a" * 200])
def test_a_secret_is_removed_in_every_form_and_the_text_around_it_stays(
    dress: str, secret: str
) -> None:
    worn = DRESSES[dress](secret)
    text = f"The patient, {worn}; said so."
    assert found(text.encode(), [secret])
    clean = redactor([secret], guess=False)(text)
    assert found(clean.encode(), [secret]) == []
    assert "[key]" in clean
    assert clean.startswith("The patient, ")
    assert clean.endswith("; said so.")


@pytest.mark.parametrize("dress", DRESSES)
def test_json_stays_json_when_a_secret_in_it_is_removed(dress: str) -> None:
    for ascii_only in (True, False):
        text = f"one \n{DRESSES[dress](SECRET)}\n two"
        said = json.dumps({"a": text, "b": ["\n", "x"]}, ensure_ascii=ascii_only)
        content = json.loads(redactor([SECRET], guess=False)(said))
        assert content["b"] == ["\n", "x"]
        assert content["a"].startswith("one")
        assert content["a"].endswith("two")
        assert found(content["a"].encode(), [SECRET]) == []


@given(st.text(), st.text(min_size=8).filter(lambda text: len("".join(text.split())) > 7))
def test_any_secret_at_any_place_of_base64_is_removed(before: str, secret: str) -> None:
    secret = "".join(secret.split())
    raw = (before + secret + "tail").encode("utf-8", "replace")
    text = base64.b64encode(raw).decode()
    if secret.encode("utf-8", "replace").decode() == secret:
        assert redactor([secret], guess=False)(text) == "[key]"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_without_the_secret_stays_as_it_is(text: str) -> None:
    assert redactor(["never-in-a-text-0123456789"], guess=False)(text) == text


def test_the_secrets_of_an_address_are_known_in_the_forms_in_which_they_are_sent() -> None:
    address = "https://us%40er:pa%2Fss@host/v1?api-key=abc%2B1&api-version=2024-02-01&sig=xyz"
    assert url_secrets(address) == ["us@er:pa/ss", "pa/ss", "abc+1", "xyz"]
    assert url_secrets("https://only-a-token@host/v1") == ["only-a-token"]
    assert url_secrets("http://localhost:8000/v1") == []
    assert public_address(address) == "https://host/v1"


def test_a_long_text_takes_no_long_time() -> None:
    redact = redactor([KEY, quote(SECRET)])
    text = "lorem ipsum &amp; 100 % \\n " * 40_000
    assert redact(text) == text
    assert redact(text + KEY) == text + "[key]"
