"""What the tests of the client share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.rate_limit import Limits, Retries
from bioinstruct.llm.runner import ask
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Message, Request, Response
from tests.llm.conftest import KEY
from tests.openai_server import Server

QUICK = Retries(first_delay=0.001, longest_delay=0.004)


def request(number: int = 0, *, words: int = 5, **settings: Any) -> Request:
    text = f"Question {number}" + " lorem" * words
    return Request(
        model="teacher",
        messages=(Message("user", text),),
        **{"max_tokens": 200, **settings},
    )


def requests(count: int) -> list[Request]:
    return [request(number) for number in range(count)]


def client_of(
    server: Server,
    *,
    retries: Retries = QUICK,
    timeout: float = 5,
    limits: Limits | None = None,
    key: str = KEY,
) -> OpenAIClient:
    return OpenAIClient(
        base_url=server.url, api_key=key, retries=retries, timeout=timeout, limits=limits
    )


def complete(server: Server, one: Request | None = None, **settings: Any) -> Response:
    """The outcome of one request, asked of the server."""

    async def work() -> Response:
        async with client_of(server, **settings) as client:
            return await client.complete(one or request())

    return asyncio.run(work())


def ask_all(
    server: Server,
    path: Path,
    asked: Iterable[Request],
    *,
    client: dict[str, Any] | None = None,
    **settings: Any,
) -> list[tuple[Request, Response]]:
    """All outcomes, asked of the server and recorded under the path."""

    async def work() -> list[tuple[Request, Response]]:
        async with client_of(server, **(client or {})) as teacher:
            with Transcript.open(path, base_url=teacher.base_url) as transcript:
                async with aclosing(ask(asked, teacher, transcript, **settings)) as outcomes:
                    return [pair async for pair in outcomes]

    return asyncio.run(work())
