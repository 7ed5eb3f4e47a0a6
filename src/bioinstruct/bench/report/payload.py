"""The items of a page, compressed: columns of JSON in gzip, which a browser unpacks.

The bytes are written in base 85 (RFC 1924, with a comma for the less-than sign, which could end a
script): it takes 6 % less than base 64.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

from bioinstruct.bench.report.merged import Item, Merged

__all__ = ["PORTION", "portions"]

PORTION = 1_000
"""Items in a portion after the first, which has what is filtered by."""


def portions(merged: Merged) -> Iterator[bytes]:
    """Yield the index of the items, then their texts, as text for a script element."""
    yield _packed(_index(merged))
    for start in range(0, len(merged.items), PORTION):
        yield _packed(_texts(merged, merged.items[start : start + PORTION]))


def _index(merged: Merged) -> dict[str, Any]:
    items, systems = merged.items, range(len(merged.systems))
    return {
        "systems": [system.name for system in merged.systems],
        "tasks": [
            {
                "name": task.name,
                "split": task.split,
                "how": task.how,
                "metric": task.metric,
                "frames": task.frames,
                "of": [task.frame_of.get(system.run, -1) for system in merged.systems],
            }
            for task in merged.tasks
        ],
        "portion": PORTION,
        "task": [item.task for item in items],
        "id": [item.row["id"] for item in items],
        "seen": [_seen(item.row.get("seen")) for item in items],
        "flagged": [
            int(any(answer.get("flags") for answer in item.answers.values())) for item in items
        ],
        "score": [[_hundredths(item.answers.get(s)) for item in items] for s in systems],
    }


def _seen(known: bool | None) -> int:
    return -1 if known is None else int(known)


def _hundredths(answer: dict[str, Any] | None) -> int:
    """Return a score from 0 to 100; -1 where it was not counted, -2 where nobody answered."""
    if answer is None:
        return -2
    score = answer.get("score")
    if score is None:
        return -1
    hundredths = round(100 * float(score))
    return min(max(hundredths, 1), 99) if 0 < score < 1 else hundredths


def _texts(merged: Merged, items: list[Item]) -> dict[str, Any]:
    """Return the texts of some items by column: alike texts next to each other compress best."""
    wordings: dict[str, int] = {}
    for item in items:
        wordings.setdefault(item.row["instruction"], len(wordings))
    options = {json.dumps(item.row["options"]): item.row["options"] for item in items}
    place = {text: number for number, text in enumerate(options)}
    return {
        "instructions": list(wordings),
        "choices": list(options.values()),
        "instruction": [wordings[item.row["instruction"]] for item in items],
        "options": [place[json.dumps(item.row["options"])] for item in items],
        "document": [item.row["document"] for item in items],
        "gold": [item.row["gold"] for item in items],
        "spans": [item.row.get("gold_spans", 0) for item in items],
        "form": [item.row.get("form", 0) for item in items],
        "input": [item.row["input"] for item in items],
        "answers": [
            {
                "answer": [_of(item, s, "answer", None) for item in items],
                "likelihoods": [_rounded(_of(item, s, "log_likelihoods", 0)) for item in items],
                "spans": [_of(item, s, "spans", 0) for item in items],
                "flags": [_of(item, s, "flags", 0) for item in items],
            }
            for s in range(len(merged.systems))
        ],
    }


def _of(item: Item, system: int, name: str, default: Any) -> Any:
    answer = item.answers.get(system)
    return default if answer is None else answer.get(name, default)


def _rounded(values: Any) -> Any:
    return [round(value, 2) for value in values] if values else 0


def _packed(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    raw = gzip.compress(text.encode("utf-8", "surrogatepass"), compresslevel=9, mtime=0)
    return base64.b85encode(raw).replace(b"<", b",")
