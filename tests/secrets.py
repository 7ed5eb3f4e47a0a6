"""Forms in which a server may repeat a secret, and a search that undoes them all."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote, unquote_plus

__all__ = ["DRESSES", "found", "found_in"]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "upper case": lambda secret: secret.upper() if secret.isascii() else secret,
    "base64": _base64,
    "base64 without padding": lambda secret: _base64(secret).rstrip("="),
    "base64 of a header": lambda secret: _base64(f"Authorization: Basic {secret}; x"),
    "base64 of base64": lambda secret: _base64("Basic " + _base64(secret)),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 in lines": lambda secret: base64.encodebytes(secret.encode() * 3).decode().strip(),
    "base64 with escaped slashes": lambda secret: _base64(secret).replace("/", "\\/"),
    "in an address": lambda secret: quote(secret, safe=""),
    "in a query": lambda secret: "key=" + quote(secret, safe="").replace("%", "%25"),
    "every byte in an address": lambda secret: "".join(f"%{b:02x}" for b in secret.encode()),
    "as JSON": lambda secret: json.dumps(secret),
    "as escapes": lambda secret: "".join(f"\\u{ord(c):04x}" for c in secret),
    "as HTML": lambda secret: html.escape(secret),
    "as numbers of HTML": lambda secret: "".join(f"&#{ord(c)};" for c in secret),
    "in hexadecimal digits": lambda secret: secret.encode().hex(),
    "over lines": lambda secret: secret[:4] + "\n  " + secret[4:9] + "\r\n" + secret[9:],
    "with escaped breaks": lambda secret: secret[:4] + "\\n" + secret[4:],
    "letter by letter": lambda secret: " ".join(secret),
    "with invisible marks": lambda secret: "\u200b".join(secret),
}
"""How a secret is dressed up, by a name."""

_TEXT = re.compile(rb"(?:[\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]){8,}")
_RUN = re.compile(r"[A-Za-z0-9+/]{8,}")


def found(content: bytes, secrets: Iterable[str]) -> list[str]:
    """Return the secrets that a content holds in some form: it is decoded in every way, twice."""
    texts = {content.decode("utf-8", "replace")}
    for _ in range(3):
        for text in list(texts):
            texts |= set(_decoded(text))
    bare = [re.sub(r"[\s\u200b]|\\\\?[nr]", "", text).lower() for text in texts]
    return [one for one in secrets if any(_bare(one) in text for text in bare)]


def _bare(secret: str) -> str:
    return re.sub(r"[\s\u200b]|\\\\?[nr]", "", secret).lower()


def _decoded(text: str) -> Iterable[str]:
    yield unquote_plus(text.replace("+", "%2B"))
    yield html.unescape(text)
    yield re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    yield text.replace("\\/", "/").replace('\\"', '"').replace("\\\\", "\\")
    standard = text.replace("-", "+").replace("_", "/").replace("\\/", "/")
    for run in {*_RUN.findall("".join(standard.split())), *_RUN.findall(standard)}:
        for start in range(4):
            part = run[start:]
            part = part[:-1] if len(part) % 4 == 1 else part
            yield from _strings(binascii.a2b_base64(part + "=" * (-len(part) % 4)))
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", run):
            yield from _strings(bytes.fromhex(run))


def _strings(raw: bytes) -> Iterable[str]:
    """Yield what could be text among bytes: most runs of letters are base64 of nothing."""
    for found in _TEXT.finditer(raw):
        yield found[0].decode()


def found_in(folder: Path, secrets: Iterable[str]) -> dict[str, list[str]]:
    """Return the secrets that the files of a folder hold, by file."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    leaks = {str(path): found(path.read_bytes(), secrets) for path in files}
    return {path: held for path, held in leaks.items() if held}
