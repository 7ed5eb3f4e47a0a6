"""What the page on question answering says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bioinstruct.corpora import get_corpus, names, read

GUIDE = Path(__file__).parents[2] / "docs" / "corpora-qa.md"
ROWS = {
    row.split("`")[1]: row
    for row in GUIDE.read_text(encoding="utf-8").splitlines()
    if row.startswith("| `")
}
COUNTED = {
    (name, split): int(count.replace(",", ""))
    for name, row in ROWS.items()
    for split, count in re.findall(r"\b(train|validation|test) ([\d,]*\d)", row.split("|")[3])
}


@pytest.mark.peer
@pytest.mark.parametrize(("name", "split"), COUNTED)
def test_the_numbers_of_the_table_are_measured(name: str, split: str, data: Path) -> None:
    assert sum(1 for _ in read(name, split, data=data)) == COUNTED[name, split]


def test_a_split_without_a_number_is_listed_as_not_yet_run() -> None:
    _, _, listed = GUIDE.read_text(encoding="utf-8").partition(
        "## Readers not yet tested on real files"
    )
    for name in ROWS.keys() & set(names()):
        corpus = get_corpus(name)
        if any((name, split) not in COUNTED for split in corpus.splits):
            assert f"`{name}`" in listed or name.startswith("mmlu-"), name
        if not any((name, split) in COUNTED for split in corpus.splits):
            assert not corpus.checked, name


def test_the_example_of_the_page_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(GUIDE), "exec"), {})
    said = re.findall(r"^#>(?: (.*))?$", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said
