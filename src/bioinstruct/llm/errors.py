"""Classify failed requests: retry them, give them up, or stop the run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from bioinstruct.json_text import loads

__all__ = [
    "RetryDecision",
    "classify_error",
    "words",
]

_LONGEST = 500  # characters of a server's message that are shown
_AGAIN = frozenset({408, 409, 423, 425, 429})
_OURS = "temperature|top_p|presence_penalty|frequency_penalty|stop|seed|max_tokens"
_UNKNOWN = "unsupported|not supported|unknown|unrecogni|unexpected|not permitted|instead"
_HINTS = {
    401: "check OPENAI_API_KEY, and that it belongs to the endpoint in OPENAI_BASE_URL",
    402: "add credit to the account, then run the same command again to continue",
    403: "the key lacks permission: check its rights and the model's name",
    404: "check --model, and OPENAI_BASE_URL, which usually ends in /v1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDecision:
    """The reaction to an error response."""

    fate: Literal["again", "fail", "rename", "schema", "stop"]
    """`again`: retry; `fail`: give this request up; `rename`: use the other name of `max_tokens`;
    `schema`: stop, since the server does not support schemas; `stop`: stop, since every request
    would fail."""
    reason: str
    hint: str = ""


def classify_error(status: int, body: str, *, schema: bool = False) -> RetryDecision:
    """Classify an error by HTTP status and body; `schema` if the request had a JSON schema."""
    error = _error(body)
    code = f"{error.get('code')} {error.get('type')}".lower()
    text = f"{code} {error.get('message')} {error.get('param')}".lower()
    if "insufficient_quota" in code or "billing_hard_limit" in code:
        return RetryDecision(fate="stop", reason="no-quota", hint=_HINTS[402])
    if status in _AGAIN or status >= 500:
        return RetryDecision(fate="again", reason=f"http-{status}")
    if "content_filter" in code or "content_policy" in code:
        return RetryDecision(fate="fail", reason="content-filter")
    if status in {400, 413, 422}:
        return _bad_request(text, code, str(error.get("param")), schema=schema)
    hint = _HINTS.get(status, "check OPENAI_BASE_URL, which usually ends in /v1")
    return RetryDecision(fate="stop", reason=f"http-{status}", hint=hint)


def _bad_request(text: str, code: str, param: str, *, schema: bool) -> RetryDecision:
    """Decide whether a bad request concerns this prompt or all requests of the run."""
    if schema and re.search("response_format|json_schema|structured.output|guided|grammar", text):
        hint = "this server does not support JSON schemas: use --format delimited"
        return RetryDecision(fate="schema", reason="no-schema", hint=hint)
    if re.search(r"max_(completion_)?tokens", text) and re.search(_UNKNOWN, text):
        return RetryDecision(fate="rename", reason="bad-request")
    if "model_not_found" in code or "invalid_api_key" in code:
        return RetryDecision(
            fate="stop", reason="bad-request", hint="check --model and OPENAI_API_KEY"
        )
    if re.fullmatch(_OURS, param) or "unsupported_" in code:
        hint = f"the server refuses this setting for every request: change or leave out {param}"
        return RetryDecision(fate="stop", reason="bad-request", hint=hint)
    return RetryDecision(fate="fail", reason="bad-request")


def words(body: str) -> str:
    """Extract the server's message from the body of an error, shortened."""
    message = str(_error(body).get("message") or "") or re.sub(r"<[^>]*>", " ", body)
    message = " ".join(message.split())
    return message if len(message) <= _LONGEST else message[:_LONGEST] + " [...]"


def _error(body: str) -> dict[str, Any]:
    """Return the object that describes an error, in the formats of OpenAI, vLLM and FastAPI."""
    try:
        content = loads(body)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    inner = content.get("error", content.get("detail", content))
    return inner if isinstance(inner, dict) else {"message": inner}
