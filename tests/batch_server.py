"""The Batch API on the server of the tests: `/v1/files` and `/v1/batches`, with faults as told.

What is answered, and in which batch a line fails, is a function of the seed, the line and how often
it was submitted.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from tests.openai_server import Arrived, Json, Reply, Server, chance, digest_of, error


@dataclass
class Batches:
    """The batches of a server; the fields may be changed while it runs."""

    server: Server
    polls: int = 1
    """How often a batch is asked for before it is over."""
    failing: float = 0.0
    """Share of lines that fail with a 500, or are cut off by the expiry of the batch."""
    expire: bool = False
    """Lines that fail were not done in time: the batch expires."""
    script: deque[str] = field(default_factory=deque)
    """What befalls the next creations: `ok`, `lost` (made, but the reply is not sent), `slow`,
    `cancelled`, `silent` (lines in no file), or the code of what is wrong with it as a whole."""
    bad_line: Json | None = None
    """The body of a 400 for each line, in the place of answers."""
    most_waiting: int = 10**9
    """Requests that may wait in batches at once."""
    cut_files: int = 0
    """So many downloads end in the middle of a line, though all seems well."""
    late: int = 0
    """So often a batch that is over is shown without the file of its results."""
    files: dict[str, bytes] = field(default_factory=dict)
    made: list[Json] = field(default_factory=list)
    submitted: Counter[str] = field(default_factory=Counter)
    """Lines of batches that were begun, by custom id."""
    paid: Counter[str] = field(default_factory=Counter)
    """Lines that were answered."""
    sizes: list[int] = field(default_factory=list)
    page: int = 2
    """Batches on a page of the list."""

    def __post_init__(self) -> None:
        self.server.routes |= {
            ("POST", "/v1/files"): self._upload,
            ("GET", "/v1/files/"): self._download,
            ("POST", "/v1/batches"): self._create,
            ("GET", "/v1/batches/"): self._retrieve,
            ("GET", "/v1/batches"): self._list,
        }

    async def _upload(self, arrived: Arrived) -> Reply:
        boundary = arrived.headers["content-type"].partition("boundary=")[2].encode()
        for part in arrived.content.split(b"--" + boundary):
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in head:
                return _ok({"id": self._keep(content.removesuffix(b"\r\n")), "object": "file"})
        return error(400, "no file")

    def _keep(self, content: bytes) -> str:
        name = f"file-{time.monotonic_ns()}"
        self.files[name] = content
        return name

    async def _download(self, arrived: Arrived) -> Reply:
        content = self.files[arrived.path.split("/")[3]]
        if self.cut_files:
            self.cut_files -= 1
            content = content[: len(content) * 2 // 3]
        return Reply(200, content)

    async def _create(self, arrived: Arrived) -> Reply:
        asked = arrived.json()
        assert asked["endpoint"] == "/v1/chat/completions"
        assert asked["completion_window"] == "24h"
        fate = self.script.popleft() if self.script else "ok"
        if fate.isdigit():
            return error(int(fate), f"a {fate} that was asked for")
        batch = {
            "id": f"batch_{len(self.made)}",
            "object": "batch",
            "input_file_id": asked["input_file_id"],
            "metadata": asked["metadata"],
            "created_at": int(time.time()),
            "status": "validating",
            "errors": None,
            "polls": 0,
            "fate": fate,
        }
        rows = [json.loads(row) for row in self.files[batch["input_file_id"]].splitlines()]
        self.sizes.append(len(rows))
        self.made.append(batch)
        self._validate(batch, rows)
        if fate in {"lost", "slow"}:
            if fate == "slow":
                await asyncio.sleep(3)
            raise ConnectionError
        return _ok(_shown(batch))

    def _validate(self, batch: Json, rows: list[Json]) -> None:
        others = [one for one in self.made[:-1] if one["status"] in _WAITING and "wrong" not in one]
        waiting = sum(one["request_counts"]["total"] for one in others)
        code = batch["fate"] if batch["fate"] not in _FATES else ""
        if waiting + len(rows) > self.most_waiting:
            code = "token_limit_exceeded"
        if len({row["custom_id"] for row in rows}) < len(rows):
            code = "duplicate_custom_id"
        batch["request_counts"] = {"total": len(rows), "completed": 0, "failed": 0}
        if code:
            batch["wrong"] = {"data": [{"code": code, "message": f"it is {code}", "line": None}]}
            return
        self.submitted.update(row["custom_id"] for row in rows)

    async def _list(self, arrived: Arrived) -> Reply:
        after = parse_qs(arrived.query).get("after", [""])[0]
        newest = self.made[::-1]
        begin = next((n + 1 for n, made in enumerate(newest) if made["id"] == after), 0)
        page = newest[begin : begin + self.page]
        more = begin + self.page < len(newest)
        return _ok({"object": "list", "data": [_shown(one) for one in page], "has_more": more})

    async def _retrieve(self, arrived: Arrived) -> Reply:
        wanted = arrived.path.split("/")[3]
        batch = next((one for one in self.made if one["id"] == wanted), None)
        if batch is None:
            return error(404, f"No batch {wanted}")
        batch["polls"] += 1
        if "wrong" in batch:
            batch |= {"status": "failed", "errors": batch["wrong"]}
        elif batch["polls"] > self.polls and batch["status"] in _WAITING:
            self._carry_out(batch)
        elif batch["status"] == "validating":
            batch["status"] = "in_progress"
        shown = _shown(batch)
        if self.late and shown.get("output_file_id"):
            self.late -= 1
            shown["output_file_id"] = None
        return _ok(shown)

    def _carry_out(self, batch: Json) -> None:
        rows = [json.loads(row) for row in self.files[batch["input_file_id"]].splitlines()]
        rows.sort(key=lambda row: digest_of(row))  # in no order that was asked for
        results = [self._answer(row, batch["fate"]) for row in rows]
        good = [one for one in results if one and (one["response"] or {}).get("status_code") == 200]
        bad = [one for one in results if one and one not in good]
        batch["status"] = "cancelled" if batch["fate"] == "cancelled" else "completed"
        if self.expire and bad:
            batch["status"] = "expired"
        for name, lines in (("output_file_id", good), ("error_file_id", bad)):
            text = "".join(json.dumps(line) + "\n" for line in lines)
            batch[name] = self._keep(text.encode()) if lines else None
        batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}

    def _answer(self, row: Json, fate: str) -> Json | None:
        name, body = row["custom_id"], row["body"]
        key, _, sample = name.rpartition("-")
        settings = self.server.settings
        line: Json = {"id": f"batch_req_{key[:8]}", "custom_id": name, "response": None}
        parts = (settings.seed, "batch", digest_of(body, int(sample)), self.submitted[name])
        unlucky = chance(*parts) < self.failing
        if fate == "silent" or (fate == "cancelled" and int(key[:2], 16) % 2):
            return None
        if unlucky and self.expire:
            wrong = {"code": "batch_expired", "message": "not executed in time"}
            return line | {"error": wrong}
        if unlucky:
            return line | _response(500, {"error": {"message": "a 500 in a batch"}})
        if self.bad_line is not None:
            return line | _response(400, self.bad_line)
        if "REFUSE-THIS" in body["messages"][-1]["content"]:
            wrong = {"message": "filtered by the content policy", "code": "content_filter"}
            return line | _response(400, {"error": wrong})
        text = settings.answer(body, int(sample))
        content = self.server._content("ok", body, text, key)
        self.paid[name] += 1
        return line | _response(200, content)


_WAITING = {"validating", "in_progress"}
_FATES = {"ok", "lost", "slow", "cancelled", "silent"}


def _ok(content: Json) -> Reply:
    return Reply(200, json.dumps(content).encode())


def _shown(batch: Json) -> Json:
    return {k: v for k, v in batch.items() if k not in {"polls", "fate", "wrong"}} | {
        "completion_window": "24h",
        "endpoint": "/v1/chat/completions",
    }


def _response(status: int, body: Any) -> Json:
    return {"response": {"status_code": status, "request_id": "r", "body": body}, "error": None}
