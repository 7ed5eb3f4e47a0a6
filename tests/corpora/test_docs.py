from __future__ import annotations

import re
import types
from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import get_corpus, names, read

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "corpora.md"
GUIDES = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("corpora*.md")))


def test_the_example_of_a_new_corpus_works(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    [code] = [block for block in blocks if "CORPUS = Corpus(" in block]
    module = types.ModuleType("triage")
    exec(compile(code, str(GUIDE), "exec"), module.__dict__)
    path = tmp_path / "test.csv"
    path.write_text("id,message,urgency\n7,My chest hurts.,emergency\n", encoding="utf-8")
    [example] = module.CORPUS.reader(tmp_path, "test", layout="", seed=0)
    assert (example.input, example.output) == ("My chest hurts.", "emergency")
    assert example.provenance == module.CORPUS.provenance(split="test", document="7")
    path.write_text("id,message,urgency\n7,My chest hurts.,high\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"test\.csv:2: urgency: unknown 'high'"):
        list(module.CORPUS.reader(tmp_path, "test", layout="", seed=0))


@pytest.mark.parametrize("name", names())
def test_the_guide_says_what_the_corpus_says(name: str) -> None:
    corpus = get_corpus(name)
    [row] = re.findall(rf"^\| `{name}` \|.*$", GUIDES, re.MULTILINE)
    assert all(re.search(rf"\b{split}\b", row) for split in corpus.splits)
    if corpus.folder:
        assert corpus.license in row
        assert corpus.homepage in row


@pytest.mark.parametrize("name", ["pubmedqa", "ncbi-disease", "mts-dialog"])
def test_the_guide_counts_every_split(name: str, data: Path) -> None:
    [row] = re.findall(rf"^\| `{name}` \|.*$", GUIDES, re.MULTILINE)
    for split in get_corpus(name).splits:
        count = sum(1 for _ in read(name, split, data=data))
        assert re.search(rf"\b{split} {count:,}(,|\s)", row), (split, count)
