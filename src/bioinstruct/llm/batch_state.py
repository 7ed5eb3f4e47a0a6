"""How batches are made, and which requests are in which, as a transcript has it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from bioinstruct.llm.tokens import prompt_bound
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Request

__all__ = ["Batching", "Plan", "Plans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How batches are made and waited for."""

    requests: int = 50_000
    """In one batch at most, as OpenAI has it."""
    bytes: int = 200_000_000
    """Of its file at most."""
    first_poll: float = 0.5
    """Seconds; the pause is doubled up to the longest, and begins anew when a batch ends."""
    longest_poll: float = 60
    submissions: int = 4
    """So often a request is put into a batch before it is given up."""
    doubt: float = 5
    """Seconds before the list is looked at, once more, for a batch that was perhaps made."""
    late: float = 600
    """Seconds for which a file may have fewer answers than the provider counts."""
    silence: float = 6 * 3600
    """Seconds for which the provider may not answer at all while a batch is waited for."""


@dataclass(slots=True)
class Plan:
    """A batch that was made, or was about to be when the process was killed."""

    name: str
    """By which the provider's list has it; random."""
    at: float
    """When it was planned, in seconds as `time.time`."""
    keys: frozenset[str]
    id: str = ""
    """The provider's; empty until it is known."""


class Plans:
    """The batches of a transcript that have not ended.

    Notes: `batch-planned` before anything is sent (with what `Budget.resume` needs of each
    request), `batch-created` when the provider has said the id, `batch-ended` when all that came of
    it is on record, with the keys of the requests that it will not be charged for.
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
        """The last batch with this request that has not ended."""
        return self._of.get(key)

    def waiting(self) -> int:
        """How many requests without an outcome are in batches that have not ended."""
        return sum(key not in self._transcript for key in self._of)

    def add(self, requests: Mapping[str, Request]) -> Plan:
        """Write down that these are about to be sent as one batch."""
        sent = {key: [prompt_bound(one), one.max_tokens] for key, one in requests.items()}
        plan = Plan(uuid4().hex, time.time(), frozenset(requests))
        value = {"name": plan.name, "at": plan.at, "requests": sent}
        self._transcript.note("batch-planned", value)
        self._add(plan)
        return plan

    def created(self, plan: Plan, job_id: str) -> None:
        """Write down what the provider calls it."""
        self._transcript.note("batch-created", {"name": plan.name, "id": job_id})
        plan.id = job_id

    def end(self, plan: Plan, status: str, *, uncharged: Iterable[str]) -> None:
        """Write down that nothing more is to be had from it."""
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
