"""An OpenAI-compatible server on loopback that misbehaves as it is told, over real HTTP.

The answer to a request is a function of its body (and of which sample it is), and whether an
attempt goes wrong is a function of the seed, the request and how often it was sent: a second run
meets the same. In a process of its own: `python -m tests.openai_server --port 0 --faults 0.3`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib
import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Answerer: TypeAlias = Callable[[Json, int], str]

PASSING = ("429", "429-after", "500", "503", "hang", "reset", "half-json", "empty-choices")
"""Faults that pass: the same request is answered when it is sent again."""
HARMLESS = ("usage-zero", "usage-absurd", "usage-absent", "drip")
"""Answers that are whole, but for the count of their tokens, or come in small pieces."""


@dataclass
class Settings:
    """How the server behaves; all of it may be changed while it runs."""

    key: str = ""
    """The key that it wants; empty: none."""
    model: str = ""
    """The one model that it knows; empty: all."""
    seed: int = 0
    faults: float = 0.0
    """Share of attempts with a fault."""
    kinds: tuple[str, ...] = (*PASSING, *HARMLESS)
    script: deque[str] = field(default_factory=deque)
    """Faults of the next attempts, in order, before the seeded ones; `ok` is none."""
    refuse: float = 0.0
    """Share of requests that are refused for their content, each time that they are sent."""
    retry_after: float = 0.2
    """Seconds, of `429-after`, as `retry-after-ms`."""
    retry_date: bool = False
    """Say it as an HTTP date instead."""
    hang: float = 3600
    latency: float = 0.0
    """Seconds before each answer."""
    schemas: bool = True
    """Whether `response_format` is known."""
    max_name: str = ""
    """The only name that is taken for `max_tokens`; empty: both."""
    answer: Answerer = field(default=lambda body, sample: plain_answer(body, sample))


@dataclass
class Arrived:
    """One HTTP request, read to its end."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes
    query: str = ""

    def json(self) -> Json:
        body: Json = json.loads(self.content)
        return body


@dataclass
class Reply:
    """What is sent back, and in which way it is spoilt."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    key: str = ""
    """Of the request that this answers, when it is a whole answer."""


Route: TypeAlias = Callable[[Arrived], Awaitable[Reply]]


def plain_answer(body: Json, sample: int) -> str:
    """A text that only this request gets."""
    digest = digest_of(body, sample)
    number = int(digest[:4], 16)
    return f"Answer {digest[:16]}: " + "lorem ipsum dolor " * (1 + number % 20)


def digest_of(body: Json, sample: int = 0) -> str:
    """What the answer depends on: the body, however its limit of tokens is called."""
    same = {name: value for name, value in body.items() if name != "max_completion_tokens"}
    if "max_completion_tokens" in body:
        same["max_tokens"] = body["max_completion_tokens"]
    content = json.dumps([same, sample], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def chance(*parts: object) -> float:
    """A number from 0 up to 1 that depends on nothing but the parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def error(status: int, message: str, *, code: str = "", param: str | None = None) -> Reply:
    """An error in OpenAI's layout."""
    inner = {"message": message, "type": "error", "param": param, "code": code or None}
    return Reply(status, json.dumps({"error": inner}).encode())


