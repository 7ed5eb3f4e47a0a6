from __future__ import annotations

from typing import Any

from bioinstruct import Instruction


def record(n: int = 0, **changes: Any) -> Instruction:
    """A valid record, different for every `n`."""
    provenance = {
        "kind": "compiled",
        "origin": "corpus",
        "license": "CC-BY-4.0",
        **changes.pop("provenance", {}),
    }
    fields: dict[str, Any] = {
        "instruction": f"Name the disease in sentence {n}.",
        "input": f"Case {n} had measles.",
        "output": "measles",
        "category": "IE",
        "task": "ner-disease",
    }
    return Instruction(**{**fields, **changes}, provenance=provenance)


def records(count: int, **changes: Any) -> list[Instruction]:
    return [record(n, **changes) for n in range(count)]
