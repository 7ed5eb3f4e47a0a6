"""A run writes over no other: the folders of `bioinstruct-bench`, and its recipes in parts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, UnknownNameError
from bioinstruct.bench.cli.folder import RUNS
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.training.recipe import Recipe, differences, load_recipe, parse_changes
from bioinstruct.errors import DataError

TASK = ("--tasks", "demo-qa", "--limit", "2", "--no-tune")


@pytest.fixture
def model(
    model_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    return str(model_folder("llama"))


def bench(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(args))
    return int(caught.value.code or 0)


def test_another_run_into_a_folder_is_refused_with_what_differs_and_the_way_out(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = ("--model", model, *TASK, "--out", "run")
    assert bench(*first) == 0
    report = Path("run/report.json").read_bytes()
    assert bench(*first) == 0  # the same again asks nothing twice
    capsys.readouterr()
    other = ("--model", model, "--tasks", "demo-ie", "--limit", "3", "--no-tune", "--out", "run")
    assert bench(*other) == 1
    said = capsys.readouterr().err
    assert "--tasks demo-qa, now demo-ie; --limit 2, now 3" in said
    assert "--force" in said
    assert Path("run/report.json").read_bytes() == report
    assert bench(*other, "--force") == 0
    assert [r["task"] for r in json.loads(Path("run/report.json").read_text("utf-8"))["rows"]] == [
        "demo-ie"
    ]


def test_every_option_that_changes_a_report_is_a_setting(model: str) -> None:
    from bioinstruct.bench.cli.folder import _settings
    from bioinstruct.bench.cli.main import _parser

    def settings(*args: str) -> object:
        return _settings(_parser().parse_args(["--model", model, *args]))

    plain = settings()
    for changed in ("--limit 1", "--shots 1", "--orders 2", "--no-tune", "--seed 1"):
        assert settings(*changed.split()) != plain
    address = ("--endpoint", "https://me:hidden-word@here/v1?key=abcdefghijk")
    assert settings(*address) == {**plain, "endpoint": "https://here/v1"}  # type: ignore[dict-item]


def test_a_tuned_report_is_not_replaced_by_one_without_tuning(model: str) -> None:
    run = ("--model", model, "--tasks", "demo-qa", "--limit", "2", "--out", "run")
    Path("run").mkdir()
    Path("run/settings.json").write_text(
        json.dumps({"model": model, "tasks": ["demo-qa"], "limit": 2}), "utf-8"
    )
    assert bench(*run, "--no-tune") == 1
    assert bench(*run, "--no-tune", "--force") == 0


def test_without_a_folder_each_run_has_its_own_and_an_unfinished_one_is_continued(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ("--model", model, *TASK)
    assert bench(*args) == 0
    [first] = RUNS.iterdir()
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d-{re.escape(Path(model).name)}", first.name)
    assert bench(*args) == 0
    second = RUNS / f"{first.name}-2"
    assert (second / "report.json").is_file()
    (second / "report.json").unlink()  # as if it had been stopped
    answers = (second / "answers.jsonl").read_bytes()
    capsys.readouterr()
    assert bench(*args[:-2], "3", "--no-tune") == 0  # other settings begin anew
    assert (RUNS / f"{first.name}-3").is_dir()
    assert bench(*args) == 0
    assert f"continuing the run in {second}" in capsys.readouterr().err
    assert (second / "report.json").is_file()
    assert (second / "answers.jsonl").read_bytes() == answers
    assert len(list(RUNS.iterdir())) == 3


def test_other_data_under_the_same_name_are_other_settings(model: str) -> None:
    from bioinstruct import write
    from bioinstruct.bench.cli.folder import _settings
    from bioinstruct.bench.cli.main import _parser
    from tests.records import records

    found = []
    for count in (1, 2):
        write("data.jsonl", records(count))
        found.append(_settings(_parser().parse_args(["--model", model, "--data", "data.jsonl"])))
    assert found[0] != found[1]


def test_a_recipe_starts_from_its_base_and_options_come_last(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('base = "tiny"\nrank = 8\n', "utf-8")
    (tmp_path / "more.toml").write_text('base = "mine.toml"\nepochs = 2\n', "utf-8")
    tiny = load_recipe("tiny")
    assert load_recipe(str(tmp_path / "mine.toml")) == tiny.model_copy(update={"rank": 8})
    found = load_recipe(str(tmp_path / "more.toml"), changes=parse_changes(["rank=4", "alpha=8.0"]))
    assert found == tiny.model_copy(update={"rank": 4, "alpha": 8.0, "epochs": 2})
    assert differences(found, tiny) == ["rank 4 (16)", "alpha 8.0 (32.0)", "epochs 2 (4)"]


def test_a_partial_recipe_starts_from_tiny_only_where_it_names_no_base(tmp_path: Path) -> None:
    part, named = tmp_path / "part.toml", tmp_path / "named.toml"
    part.write_text("rank = 8\n", "utf-8")
    named.write_text('base = "default"\nrank = 8\n', "utf-8")
    assert load_recipe(str(part)).learning_rate == Recipe().learning_rate
    assert load_recipe(str(part), base="tiny").learning_rate == load_recipe("tiny").learning_rate
    default = load_recipe("default").model_copy(update={"rank": 8})
    assert load_recipe(str(named), base="tiny") == default


def test_changes_are_toml_values_or_texts() -> None:
    assert parse_changes(["epochs=1", "style=chat", 'targets=["a"]', "train_embeddings=true"]) == {
        "epochs": 1,
        "style": "chat",
        "targets": ["a"],
        "train_embeddings": True,
    }


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (["rnak=1"], UnknownNameError, "no recipe field named 'rnak'"),
        (["rank=0"], DataError, "rank"),
        (["rank"], BioinstructError, "not NAME=VALUE"),
    ],
)
def test_a_change_that_cannot_be_is_named(
    changes: list[str], error: type[BioinstructError], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_recipe("tiny", changes=parse_changes(changes))


def test_recipes_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('base = "a.toml"\n', "utf-8")
    with pytest.raises(DataError, match="circle"):
        load_recipe(str(tmp_path / "a.toml"))


def test_the_plan_names_what_differs_from_the_recipe(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ("--model", "tiny", "--tasks", "demo-qa", "--limit", "2", "--plan")
    assert bench(*args, "--set", "epochs=1", "rank=8") == 0
    assert "recipe      tiny, but rank 8 (16), epochs 1 (4)" in capsys.readouterr().out
