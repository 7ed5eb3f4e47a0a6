"""Remove secrets from texts that come from outside, in whatever form they come back.

A server may repeat the key or the password that it was sent, and not as it was sent: in the base64
of a Basic header, percent-encoded, as escapes of JSON or HTML, in other letter case, in hexadecimal
digits, or broken over lines. A text is therefore searched without white space and with its escapes
undone; what is found is replaced where it stands.
"""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

__all__ = ["public_address", "redactor", "url_secrets"]

_REMOVED = "[key]"
_SHORTEST = 8  # characters: shorter ones are placeholders of local servers, such as `EMPTY`
_PASSES = 4  # of undoing escapes, which may be nested: `%2541`
_SECRET_NAME = re.compile(r"key|token|secret|sig|pass|auth|code|credential", re.IGNORECASE)
_ESCAPE = re.compile(
    r"""
      (?P<gap>[\s\u00ad\u200b-\u200f\u2060\ufeff]+|\\[nrtbfv0]|\\\r?\n|=\r?\n)
    | (?P<percent>(?:%[0-9a-fA-F]{2})+)
    | \\u(?P<u>[0-9a-fA-F]{4}) | \\x(?P<x>[0-9a-fA-F]{2}) | \\(?P<plain>["'\\/])
    | (?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)
    """,
    re.VERBOSE,
)
_URL_SAFE = str.maketrans("-_", "+/")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_")
# OpenAI repeats part of a wrong key, and some proxies repeat the headers.
_LOOKS = re.compile(
    r"(?i)((?:authorization|api-key)\W{1,4})(?:(?:basic|bearer)\s+)?[^\s\"',;]+"
    r"|\bsk-[\w*.\-]{4,}|\bbearer\s+[^\s\"',;]+|\bbasic\s+[A-Za-z0-9+/_-]{12,}=*"
)


class _Forms(NamedTuple):
    """The forms to search for: without regard to letter case, and in base64."""

    plain: tuple[str, ...]
    base64: tuple[str, ...]


def url_secrets(url: str) -> list[str]:
    """Return the secrets in an address: user and password, and what a query names as a secret."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    query = [value for name, value in parse_qsl(parts.query) if _SECRET_NAME.search(name)]
    pair = [f"{user}:{password}", password] if password else [user]
    return [secret for secret in (*pair, *query) if secret]


def public_address(url: str) -> str:
    """Return an address without user, password, query and trailing slash."""
    parts = urlsplit(url.strip())
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def redactor(secrets: Iterable[str], *, guess: bool = True) -> Callable[[str], str]:
    """Return a function that removes secrets from a text and, with `guess`, what looks like a key.

    A secret is found as it is, in any letter case, with escapes of URLs, JSON and HTML, in
    hexadecimal digits, in base64 (of either alphabet, at any place of a longer text, and twice),
    and with white space or invisible characters in between. Secrets of fewer than 8 characters are
    found only as part of a longer one, such as `user:password`.
    """
    forms = _forms({secret for secret in secrets if len(secret) >= _SHORTEST})

    def redact(text: str) -> str:
        if forms.plain and _holds(_undone(text), forms):
            text = _without(text, forms)
        return _LOOKS.sub(rf"\1{_REMOVED}", text) if guess else text

    return redact


def _forms(secrets: Iterable[str]) -> _Forms:
    plain: set[str] = set()
    encoded: set[str] = set()
    for secret in sorted(secrets):
        once = base64.b64encode(secret.encode()).decode()
        plain |= {_undone(secret).lower(), secret.encode().hex(), once.encode().hex()}
        encoded |= {once.rstrip("=").translate(_URL_SAFE), *_cores(secret), *_cores(once)}
    long = [form for form in plain if len(form) >= _SHORTEST]
    return _Forms(tuple(sorted(long, key=len, reverse=True)), tuple(sorted(encoded, key=len)))


def _cores(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret at each place in a longer text, whatever is around it."""
    raw = secret.encode()
    for before in range(3):
        code = base64.b64encode(b"\0" * before + raw + b"\0\0").decode()
        yield code[math.ceil(before * 8 / 6) : (before + len(raw)) * 8 // 6]


def _undone(text: str) -> str:
    """Return a text without white space, with its escapes undone."""
    for _ in range(_PASSES):
        before, text = text, "".join(text.split())
        text = _ESCAPE.sub(lambda found: _meaning(found), text)
        if text == before:
            break
    return text


def _meaning(found: re.Match[str]) -> str:
    if found["gap"]:
        return ""
    if found["percent"]:
        return unquote(found["percent"], errors="replace")
    if code := found["u"] or found["x"]:
        return chr(int(code, 16))
    return found["plain"] or html.unescape(found["entity"])


def _holds(text: str, forms: _Forms) -> bool:
    lower, encoded = text.lower(), text.translate(_URL_SAFE)
    return any(form in lower for form in forms.plain) or any(
        form in encoded for form in forms.base64
    )


def _without(text: str, forms: _Forms) -> str:
    """Replace all secrets in a text that holds one."""
    spans = sorted(_found(*_mapped(text), forms))
    pieces, at = [], 0
    for start, end in spans:
        if start >= at:
            pieces += [text[at:start], _REMOVED]
        at = max(at, end)
    return "".join([*pieces, text[at:]])


def _mapped(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return what `_undone` does, and for each of its characters where it stands in the text."""
    places = [(i, i + 1) for i in range(len(text))]
    for _ in range(_PASSES):
        pieces: list[str] = []
        moved: list[tuple[int, int]] = []
        at = 0
        for found in _ESCAPE.finditer(text):
            meaning = _meaning(found)
            pieces += [text[at : found.start()], meaning]
            moved += places[at : found.start()]
            moved += [(places[found.start()][0], places[found.end() - 1][1])] * len(meaning)
            at = found.end()
        before, text = text, "".join([*pieces, text[at:]])
        places = [*moved, *places[at:]]
        if text == before:
            break
    return text, places


def _found(text: str, places: list[tuple[int, int]], forms: _Forms) -> Iterator[tuple[int, int]]:
    """Yield where secrets stand in the original text; base64 with all of its characters around."""
    plain = re.compile("|".join(map(re.escape, forms.plain)), re.IGNORECASE)
    for match in plain.finditer(text):
        yield places[match.start()][0], places[match.end() - 1][1]
    encoded = text.translate(_URL_SAFE)
    for form in forms.base64:
        start = encoded.find(form)
        while start >= 0:
            first, last = start, start + len(form) - 1
            while first > 0 and _adjoin(text, places, first - 1):
                first -= 1
            while last + 1 < len(text) and _adjoin(text, places, last, of=last + 1):
                last += 1
            yield places[first][0], places[last][1]
            start = encoded.find(form, last + 1)


def _adjoin(text: str, places: list[tuple[int, int]], left: int, *, of: int | None = None) -> bool:
    """Return whether a character of base64 stands right next to the one on its other side."""
    char = text[left if of is None else of]
    return char in _BASE64 and places[left][1] == places[left + 1][0]
