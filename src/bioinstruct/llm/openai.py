"""A client for OpenAI-compatible servers, based on the `openai` package."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from bioinstruct.errors import MissingError, ProviderError, SchemaUnsupportedError, SilentError
from bioinstruct.llm.errors import RetryDecision, classify_error, words
from bioinstruct.llm.rate_limit import Limiter, Limits, Retries, retry_after
from bioinstruct.llm.request_tokens import prompt_bound
from bioinstruct.llm.responses import Reply, TryAgainError, exhausted, read_reply
from bioinstruct.llm.types import Failure, Request, Response, Watch
from bioinstruct.redaction import public_address, redactor, url_secrets

if TYPE_CHECKING:
    from httpx2 import Response as HttpResponse
    from openai import AsyncOpenAI

__all__ = ["NOT_TEXT", "OPENAI", "OpenAIClient", "body_of", "clean_url", "is_text"]

_T = TypeVar("_T")
logger = logging.getLogger("bioinstruct")

NOT_TEXT = Failure(reason="bad-request", message="half a surrogate pair is no text")
"""Outcome of a request that `is_text` refuses."""
OPENAI = "https://api.openai.com/v1"
_PATIENCE = 4  # attempts to reach a server that never responded, to report a wrong address soon
_NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"}


class OpenAIClient:
    """A client of one endpoint, without the retries of the `openai` package.

    Raises (from `complete`):
        ProviderError: bad key, unknown model, no credit, or the server does not respond.
        SchemaUnsupportedError: the server does not support JSON schemas.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 300,
        limits: Limits | None = None,
        retries: Retries | None = None,
    ) -> None:
        """Configure the client without connecting.

        Args:
            base_url: server address; default `OPENAI_BASE_URL`, or else OpenAI.
            api_key: default `OPENAI_API_KEY`; only OpenAI requires a key.
            timeout: seconds for one attempt, from sending to the last byte.
            limits: rate limits of the provider.
            retries: retry policy.

        Raises:
            MissingError: OpenAI's key is missing, or the key or address is malformed.
        """
        self.watches: list[Watch] = []
        self._url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI
        self._base_url = clean_url(self._url)
        self._named = "the address" if base_url else "OPENAI_BASE_URL"
        self._key = (api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        if not self._key and self._base_url == OPENAI:
            raise MissingError(
                "there is no key for the OpenAI API",
                hint="set OPENAI_API_KEY, or OPENAI_BASE_URL to a server that needs none",
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise MissingError("the key has an invalid character", hint="copy it again")
        secrets = [self._key, *url_secrets(self._url)]
        self.redact = redactor(secrets)
        self.redact_body = redactor(secrets, guess=False)  # an answer may contain "bearer"
        self._timeout = timeout
        self._limiter = Limiter(limits)
        self._retries = retries or Retries()
        self._rng = random.Random()  # for delays only: no output depends on it
        self.max_name = "max_completion_tokens" if self._base_url == OPENAI else "max_tokens"
        self._renamed = False
        self._reached = False
        self._given_up = 0
        self._sdk: AsyncOpenAI | None = None

    @property
    def base_url(self) -> str:
        """The server's address, without key, password or query."""
        return self._base_url

    async def complete(self, request: Request) -> Response:
        """Return the answer or a failure, retrying according to `Retries`."""
        if not is_text(request):
            return NOT_TEXT
        begun = time.monotonic()
        attempt = 0
        while True:
            try:
                outcome = await self._attempt(request)
            except TryAgainError as trouble:
                wait = self._next_wait(attempt, trouble)
                late = time.monotonic() + wait - begun > self._retries.seconds
                if attempt + 1 >= self._retries.attempts or late:
                    return self._give_up(request, trouble, attempts=attempt + 1)
                logger.info("%s: %s; trying again in %.1f s", self._base_url, trouble.reason, wait)
                for watch in list(self.watches):
                    watch.retrying(request, trouble.reason, charged=trouble.charged)
                await asyncio.sleep(wait)
                attempt += (
                    0 if trouble.wait else 1
                )  # a server that says when to come back is not down
            else:
                self._given_up = 0
                return outcome

    async def call(
        self,
        work: Callable[[AsyncOpenAI], Awaitable[_T]],
        *,
        found: Callable[[], Awaitable[_T | None]] | None = None,
    ) -> _T:
        """Make another kind of call to the endpoint, with the same retry policy.

        Args:
            work: the call; retried after transient errors.
            found: checks, before a retry, whether an attempt succeeded but its response was lost.

        Raises:
            SilentError: all attempts failed with transient errors.
            ProviderError: the server refuses.
        """
        begun, attempt = time.monotonic(), 0
        while True:
            try:
                return await self._call(work)
            except TryAgainError as trouble:
                wait = self._next_wait(attempt, trouble)
                late = time.monotonic() + wait - begun > self._retries.seconds
                if attempt + 1 >= self._retries.attempts or late:
                    hint = "nothing is lost: run the same command again later"
                    raise SilentError(self.redact(trouble.message), hint=hint) from None
                await asyncio.sleep(wait)
                attempt += 0 if trouble.wait else 1
            if found is not None and (result := await found()) is not None:
                return result

    async def aclose(self) -> None:
        """Close the connections, as `async with` does."""
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None

    async def __aenter__(self) -> OpenAIClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _attempt(self, request: Request) -> Response:
        """Send a request once, or twice if only the name of a setting was wrong."""
        tokens = prompt_bound(request) // 3 + (
            request.max_tokens or 0
        )  # close to the server's count
        async with self._limiter.slot(tokens):
            for watch in list(self.watches):
                watch.sending(request)
            name = self.max_name
            reply = await self._send(request)
        if reply.status == 200:
            return read_reply(reply.body, request, redact=self.redact_body)
        verdict = classify_error(reply.status, reply.body, schema=request.schema is not None)
        said = self.redact(f"{self._base_url} says {reply.status}: {words(reply.body)}")
        match verdict.fate:
            case "again":
                raise TryAgainError(verdict.reason, said, wait=self._shared_wait(reply, said))
            case "rename" if name != self.max_name or not self._renamed:
                self.rename(name)
                return await self._attempt(request)
            case "fail" | "rename":
                return Failure(reason=verdict.reason, message=said)
        raise self._error(verdict, said)

    async def _send(self, request: Request) -> Reply:
        """Send one HTTP request; raise `TryAgainError` for transient errors."""
        from openai import APIConnectionError, APIStatusError

        sent = body_of(request, max_name=self.max_name)
        # OpenAI logs this id, for users to quote to its support. It is no secret.
        name = {"X-Client-Request-Id": f"{request.key(self._base_url)}-{request.sample}"}
        try:
            async with asyncio.timeout(self._timeout):
                sdk = self._connection()
                path = sdk.chat.completions if request.prompt is None else sdk.completions
                create: Any = path.with_raw_response.create
                raw = await create(**sent, extra_headers=name)
                response = raw.http_response
        except APIStatusError as error:
            response = error.response
        except TimeoutError:
            message = f"no complete answer in {self._timeout:g} s"
            raise TryAgainError("time-out", message, charged=True) from None
        except APIConnectionError as error:
            raise self._connection_trouble(error) from None
        self._reached = True
        body = self.redact_body(response.text)
        return Reply(response.status_code, body, response.headers)

    async def _call(self, work: Callable[[AsyncOpenAI], Awaitable[_T]]) -> _T:
        from httpx2 import HTTPError
        from openai import APIConnectionError, APIStatusError

        try:
            async with self._limiter.slot(0):
                result = await work(self._connection())
        except APIStatusError as error:
            raise self._refusal(error.response) from None
        except (APIConnectionError, HTTPError) as error:  # the second while reading a long body
            raise self._connection_trouble(error) from None
        self._reached = True
        return result

    def _refusal(self, response: HttpResponse) -> Exception:
        """Return the exception for an error response to `call`."""
        self._reached = True
        reply = Reply(response.status_code, self.redact_body(response.text), response.headers)
        said = self.redact(f"{self._base_url} says {reply.status}: {words(reply.body)}")
        verdict = classify_error(reply.status, reply.body)
        if verdict.fate == "again":
            return TryAgainError(verdict.reason, said, wait=self._shared_wait(reply, said))
        return ProviderError(said, hint=verdict.hint, status=reply.status)

    def _connection_trouble(self, error: Exception) -> TryAgainError:
        cause = error.__cause__ or error
        kind = type(cause).__name__
        message = self.redact(f"{self._base_url}: {kind} {cause}".strip())
        if kind in _NOT_SENT:
            return TryAgainError("unreachable", message)
        return TryAgainError("connection", message, charged=True)

    def _next_wait(self, attempt: int, trouble: TryAgainError) -> float:
        """Return the seconds to wait; waits that the server asks for are left to the limiter."""
        if trouble.reason == "unreachable" and not self._reached and attempt + 1 >= _PATIENCE:
            hint = f"check {self._named}, and that the server runs"
            raise ProviderError(f"cannot reach {trouble.message}", hint=hint) from None
        return 0 if trouble.wait else self._retries.delay(attempt, self._rng)

    def _shared_wait(self, reply: Reply, said: str) -> float | None:
        wait = retry_after(reply.headers)
        if wait is None:
            return None
        if wait > self._retries.seconds:
            hint = "run the same command again after that time to continue"
            raise ProviderError(f"{said} (and to wait {wait / 3600:.1f} hours)", hint=hint)
        self._limiter.pause(wait)
        return wait

    def _give_up(self, request: Request, trouble: TryAgainError, *, attempts: int) -> Failure:
        self._given_up += 1
        said = self.redact(trouble.message)
        last = f"{attempts} attempts, the last: {trouble.reason}, {said}"
        if self._given_up >= self._retries.in_a_row:
            hint = "all answers are saved: run the same command again later"
            raise ProviderError(
                f"{self._given_up} requests in a row had no answer in {last}",
                hint=hint,
                charged=trouble.charged,
            ) from None
        return exhausted(request, last, charged=trouble.charged)

    def rename(self, name: str) -> None:
        """Switch to the other name of `max_tokens` when a name is refused for the first time.

        Newer models require `max_completion_tokens`; many servers support only `max_tokens`.
        """
        if name == self.max_name:
            both = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
            self.max_name = both[name]
            self._renamed = True

    def _error(self, verdict: RetryDecision, said: str) -> ProviderError:
        kind = SchemaUnsupportedError if verdict.fate == "schema" else ProviderError
        return kind(said, hint=verdict.hint)

    def _connection(self) -> AsyncOpenAI:
        if self._sdk is None:
            from openai import AsyncOpenAI

            parts = urlsplit(self._url)
            self._sdk = AsyncOpenAI(
                base_url=urlunsplit(parts._replace(query="", fragment="")),
                default_query=dict(parse_qsl(parts.query)) or None,
                api_key=self._key or "none",
                timeout=self._timeout,
                max_retries=0,
            )
        return self._sdk


def clean_url(url: str) -> str:
    """Return an address without user, password, query and trailing slash.

    Raises:
        MissingError: the address is not a web address.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise MissingError(
            "the endpoint is not a web address",
            hint="set OPENAI_BASE_URL to an address such as http://localhost:8000/v1",
        )
    return public_address(url)


def body_of(request: Request, *, max_name: str = "max_completion_tokens") -> dict[str, Any]:
    """Return the JSON body for `/chat/completions`, or for `/completions` if there is a prompt.

    Settings that are None are omitted, which leaves them to the server.
    """
    if request.prompt is not None:
        max_name = "max_tokens"
    settings: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "presence_penalty": request.presence_penalty,
        "frequency_penalty": request.frequency_penalty,
        max_name: request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
    }
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
    }
    if request.prompt is not None:
        body = {"model": request.model, "prompt": request.prompt}
        body |= {"echo": True, "logprobs": 1} if request.echo else {}
    if request.schema is not None:
        schema = json.loads(request.schema)
        name = re.sub(r"[^\w-]", "_", schema.get("title", "answer"), flags=re.ASCII)[:64]
        layout = {"name": name, "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": layout}
    return body | {name: value for name, value in settings.items() if value is not None}


def is_text(request: Request) -> bool:
    """Return whether the prompt can be encoded as UTF-8."""
    try:
        "".join(request.texts).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
