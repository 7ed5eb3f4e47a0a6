"""What the files next to generated records say of the run: rejections, cost and dates."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bioinstruct.cli.cost import cost_lines
from bioinstruct.files import companion_path

__all__ = ["generation_notes"]


def generation_notes(sources: Iterable[str]) -> str:
    """Return Markdown on the runs that made the files among the sources; empty if there is none.

    A run is known by its `made.transcript.jsonl` next to `made.jsonl`.

    Raises:
        DataError: a transcript is damaged.
    """
    return "\n".join(note for source in sources for note in _notes(Path(source)))


def _notes(path: Path) -> Iterator[str]:
    transcript = companion_path(path, "transcript")
    if not (path.is_file() and transcript.is_file()):
        return
    for line in cost_lines(transcript):
        yield f"- {line}{_dates(transcript)}."
    with path.open("rb") as file:
        accepted = sum(1 for _ in file)
    reasons = _reasons(companion_path(path, "rejected"))
    rejected = ", ".join(f"{name} {count:,}" for name, count in reasons.most_common())
    yield f"- Accepted: {accepted:,} records. Rejected parts of answers: {rejected or 'none'}."


def _reasons(path: Path) -> Counter[str]:
    reasons: Counter[str] = Counter()
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            reasons.update(json.loads(line)["reason"] for line in file)
    return reasons


def _dates(transcript: Path) -> str:
    from bioinstruct.llm.transcript import Transcript

    with Transcript.read(transcript) as found:
        days = sorted({str(row["at"])[:10] for row in found.history() if "at" in row})
    if not days:
        return ""
    return f"; answered on {days[0]}" if len(days) == 1 else f"; answered {days[0]} to {days[-1]}"
