"""The provider's Batch API: batches, their files, and the lines of their results."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from bioinstruct.errors import ProviderError, SchemaUnsupportedError, SilentError
from bioinstruct.json_text import loads
from bioinstruct.llm.batch_state import Plan
from bioinstruct.llm.errors import classify_error, words
from bioinstruct.llm.openai import OpenAIClient, body_of
from bioinstruct.llm.responses import TryAgainError, read_reply
from bioinstruct.llm.types import Failure, Request, Response

__all__ = ["Job", "JobBoard", "LineError", "line_of", "read_line", "spool", "standing"]

_T = TypeVar("_T")
_ENDPOINT = "/v1/chat/completions"
_NAME = "bioinstruct"  # key of our entry in a batch's metadata
_DAY = 86_400  # seconds that our clock and the provider's may differ


class LineError(Exception):
    """A line whose error concerns all requests; holds the error that stops the run."""

    def __init__(self, error: ProviderError, *, fate: str) -> None:
        """`fate`: `stop`, `schema` or `rename`, as in a `RetryDecision`."""
        super().__init__(str(error))
        self.error = error
        self.fate = fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A batch, as the provider reports it."""

    id: str
    name: str
    """Name that we gave the batch; empty for batches of others."""
    status: str
    created: int
    files: tuple[str, ...]
    """Ids of the files with results and errors, if any."""
    answered: int
    """Number of successful requests."""
    done: int
    """Number of requests that were answered or failed."""
    total: int
    code: str
    """Error code of the batch as a whole."""
    message: str

    @property
    def over(self) -> bool:
        """Whether the batch has ended."""
        return self.status in {"completed", "failed", "expired", "cancelled"}


class JobBoard:
    """The batches and files of an endpoint.

    Every method raises `SilentError` if the server does not respond and `ProviderError` if it
    refuses.
    """

    def __init__(self, client: OpenAIClient) -> None:
        self._client = client

    async def upload(self, file: IO[bytes], name: str) -> str:
        """Upload a file of requests and return its id."""

        async def work(sdk: Any) -> str:
            file.seek(0)
            raw = await sdk.files.with_raw_response.create(
                file=(f"{name}.jsonl", file, "application/jsonl"), purpose="batch"
            )
            content = self._read(raw)
            if "id" not in content:
                raise TryAgainError("error-in-body", words(json.dumps(content)))
            return str(content["id"])

        return await self._call(work)

    async def create(self, file_id: str, plan: Plan, *, doubt: float) -> Job:
        """Create a batch, or find the one of this name if the response to its creation was lost.

        Raises:
            SilentError: no response; the batch may exist nevertheless.
        """

        async def work(sdk: Any) -> Job:
            raw = await sdk.batches.with_raw_response.create(
                input_file_id=file_id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_NAME: plan.name},
            )
            return _job(self._read(raw))

        async def found() -> Job | None:
            await asyncio.sleep(doubt)
            try:
                return (await self.find({plan.name}, since=plan.at)).get(plan.name)
            except ProviderError as error:
                raise SilentError(f"cannot tell whether a batch was created: {error}") from None

        return await self._call(work, found=found)

    async def find(self, names: set[str], *, since: float) -> dict[str, Job]:
        """Find the batches of these names created since a time, in seconds as `time.time`."""
        found: dict[str, Job] = {}
        after: dict[str, str] = {}
        while names - found.keys():
            page, more = await self._call(self._lister(after))
            found |= {job.name: job for job in page if job.name in names}
            if not page or not more or page[-1].created < since - _DAY:
                break
            after = {"after": page[-1].id}
        return found

    def _lister(
        self, after: dict[str, str]
    ) -> Callable[[Any], Coroutine[Any, Any, tuple[list[Job], bool]]]:
        async def work(sdk: Any) -> tuple[list[Job], bool]:
            raw = await sdk.batches.with_raw_response.list(limit=100, **after)
            content = self._read(raw)
            rows = content.get("data")
            found = rows if isinstance(rows, list) else []
            jobs = [_job(row) for row in found if isinstance(row, dict)]
            return jobs, bool(content.get("has_more"))

        return work

    async def get(self, job_id: str) -> Job:
        """Return the state of a batch."""

        async def work(sdk: Any) -> Job:
            return _job(self._read(await sdk.batches.with_raw_response.retrieve(job_id)))

        return await self._call(
            work, unknown="use the key and project with which the batch was created"
        )

    def rows(self, file: IO[bytes]) -> Iterator[dict[str, Any]]:
        """Yield the lines of a downloaded file."""
        file.seek(0)
        for line in file:
            try:
                yield _object(self._client.redact_body(line.decode("utf-8", "replace")))
            except TryAgainError as trouble:  # skipping the line would mean paying for it again
                hint = "run the same command again to download the file again"
                raise ProviderError(f"a line of a result: {trouble}", hint=hint) from None

    async def fetch(self, file_id: str, into: IO[bytes]) -> None:
        """Download a file from the provider and append it to a local one."""
        begin = into.seek(0, 2)

        async def work(sdk: Any) -> None:
            into.seek(begin)
            into.truncate()
            async with sdk.files.with_streaming_response.content(file_id) as response:
                async for piece in response.iter_bytes():
                    into.write(piece)
            _check_end(into, begin)

        kept = "providers keep results for a limited time: start again with another transcript"
        await self._call(work, unknown=kept)

    async def _call(
        self,
        work: Callable[[Any], Awaitable[_T]],
        *,
        found: Callable[[], Awaitable[_T | None]] | None = None,
        unknown: str = "this endpoint may have no Batch API: leave --batch out",
    ) -> _T:
        """Make a call; `unknown` is the hint for a 404."""
        try:
            return await self._client.call(work, found=found)
        except ProviderError as error:
            if error.status in {404, 405}:
                raise ProviderError(str(error), hint=unknown) from None
            raise

    def _read(self, raw: Any) -> dict[str, Any]:
        content = _object(self._client.redact_body(raw.http_response.text))
        if "id" not in content and "data" not in content:
            raise TryAgainError("error-in-body", words(json.dumps(content)))
        return content


