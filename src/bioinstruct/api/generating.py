"""Records that a teacher model writes: `generate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.progress import OnProgress, Progress
from bioinstruct.records import Records

if TYPE_CHECKING:
    from bioinstruct.generation import Progress as Step
    from bioinstruct.generation import Settings, Tally
    from bioinstruct.llm.client import Client

__all__ = ["GeneratedRecords", "generate"]


class GeneratedRecords(Records):
    """Records of a teacher; `rejected` has the parts of its answers that gave no record.

    Attributes:
        tally: counts of requests, tokens, accepted and rejected parts, by reason.
        stopped: why there are fewer records than were wanted; empty if there are not.
        hint: what to do about that.
    """

    tally: Tally
    stopped: str
    hint: str


def generate(
    teacher: Client | str,
    count: int,
    *,
    license: str,
    out: Path | str | None = None,
    settings: Settings | None = None,
    progress: OnProgress | None = None,
) -> GeneratedRecords:
    """Have a teacher model write `count` instructions; resume an earlier run of the transcript.

    Every answer is in the transcript before it is used, and the records follow from the answers
    alone: run it again after a crash, and nothing on record is asked twice.

    Args:
        teacher: a `Client`, or the name of a model for `Client(name)`. Without `out` it must name
            a transcript.
        count: number of records; the notes say why if there are fewer.
        license: SPDX expression of the licence that the records may be published under. It is your
            choice, within the terms of the teacher's provider.
        out: JSON Lines file for the records; the rejected parts of answers go to
            `out.rejected.jsonl`, the transcript to `out.transcript.jsonl` unless the teacher names
            another.
        settings: what to ask for, and which records to keep (`bioinstruct.generation.Settings`).
        progress: called after each answer, with the accepted records.

    Returns:
        The records. Rejected parts of answers are in `rejected`, unless they went to a file.

    Raises:
        BudgetError: the budget does not cover the first request.
        ProviderError: the endpoint refuses every request alike before a record was accepted; later
            the records so far are returned, and the notes say how to continue.
        BioinstructError: the settings are wrong, or another process uses the transcript.
    """
    from bioinstruct.generation import generate as run

    def tell(step: Step) -> None:
        if progress is not None:
            tally, detail = step.tally, ""
            if step.usage is not None and step.usage.spent:
                detail = f"{step.usage.spent:.2f} USD"
            progress(Progress("generating", tally.accepted, tally.wanted, detail))

    made = run(teacher, count, license=license, out=out, settings=settings, watch=tell)
    records = GeneratedRecords(made.examples, rejected=made.rejected)
    records.tally, records.stopped, records.hint = made.tally, made.stopped, made.hint
    if made.stopped:
        records.notes.append(f"{len(records):,} of {count:,} records: {made.stopped}")
        records.notes += [made.hint] if made.hint else []
    if out is not None and made.tally.rejected:
        reasons = ", ".join(f"{name} {n:,}" for name, n in made.tally.reasons.most_common(3))
        records.notes.append(f"{made.tally.rejected:,} parts of answers rejected: {reasons}")
    records.log("generate")
    return records
