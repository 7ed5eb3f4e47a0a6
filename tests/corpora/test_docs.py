from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bioinstruct import jsonl
from bioinstruct.bench.tasks import base
from bioinstruct.cli.main import main
from bioinstruct.corpora import get_corpus, names, read
from tests.corpora import guide

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = DOCS / "corpora.md"
GUIDES = "".join(path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("corpora*.md")))


def write_rows(path: Path, *rows: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("id,message,urgency", *rows, "")), encoding="utf-8")


def test_the_example_of_a_new_corpus_compiles_mixes_and_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    [code] = [block for block in blocks if "CORPUS = register(" in block]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(tmp_path))
    Path("triage.py").write_text(code, encoding="utf-8")
    tested = "4,I have had a very sore throat and a fever since last night.,soon"
    write_rows(tmp_path / "triage/test.csv", tested)
    write_rows(tmp_path / "triage/train.csv", "1,My chest hurts.,emergency", "2,Hm.,high", tested)
    Path("my.toml").write_text("[[source]]\ncorpus = 'triage'\n", encoding="utf-8")

    def run(*args: str) -> int:
        with pytest.raises(SystemExit) as caught:
            main(["compile", *args])
        return int(str(caught.value.code))

    assert run("triage", "--corpus-file", "triage.py", "--out", "x.jsonl") == 1
    assert [record.output for record in jsonl.read("x.jsonl")] == ["emergency", "soon"]
    [fault] = [json.loads(line) for line in Path("x.rejected.jsonl").read_bytes().splitlines()]
    assert (fault["line"], fault["reason"]) == (3, "urgency: unknown 'high'")
    assert run("--mixture", "my.toml", "--out", "y.jsonl") == 1  # it stays registered
    assert [record.input for record in jsonl.read("y.jsonl")] == ["My chest hurts."]
    [example] = base.get_task("triage").read("test")
    assert (example.provenance.document, example.output) == ("4", "soon")
    capsys.readouterr()
    assert run("triage", "--corpus-file", "triage.py", "--out", "z.jsonl") == 1
    assert "triage.py:34: the corpus 'triage' is already registered" in capsys.readouterr().err


@pytest.mark.parametrize("name", names())
def test_the_guide_says_what_the_corpus_says(name: str) -> None:
    corpus = get_corpus(name)
    [row] = re.findall(rf"^\| `{name}` (?:\|[^|\n]*){{3,}}\|$", GUIDES, re.MULTILINE)
    assert all(re.search(rf"\b{split}\b", row) for split in corpus.splits)
    if corpus.folder:
        assert corpus.license in row
        assert corpus.homepage in row
        assert guide.counts(name) == corpus.counts


@pytest.mark.parametrize("name", ["pubmedqa", "ncbi-disease", "mts-dialog"])
def test_the_guide_counts_every_split(name: str, data: Path) -> None:
    [row] = re.findall(rf"^\| `{name}` (?:\|[^|\n]*){{3,}}\|$", GUIDES, re.MULTILINE)
    for split in get_corpus(name).splits:
        count = sum(1 for _ in read(name, split, data=data))
        assert re.search(rf"\b{split} {count:,}(,|\s)", row), (split, count)
