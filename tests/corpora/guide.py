"""What the guides say of a corpus."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def counts(name: str) -> dict[str, int]:
    """The number of instructions of each split, by the row of the corpus in its table."""
    guides = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("corpora*.md")))
    [row] = re.findall(rf"^\| `{name}` \|.*$", guides, re.MULTILINE)
    splits = row.split("|")[3]
    return {
        split: int(n.replace(",", "")) for split, n in re.findall(r"([\w-]+) ([\d,]*\d)", splits)
    }


def tasks(name: str) -> dict[str, int]:
    """The number of records of each task, by the table of that page."""
    text = (DOCS / name).read_text(encoding="utf-8")
    found = {}
    for names, numbers in re.findall(
        r"^\| (`.*?) \| (?:QA|IE|GEN|OTHER) \| (.*) \|$", text, re.MULTILINE
    ):
        values = [int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", numbers)]
        found |= dict(zip(re.findall(r"`([\w-]+)`", names), values, strict=True))
    return found