class Server:
    """The server: what it was asked, what it answered, and how it is told to behave."""

    def __init__(self, settings: Settings | None = None, *, log: Path | None = None) -> None:
        self.settings = settings or Settings()
        self.asked: Counter[str] = Counter()
        """Attempts, by request."""
        self.answered: Counter[str] = Counter()
        """Whole answers, by request."""
        self.faults: Counter[str] = Counter()
        self.times: list[float] = []
        """When each attempt came."""
        self.pauses: list[tuple[float, float]] = []
        """From when to when nothing should come, as `Retry-After` said."""
        self.prompt_tokens = 0
        """Of all answers, also of those that were spoilt on the way; four characters are one."""
        self.completion_tokens = 0
        self.most_at_once = 0
        self.port = 0
        self.routes: dict[tuple[str, str], Route] = {
            ("POST", "/v1/chat/completions"): self._complete,
            ("GET", "/stats"): self._stats,
        }
        """By method and path; a path that ends in `/` stands for all that begin with it."""
        self._at_once = 0
        self._log: IO[str] | None = log.open("a", encoding="utf-8") if log else None
        self._started = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def early(self, *, grace: float = 0.05) -> int:
        """Attempts inside a pause; what was on its way when it was announced does not count."""
        return sum(a + grace < at < b for at in self.times for a, b in self.pauses)

    async def serve(self, *, port: int = 0) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await server.serve_forever()

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve in a thread while the block lasts."""
        stop: list[Callable[[], object]] = []

        async def until_stopped() -> None:
            task = asyncio.current_task()
            assert task is not None
            loop = asyncio.get_running_loop()
            stop.append(lambda: loop.call_soon_threadsafe(task.cancel))
            with contextlib.suppress(asyncio.CancelledError):
                await self.serve()

        thread = threading.Thread(target=lambda: asyncio.run(until_stopped()))
        thread.start()
        self._started.wait()
        try:
            yield self
        finally:
            stop[0]()
            thread.join()
            if self._log:
                self._log.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (arrived := await _read(reader)) is not None:
                reply = await self._dispatch(arrived)
                if not await self._send(reply, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        except asyncio.CancelledError:
            writer.transport.abort()  # the server is stopped
        finally:
            writer.close()

    async def _dispatch(self, arrived: Arrived) -> Reply:
        said = arrived.headers.get("authorization", "")
        if self.settings.key and said != f"Bearer {self.settings.key}":
            words = f"Incorrect API key provided: {said.removeprefix('Bearer ')}. ({said})"
            return error(401, words, code="invalid_api_key")
        for (method, path), route in self.routes.items():
            fits = arrived.path == path or (path.endswith("/") and arrived.path.startswith(path))
            if method == arrived.method and fits:
                return await route(arrived)
        return error(404, f"no route {arrived.method} {arrived.path}")

    async def _stats(self, arrived: Arrived) -> Reply:
        counts = {"asked": self.asked.total(), "answered": self.answered.total()}
        return Reply(200, json.dumps(counts | {"faults": self.faults}).encode())

    async def _complete(self, arrived: Arrived) -> Reply:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            body = arrived.json()
            name, _, sample = arrived.headers.get("x-client-request-id", "").rpartition("-")
            number = int(sample or 0)
            key = name or digest_of(body)
            self.times.append(time.monotonic())
            self.asked[key] += 1
            self._write("asked", key)
            return await self._judge(body, key, number)
        finally:
            self._at_once -= 1

    async def _judge(self, body: Json, key: str, sample: int) -> Reply:
        settings = self.settings
        if settings.model and body["model"] != settings.model:
            return error(404, f"The model `{body['model']}` is unknown", code="model_not_found")
        if "response_format" in body and not settings.schemas:
            return error(400, "response_format is not supported", param="response_format")
        for name in ("max_tokens", "max_completion_tokens"):
            if name in body and settings.max_name not in {"", name}:
                words = f"Unsupported parameter: '{name}' is not supported with this model. "
                words += f"Use '{settings.max_name}' instead."
                return error(400, words, code="unsupported_parameter", param=name)
        fault = self._fault(body, key, sample)
        self.faults[fault] += 1
        if settings.latency:
            await asyncio.sleep(settings.latency)
        if chance(settings.seed, "refuse", digest_of(body, sample)) < settings.refuse:
            return error(400, "filtered by the content policy", code="content_filter")
        return await self._spoil(fault, body, key, sample)

    def _fault(self, body: Json, key: str, sample: int) -> str:
        settings = self.settings
        if settings.script:
            return settings.script.popleft()
        parts = (settings.seed, digest_of(body, sample), self.asked[key])
        if chance(*parts, "whether") >= settings.faults:
            return "ok"
        return settings.kinds[int(chance(*parts, "which") * len(settings.kinds))]

    async def _spoil(self, fault: str, body: Json, key: str, sample: int) -> Reply:
        """The answer, or what stands in its place."""
        match fault:
            case "429" | "500" | "503":
                return error(int(fault), f"a {fault} that was asked for")
            case "429-quota":
                return error(429, "You exceeded your current quota", code="insufficient_quota")
            case "400":
                return error(400, "This prompt is too long", code="context_length_exceeded")
            case "400-setting":
                return error(400, "temperature is not supported", param="temperature")
            case "429-after":
                return self._come_back_later()
            case "hang":
                await asyncio.sleep(self.settings.hang)
                raise ConnectionError
            case "nested":
                return Reply(200, b"[" * 1000)
            case "error-in-body":
                return Reply(200, b'{"error": {"message": "upstream failed", "code": 502}}')
        text = self.settings.answer(body, sample)
        content = self._content(fault, body, text, key)
        encoded = json.dumps(content).encode()
        if fault == "half-json":
            return Reply(200, encoded[: len(encoded) // 2])
        whole = fault not in {"reset", "empty-choices"}
        return Reply(200, encoded, fault=fault, key=key if whole else "")

    def _come_back_later(self) -> Reply:
        seconds = self.settings.retry_after
        reply = error(429, "Rate limit reached")
        reply.headers["retry-after-ms"] = str(seconds * 1000)
        if self.settings.retry_date:
            then = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + seconds))
            reply.headers = {"retry-after": then}
        now = time.monotonic()
        self.pauses.append((now, now + seconds))
        return reply

    def _content(self, fault: str, body: Json, text: str, key: str) -> Json:
        """What a whole answer says, in the layout of OpenAI."""
        asked = "\n".join(message["content"] for message in body["messages"])
        usage = {"prompt_tokens": len(asked) // 4 + 1, "completion_tokens": len(text) // 4 + 1}
        self.prompt_tokens += usage["prompt_tokens"]
        self.completion_tokens += usage["completion_tokens"]
        message: Json = {"role": "assistant", "content": text}
        finish = "stop"
        match fault:
            case "usage-zero":
                usage = {"prompt_tokens": 0, "completion_tokens": 0}
            case "usage-absurd":
                usage = {"prompt_tokens": 10**9, "completion_tokens": 10**9}
            case "refusal":
                message = {"role": "assistant", "content": None, "refusal": "I cannot help."}
            case "content-filter" | "length":
                finish = fault.replace("-", "_")
        choices = [{"index": 0, "message": message, "finish_reason": finish}]
        content: Json = {
            "id": f"chatcmpl-{key[:12]}",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [] if fault == "empty-choices" else choices,
        }
        total = {"total_tokens": sum(usage.values())}
        return content if fault == "usage-absent" else content | {"usage": usage | total}

    async def _send(self, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        """Send a reply; whether the connection is still good."""
        head = {"content-type": "application/json", "content-length": str(len(reply.body))}
        lines = [f"HTTP/1.1 {reply.status} X"]
        lines += [f"{name}: {value}" for name, value in (head | reply.headers).items()]
        top = ("\r\n".join(lines) + "\r\n\r\n").encode()
        if reply.fault == "reset":
            writer.write(top + reply.body[: len(reply.body) // 2])
            await writer.drain()
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        pieces = [top + reply.body]
        if reply.fault in {"drip", "drip-forever"}:
            size = max(1, len(reply.body) // 8)
            pieces = [reply.body[i : i + size] for i in range(0, len(reply.body), size)]
            pieces.insert(0, top)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.005 if reply.fault == "drip" else 0.2)
        if reply.key:
            self.answered[reply.key] += 1
            self._write("answered", reply.key)
        return True

    def _write(self, event: str, key: str) -> None:
        if self._log:
            self._log.write(json.dumps({"event": event, "key": key, "at": time.time()}) + "\n")
            self._log.flush()


async def _read(reader: asyncio.StreamReader) -> Arrived | None:
    """The next request of a connection; None at its end."""
    try:
        top = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = top.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in rest if line)
    headers = {name.lower(): value.strip() for name, value in pairs}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    path, _, query = path.partition("?")
    return Arrived(method, path, headers, content, query)


def main() -> None:
    """Serve until killed; the first line on stdout is the base URL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of attempts with a fault")
    parser.add_argument("--kinds", nargs="+", default=[*PASSING, *HARMLESS])
    parser.add_argument("--refuse", type=float, default=0.0, help="share of requests refused")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--log", type=Path, help="JSON Lines of what was asked and answered")
    parser.add_argument("--key", default="", help="the key that it wants")
    parser.add_argument("--answer", help="module:function of the body and the sample")
    options = parser.parse_args()
    settings = Settings(key=options.key, seed=options.seed, faults=options.faults)
    settings.kinds = tuple(options.kinds)
    settings.refuse, settings.latency = options.refuse, options.latency
    if options.answer:
        module, _, name = options.answer.partition(":")
        settings.answer = getattr(importlib.import_module(module), name)
    server = Server(settings, log=options.log)

    async def announce() -> None:
        serving = asyncio.create_task(server.serve(port=options.port))
        while not server.port:
            await asyncio.sleep(0.005)
        print(server.url, flush=True)
        await serving

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(announce())


if __name__ == "__main__":
    main()