def line_of(request: Request, key: str, *, max_name: str) -> bytes:
    """Return a request as a line of the file to upload."""
    row = {
        "custom_id": f"{key}-{request.sample}",
        "method": "POST",
        "url": _ENDPOINT,
        "body": body_of(request, max_name=max_name),
    }
    return json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n"


def read_line(
    row: dict[str, Any],
    request: Request,
    *,
    redact: Callable[[str], str],
    redact_body: Callable[[str], str] = lambda text: text,
) -> Response:
    """Parse the outcome in a line of a file of results or errors.

    Args:
        row: the line.
        request: the request that it is about.
        redact: removes secrets, and what looks like one, from messages.
        redact_body: removes secrets from answers.

    Raises:
        TryAgainError: the line has a transient error; `charged` says whether it may cost money.
        LineError: the error concerns all requests.
    """
    response = row.get("response")
    if not isinstance(response, dict):
        error = row.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        reason = str(code or "no-response").replace("_", "-")
        raise TryAgainError(reason, redact(words(json.dumps(row))))
    status, body = response.get("status_code"), json.dumps(response.get("body"))
    if status == 200:
        return read_reply(body, request, redact=redact_body)
    verdict = classify_error(_whole(status) or 500, body, schema=request.schema is not None)
    said = redact(words(body))
    if verdict.fate == "again":
        raise TryAgainError(verdict.reason, said)
    if verdict.fate == "fail":
        return Failure(reason=verdict.reason, message=f"the batch says {status}: {said}")
    kind = SchemaUnsupportedError if verdict.fate == "schema" else ProviderError
    error = kind(f"the batch says {status}: {said}", hint=verdict.hint)
    raise LineError(error, fate=verdict.fate)


def standing(jobs: Sequence[Job]) -> str:
    """Describe the state of batches for display; empty if there are none."""
    if not jobs:
        return ""
    what = "batch" if len(jobs) == 1 else f"{len(jobs)} batches"
    states = ", ".join(dict.fromkeys(job.status.replace("_", " ") for job in jobs))
    return f"{what} {states}, {sum(job.done for job in jobs):,} of {sum(j.total for j in jobs):,}"


def _job(row: dict[str, Any]) -> Job:
    counts = _part(row, "request_counts")
    errors = _part(row, "errors").get("data")
    first = errors[0] if isinstance(errors, list) and errors else {}
    wrong = first if isinstance(first, dict) else {}
    files = (row.get("output_file_id"), row.get("error_file_id"))
    return Job(
        id=str(row.get("id", "")),
        name=str(_part(row, "metadata").get(_NAME, "")),
        status=str(row.get("status")),
        created=_whole(row.get("created_at")),
        files=tuple(str(file) for file in files if file),
        answered=_whole(counts.get("completed")),
        done=_whole(counts.get("completed")) + _whole(counts.get("failed")),
        total=_whole(counts.get("total")),
        code=str(wrong.get("code") or ""),
        message=str(wrong.get("message") or ""),
    )


def _part(row: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside of another; an empty one if it is none."""
    part = row.get(name)
    return part if isinstance(part, dict) else {}


def _whole(value: object) -> int:
    """Return a number that a server reports as a whole one; 0 if it is none."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        return int(value)
    return int(value) if isinstance(value, float) and math.isfinite(value) else 0


def _object(text: str) -> dict[str, Any]:
    try:
        content = loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise TryAgainError("half-json", f"not complete JSON: {text[:80]!r}")
    return content


def _check_end(file: IO[bytes], begin: int) -> None:
    """Terminate the last line and check that it is complete, or else download the file again."""
    end = file.seek(0, 2)
    if end == begin:
        return
    file.seek(max(begin, end - 1))
    if file.read(1) != b"\n":
        start = max(begin, end - 10_000_000)
        file.seek(start)
        _object(file.read().rpartition(b"\n")[2].decode("utf-8", "replace"))
        file.seek(0, 2)
        file.write(b"\n")


def spool() -> IO[bytes]:
    """Return a temporary file that is deleted when it is closed."""
    return tempfile.TemporaryFile()
