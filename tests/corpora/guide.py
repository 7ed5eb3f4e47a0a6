"""What the guides say of a corpus, and what it gives."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from bioinstruct import Instruction
from bioinstruct.corpora import get_corpus, read

DOCS = Path(__file__).parents[2] / "docs"


def counts(name: str) -> dict[str, int]:
    """The number of instructions of each split, by the row of the corpus in its table."""
    guides = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("corpora*.md")))
    [row] = re.findall(rf"^\| `{name}` (?:\|[^|\n]*){{3,}}\|$", guides, re.MULTILINE)
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


def everything(name: str, data: Path) -> tuple[list[Instruction], Counter[str]]:
    """The instructions of all splits, and how often a row makes none for which reason."""
    skipped: Counter[str] = Counter()
    splits = get_corpus(name).splits
    examples = [e for split in splits for e in read(name, split, data=data, skipped=skipped)]
    return examples, skipped
