"""Batches at the provider: their files, their state, and what stands in a line of a result."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar

from bioinstruct.llm.batch_state import Plan
from bioinstruct.llm.errors import (
    ProviderError,
    SchemaUnsupportedError,
    SilentError,
    judge,
    words,
)
from bioinstruct.llm.openai import OpenAIClient, body_of
from bioinstruct.llm.responses import TryAgainError, read_reply
from bioinstruct.llm.types import Failure, Outcome, Request

__all__ = ["Job", "JobBoard", "LineError", "line_of", "read_line", "spool", "standing"]

_T = TypeVar("_T")
_ENDPOINT = "/v1/chat/completions"
_NAME = "bioinstruct"  # of our entry in a batch's metadata
_DAY = 86_400  # how far the clocks here and at the provider may differ


class LineError(Exception):
    """A line that says what would befall every request; holds the error to stop with."""

    def __init__(self, error: ProviderError, *, fate: str) -> None:
        """`fate`: `stop`, `schema` or `rename`, as in a `Verdict`."""
        super().__init__(str(error))
        self.error = error
        self.fate = fate


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A batch, as the provider tells of it."""

    id: str
    name: str
    """What it was called when it was made; empty for those of others."""
    status: str
    created: int
    files: tuple[str, ...]
    """The ids of the files with its results and its errors, as far as there are any."""
    answered: int
    """Requests, with success."""
    done: int
    """Requests that are answered or have failed."""
    total: int
    code: str
    """Of what is wrong with it as a whole."""
    message: str

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in {"completed", "failed", "expired", "cancelled"}


class JobBoard:
    """The batches and files of one endpoint, over HTTP.

    All raise `SilentError` when the server does not answer and `ProviderError` when it refuses.
    """

    def __init__(self, client: OpenAIClient) -> None:
        self._client = client

    async def upload(self, file: IO[bytes], name: str) -> str:
        """The id of a file of requests that is now at the provider."""

        async def work(sdk: Any) -> str:
            file.seek(0)
            raw = await sdk.files.with_raw_response.create(
                file=(f"{name}.jsonl", file, "application/jsonl"), purpose="batch"
            )
            return str(self._read(raw)["id"])

        return await self._call(work)

    async def create(self, file_id: str, plan: Plan, *, doubt: float) -> Job:
        """A new batch, or the one of this name where a lost reply hides that there is one.

        Raises:
            SilentError: it may have been made all the same.
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
                raise SilentError(f"cannot tell whether a batch was made: {error}") from None

        return await self._call(work, found=found)

    async def find(self, names: set[str], *, since: float) -> dict[str, Job]:
        """The batches of these names that were made after a time (in seconds, as `time.time`)."""
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
            return [_job(row) for row in content["data"]], bool(content.get("has_more"))

        return work

    async def get(self, job_id: str) -> Job:
        """Where a batch stands."""

        async def work(sdk: Any) -> Job:
            return _job(self._read(await sdk.batches.with_raw_response.retrieve(job_id)))

        return await self._call(
            work, unknown="use the key and project that the batch was made with"
        )

    def rows(self, file: IO[bytes]) -> Iterator[dict[str, Any]]:
        """The lines of what was fetched."""
        file.seek(0)
        for line in file:
            try:
                yield _object(self._client.redact_body(line.decode("utf-8", "replace")))
            except TryAgainError as trouble:  # to leave it out would be to pay for it again
                hint = "run the same command again: the file is fetched again"
                raise ProviderError(f"a line of a result: {trouble}", hint=hint) from None

    async def fetch(self, file_id: str, into: IO[bytes]) -> None:
        """Append a file at the provider to one here, whole."""
        begin = into.seek(0, 2)

        async def work(sdk: Any) -> None:
            into.seek(begin)
            into.truncate()
            async with sdk.files.with_streaming_response.content(file_id) as response:
                async for piece in response.iter_bytes():
                    into.write(piece)
            _check_end(into, begin)

        kept = "providers keep results for some time only: ask again with another transcript"
        await self._call(work, unknown=kept)

    async def _call(
        self,
        work: Callable[[Any], Awaitable[_T]],
        *,
        found: Callable[[], Awaitable[_T | None]] | None = None,
        unknown: str = "this endpoint may have no Batch API: leave --batch out",
    ) -> _T:
        """Call; `unknown` is the hint where there is nothing at the address."""
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
    """A line of the file that is uploaded."""
    row = {
        "custom_id": f"{key}-{request.sample}",
        "method": "POST",
        "url": _ENDPOINT,
        "body": body_of(request, max_name=max_name),
    }
    return json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n"


def read_line(row: dict[str, Any], request: Request, *, redact: Callable[[str], str]) -> Outcome:
    """The outcome in a line of a file of results or errors.

    Raises:
        TryAgainError: there is none, for a reason that may pass; `charged` says whether it may
            have been paid for.
        LineError: every request would be refused.
    """
    response = row.get("response")
    if not isinstance(response, dict):
        error = row.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        reason = str(code or "no-response").replace("_", "-")
        raise TryAgainError(reason, redact(words(json.dumps(row))))
    status, body = response.get("status_code"), json.dumps(response.get("body"))
    if status == 200:
        return read_reply(body, request)
    verdict = judge(int(status or 500), body, schema=request.schema is not None)
    said = redact(words(body))
    if verdict.fate == "again":
        raise TryAgainError(verdict.reason, said)
    if verdict.fate == "fail":
        return Failure(reason=verdict.reason, message=f"the batch says {status}: {said}")
    kind = SchemaUnsupportedError if verdict.fate == "schema" else ProviderError
    error = kind(f"the batch says {status}: {said}", hint=verdict.hint)
    raise LineError(error, fate=verdict.fate)


def standing(jobs: Sequence[Job]) -> str:
    """Where batches stand, in words to print; nothing of none."""
    if not jobs:
        return ""
    what = "batch" if len(jobs) == 1 else f"{len(jobs)} batches"
    states = ", ".join(dict.fromkeys(job.status.replace("_", " ") for job in jobs))
    return f"{what} {states}, {sum(job.done for job in jobs):,} of {sum(j.total for j in jobs):,}"


def _job(row: dict[str, Any]) -> Job:
    counts = row.get("request_counts") or {}
    wrong = ((row.get("errors") or {}).get("data") or [{}])[0]
    files = (row.get("output_file_id"), row.get("error_file_id"))
    return Job(
        id=str(row["id"]),
        name=str((row.get("metadata") or {}).get(_NAME, "")),
        status=str(row.get("status")),
        created=int(row.get("created_at") or 0),
        files=tuple(str(file) for file in files if file),
        answered=int(counts.get("completed") or 0),
        done=int(counts.get("completed") or 0) + int(counts.get("failed") or 0),
        total=int(counts.get("total") or 0),
        code=str(wrong.get("code") or ""),
        message=str(wrong.get("message") or ""),
    )


def _object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise TryAgainError("half-json", f"not whole JSON: {text[:80]!r}")
    return content


def _check_end(file: IO[bytes], begin: int) -> None:
    """Close the last line, and see that it is whole: a file that was cut off is fetched again."""
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
    """A file without a name, gone when it is closed."""
    return tempfile.TemporaryFile()
