"""The Python API: lazy names, records that print, and the same results as the commands."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bioinstruct as bi
from bioinstruct.progress import Progress
from bioinstruct.records import Records
from tests.records import record


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


NAMES = "{name: (type(value).__name__, value.__module__) for name in bi.__all__ "
NAMES += "if hasattr(value := getattr(bi, name), '__module__')}"


def test_importing_the_package_loads_no_corpus_and_no_library() -> None:
    loaded = json.loads(run("import sys, json, bioinstruct; print(json.dumps(list(sys.modules)))"))
    ours = {name for name in loaded if name.startswith("bioinstruct")}
    assert ours == {"bioinstruct", "bioinstruct.lazy"}
    assert not {"numpy", "pydantic", "torch"} & set(loaded)


def test_names_are_the_same_whatever_was_imported_before() -> None:
    """A submodule never takes the place of a function of the same name."""
    submodules = "import pkgutil, importlib, bioinstruct as bi\n"
    submodules += "for m in pkgutil.iter_modules(bi.__path__, 'bioinstruct.'):\n"
    submodules += "    importlib.import_module(m.name)\n"
    deep = "import bioinstruct.mixtures.compile, bioinstruct.dataset.publish\n"
    deep += "import bioinstruct.dataset.statistics, bioinstruct.cli.main, bioinstruct.cli.label\n"
    first = run(f"import bioinstruct as bi\nprint({NAMES})")
    assert run(f"{submodules}print({NAMES})") == first
    assert run(f"{deep}import bioinstruct as bi\nprint({NAMES})") == first
    assert run(f"import bioinstruct as bi\nbi.__all__ and {NAMES}\n{deep}print({NAMES})") == first
    assert "'module'" not in first


@pytest.mark.parametrize("package", ["bioinstruct", "bioinstruct.bench"])
def test_no_submodule_has_the_name_of_a_public_function(package: str) -> None:
    module = importlib.import_module(package)
    submodules = {path.stem for path in Path(str(module.__file__)).parent.iterdir()}
    assert not submodules & set(module.__all__)


@pytest.mark.peer
@pytest.mark.parametrize("package", ["bioinstruct", "bioinstruct.bench"])
def test_public_names_keep_their_home_after_every_submodule_is_imported(package: str) -> None:
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        with contextlib.suppress(ImportError):  # of an extra that is not installed
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    for home, names in module._HOMES.items():
        for name in names:
            assert getattr(module, name) is getattr(importlib.import_module(home), name)


@pytest.mark.peer
@pytest.mark.parametrize("first", [True, False])
def test_the_names_of_the_script_are_functions_in_either_order(first: bool) -> None:
    submodules = "import bioinstruct.bench.results, bioinstruct.bench.cli.compare\n"
    submodules += "import bioinstruct.filters, bioinstruct.bench.tasks, bioinstruct.bench.metrics\n"
    package = "import bioinstruct as bi\nfrom bioinstruct import bench\n"
    check = "print([type(f).__name__ for f in (bi.generate, bi.compile, bi.filter, bi.label, "
    check += "bi.publish, bi.load, bench.load_tasks, bench.load_model, bench.evaluate, bench.tune, "
    check += "bench.compare)])"
    code = submodules + package if first else package + submodules
    assert run(code + check).strip() == str(["function"] * 11)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'bioinstruct' has no attribute 'compil'"):
        bi.compil  # type: ignore[attr-defined]  # noqa: B018
    assert set(bi.__all__) <= set(dir(bi))


def test_records_are_a_list_that_prints_by_source() -> None:
    made = Records([record(n) for n in range(3)], notes=["stopped early"])
    assert made == [record(0), record(1), record(2)]
    assert isinstance(made[:2], Records)
    assert made[:2] == [record(0), record(1)]
    text = str(made)
    assert text.splitlines()[0] == "3 instructions"
    assert made[0].provenance.origin in text
    assert text.splitlines()[-1] == "stopped early"
    html = made._repr_html_()
    assert html.count("<tr>") == 2
    assert "stopped early" in html
    assert made.statistics().examples == 3
    assert "3 instructions" in str(made.statistics())
    assert made.statistics()._repr_html_().startswith("<table>")


def test_html_shows_hostile_text_as_text() -> None:
    html = Records([record(0, provenance={"origin": "<script>"})])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_load_keeps_the_good_lines_and_says_what_was_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "mine.jsonl"
    bi.write(path, [record(0), record(1)])
    path.write_text(path.read_text("utf-8") + "{}\n", "utf-8")
    with caplog.at_level(logging.INFO, logger="bioinstruct"):
        found = bi.load(path)
    assert found == [record(0), record(1)]
    assert [one.place["line"] for one in found.rejected] == [3]  # type: ignore[attr-defined]
    assert "left out 1" in caplog.text
    assert "1 left out" in str(found)


def test_compile_and_label_are_what_the_commands_write(tmp_path: Path) -> None:
    seen: list[Progress] = []
    compiled = bi.compile("demo", limit=1500, progress=seen.append)
    assert [p.done for p in seen] == [1000, 1500]
    assert str(seen[-1]) == "compiling: 1,500/1,500"
    assert compiled == list(bi.compile_corpora(["demo"], limit=1500))
    labelled = bi.label(compiled[:20])
    assert [made.example for made in labelled.labels] == labelled
    assert [e.id for e in labelled] == [e.id for e in compiled[:20]]


def test_publish_load_and_export_take_paths_as_text(tmp_path: Path) -> None:
    records = bi.compile("demo", limit=30)
    published = bi.publish(records, str(tmp_path / "out"))
    assert published.examples == 30
    assert bi.load(str(tmp_path / "out")) == records
    assert bi.export(records, "alpaca", str(tmp_path / "a.json")) == 30
    assert bi.statistics(records) == published


def test_filter_leaves_out_tests_and_near_duplicates_with_reasons() -> None:
    """Compiled records share their wording: they stay, as in a mixture."""
    train = bi.compile("demo", limit=200)
    test = bi.compile("demo", split="test", limit=3)
    wordings = {example.instruction for example in train}
    assert len(wordings) < 50
    kept = bi.filter([*train, *test], against=["demo-qa", "demo-ie", "demo-gen"])
    assert not {example.id for example in test} & {example.id for example in kept}
    assert len(kept) > 150  # some training records ask what another test record asks
    assert kept.reasons()["contaminated-exact"] >= 3
    assert len(kept) + len(kept.rejected) == len(train) + len(test)
    twice = bi.filter([*train, train[0]], near_duplicates=0.7)
    assert "near-duplicate" in twice.reasons()
    assert len(twice) > len(wordings)


def test_generated_records_are_compared_by_their_instruction() -> None:
    seed = {"kind": "seed"}
    alike = [record(0, provenance=seed), record(0, input="another input", provenance=seed)]
    assert bi.filter(alike, near_duplicates=0.7) == alike[:1]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: bi.compile("demos"), bi.UnknownNameError, "no corpus named 'demos'"),
        (lambda: bi.compile("demo", split="dev"), bi.UnknownNameError, "no split of demo"),
        (lambda: bi.compile([]), bi.BioinstructError, "no instructions"),
        (lambda: bi.load("no/such.jsonl"), bi.MissingError, "no file or folder"),
        (lambda: bi.filter([record(0)]), bi.BioinstructError, "nothing to filter by"),
        (lambda: bi.filter([], near_duplicates=7), bi.BioinstructError, "7"),
        (lambda: bi.filter([], against="pubmdqa"), bi.UnknownNameError, "'pubmdqa'"),
        (lambda: bi.filter([], rules="ever"), bi.UnknownNameError, "'ever'"),
    ],
)
def test_bad_input_is_one_clear_error(call: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()  # type: ignore[operator]
