"""Settings of batches, and the batches recorded in a transcript."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from bioinstruct.llm.request_tokens import prompt_bound
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Request

__all__ = ["Batching", "Plan", "Plans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Limits and timeouts of batches."""

    requests: int = 50_000
    """Maximum number of requests in a batch (OpenAI's limit)."""
    bytes: int = 200_000_000
    """Maximum size of a batch's file in bytes."""
    first_poll: float = 0.5
    """Seconds; the interval doubles up to the longest, and starts again when a batch ends."""
    longest_poll: float = 60
    submissions: int = 4
    """Number of batches in which to try a request before giving it up."""
    doubt: float = 5
    """Seconds to wait before checking the list again for a batch that may have been created."""
    late: float = 600
    """Seconds to wait if a file has fewer answers than the provider counts."""
    silence: float = 6 * 3600
    """Seconds for which the provider may be unreachable while we wait for a batch."""


@dataclass(slots=True)
class Plan:
    """A batch that was created, or may have been when the process was killed."""

    name: str
    """Random name in the batch's metadata."""
    at: float
    """Time of planning, in seconds as `time.time`."""
    keys: frozenset[str]
    id: str = ""
    """The provider's id; empty until it is known."""


class Plans:
    """The open batches of a transcript.

    They are recorded as notes: `batch-planned` before anything is sent (with what `Budget.resume`
    needs of each request), `batch-created` with the provider's id, and `batch-ended` when all
    outcomes are recorded, with the keys of the requests that are not charged.
    """

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._open: dict[str, Plan] = {}
        self._of: dict[str, Plan] = {}
        for value in transcript.notes("batch-planned"):
            self._add(Plan(value["name"], value["at"], frozenset(value["requests"])))
        for value in transcript.notes("batch-created"):
            self._open[value["name"]].id = value["id"]
        for value in transcript.notes("batch-ended"):
            self._remove(self._open[value["name"]])

    def of(self, key: str) -> Plan | None:
        """Return the last open batch that contains this request, or None."""
        return self._of.get(key)

    def waiting(self) -> int:
        """Return the number of requests in open batches without an outcome."""
        return sum(key not in self._transcript for key in self._of)

    def add(self, requests: Mapping[str, Request]) -> Plan:
        """Record that these requests are about to be sent as a batch."""
        sent = {key: [prompt_bound(one), one.max_tokens] for key, one in requests.items()}
        plan = Plan(uuid4().hex, time.time(), frozenset(requests))
        value = {"name": plan.name, "at": plan.at, "requests": sent}
        self._transcript.note("batch-planned", value)
        self._add(plan)
        return plan

    def created(self, plan: Plan, job_id: str) -> None:
        """Record the provider's id of a batch."""
        self._transcript.note("batch-created", {"name": plan.name, "id": job_id})
        plan.id = job_id

    def end(self, plan: Plan, status: str, *, uncharged: Iterable[str]) -> None:
        """Record that a batch has ended."""
        value = {"name": plan.name, "status": status, "uncharged": list(uncharged)}
        self._transcript.note("batch-ended", value)
        self._remove(plan)

    def _add(self, plan: Plan) -> None:
        self._open[plan.name] = plan
        self._of |= dict.fromkeys(plan.keys, plan)

    def _remove(self, plan: Plan) -> None:
        del self._open[plan.name]
        for key in plan.keys:
            if self._of.get(key) is plan:
                del self._of[key]
