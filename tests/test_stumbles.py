"""Small stumbles of new users, each typed as they typed it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError, ModelError, read, write
from bioinstruct.cli.main import main
from bioinstruct.console import Line
from tests.records import records


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    write("in.jsonl", records(3))


def typed(*args: str) -> int:
    with pytest.raises(SystemExit) as done:
        main(list(args))
    return int(done.value.code or 0)


def test_a_file_after_a_list_of_rules_is_the_source() -> None:
    assert typed("filter", "--out", "kept.jsonl", "--rules", "all", "in.jsonl") == 0
    assert list(read("kept.jsonl")) == records(3)


def test_a_rule_that_is_misspelt_is_still_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("filter", "in.jsonl", "--out", "kept.jsonl", "--rules", "urlss") == 1
    assert "no rule named 'urlss'" in capsys.readouterr().err


def test_without_a_source_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("filter", "--out", "kept.jsonl", "--rules", "all") == 2
    assert "required: SOURCE" in capsys.readouterr().err


def test_a_file_to_compare_with_that_is_missing_is_no_task(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert typed("filter", "in.jsonl", "--against", "tests.jsonl", "--out", "kept.jsonl") == 1
    assert "no file tests.jsonl" in capsys.readouterr().err


def test_a_dry_run_refuses_the_licence_that_the_run_refuses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    args = ("generate", "--model", "m", "--count", "3", "--license", "CC BY 4.0", "--dry-run")
    assert typed(*args) == 1
    assert "did you mean `CC-BY-4.0`?" in capsys.readouterr().err


def test_an_export_into_a_folder_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    assert typed("export", "in.jsonl", "--to", "alpaca", "--out", "out") == 1
    assert "name a file in it, such as out/records.jsonl" in capsys.readouterr().err


def test_a_fault_at_the_end_of_a_line_is_on_that_line() -> None:
    lines = Path("in.jsonl").read_text("utf-8").splitlines()
    Path("bad.jsonl").write_text("\n".join([*lines, lines[0][:-1], lines[0], ""]), "utf-8")
    with pytest.raises(DataError, match=r"bad\.jsonl:4: not valid JSON \(.* at column \d+\)"):
        list(read("bad.jsonl"))


def test_wrong_usage_names_the_nearest_of_many_choices(capsys: pytest.CaptureFixture[str]) -> None:
    from bioinstruct.bench.cli.main import main as bench

    with pytest.raises(SystemExit):
        bench(["--model", "tiny", "--metric", "bluu"])
    said = capsys.readouterr().err
    assert "did you mean `bleu`?" in said
    assert "usage:" not in said


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_a_metric_whose_library_is_missing_is_refused_when_it_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioinstruct.bench.metrics import get_metric

    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingError, match="need sacrebleu"):
        get_metric(name)


def test_a_bare_name_of_no_model_is_refused_without_the_network() -> None:
    from bioinstruct.bench.models.loading import find_model

    with pytest.raises(ModelError, match=r"no Hub id, which is OWNER/NAME"):
        find_model("mymodel")
    assert find_model("owner/name") == "owner/name"


def test_a_progress_line_keeps_its_end_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Line().show("tuning  step 1,000/2,000  loss 1.234  2,600 tokens/s (800 target)  17 min left")
    shown = re.sub(r"\x1b\[K|\r", "", capsys.readouterr().err)
    assert shown.startswith("tuning")
    assert shown.endswith("17 min left")
    assert len(shown) == 39


def test_the_list_says_what_can_run_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from bioinstruct.bench.cli.main import main as bench

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(SystemExit):
        bench(["--list"])
    state = {line.split()[0]: line.split()[2] for line in capsys.readouterr().out.splitlines()}
    assert (state["demo-qa"], state["pubmedqa"], state["bioasq-yes-no"]) == (
        "ready",
        "missing",
        "gated",
    )


def test_the_blocks_of_the_page_on_spark_define_what_they_use() -> None:
    import ast
    import builtins

    page = (Path(__file__).parent.parent / "docs" / "spark.md").read_text("utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        nodes = list(ast.walk(ast.parse(block)))
        names = [node for node in nodes if isinstance(node, ast.Name)]
        made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        made |= {
            a.asname or a.name
            for n in nodes
            if isinstance(n, ast.Import | ast.ImportFrom)
            for a in n.names
        }
        assert {n.id for n in names if isinstance(n.ctx, ast.Load)} <= made | set(dir(builtins))
