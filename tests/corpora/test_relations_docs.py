from __future__ import annotations

import re
from pathlib import Path

import pytest

from bioinstruct.corpora import get_corpus, read

GUIDE = Path(__file__).parents[2] / "docs" / "corpora-relations.md"
ROWS = {
    name: row
    for row, name in re.findall(
        r"^(\| `([^`]+)` \|.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE
    )
}


@pytest.mark.parametrize("name", [name for name in ROWS if get_corpus(name).checked])
def test_the_guide_counts_every_split(name: str, data: Path) -> None:
    for split in get_corpus(name).splits:
        count = sum(1 for _ in read(name, split, data=data))
        assert re.search(rf"\b{split} {count:,}(,|\s)", ROWS[name]), (split, count)


def test_the_guide_lists_the_readers_that_have_not_met_their_files() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    paragraph = text.partition("## Readers not yet tested")[2].partition(". Their")[0]
    listed = set(re.findall(r"`([^`]+)`", paragraph))
    assert listed == {name for name in ROWS if not get_corpus(name).checked}
