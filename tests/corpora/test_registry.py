"""Corpora that do not ship with the package, and what is loaded for those that do."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, UnknownNameError
from bioinstruct.corpora import (
    Corpus,
    Row,
    chemprot_abstracts,
    gad,
    get_corpus,
    hoc,
    names,
    read,
    register,
    registry,
    rqe,
)
from bioinstruct.corpora.user_file import load_corpus_file
from tests.records import record


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """A registry of its own, and the entry points that installed packages offer in it."""
    entries: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints(entries))
    monkeypatch.setattr(registry, "_known", functools.cache(registry._known.__wrapped__))
    return entries


def rows(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    yield record(1)


OWN = replace(get_corpus("demo"), name="own", reader=rows)
BROKEN = "no corpus"


def test_a_registered_corpus_is_known_by_its_name() -> None:
    assert register(OWN) is OWN is get_corpus("own")
    assert "own" in names()
    assert list(read("own", "test")) == [record(1)]


@pytest.mark.parametrize("name", ["own", "hoc"])
def test_a_corpus_registered_twice_is_an_error_that_names_it(name: str) -> None:
    register(OWN)
    with pytest.raises(BioinstructError, match=f"the corpus '{name}' is already registered"):
        register(replace(OWN, name=name))
    other = register(replace(OWN, name=name, title="Another"), replace=True)
    assert get_corpus(name) is other


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (replace(OWN, name="My Corpus"), "name 'My Corpus' is not in kebab-case"),
        (replace(OWN, splits=()), "'own' has no splits"),
        (replace(OWN, reader=None), "reader of the corpus 'own' cannot be called"),
        ("own", "expected a Corpus, found str"),
    ],
)
def test_what_cannot_be_a_corpus_is_refused(corpus: Corpus, message: str) -> None:
    with pytest.raises(BioinstructError, match=message):
        register(corpus)


def test_an_installed_package_offers_a_corpus_which_is_loaded_at_first_use(
    offered: list[EntryPoint],
) -> None:
    offered.append(EntryPoint("own", f"{__name__}:OWN", registry.GROUP))
    offered.append(EntryPoint("broken", "nothing_of_this_name:CORPUS", registry.GROUP))
    offered.append(EntryPoint("text", f"{__name__}:BROKEN", registry.GROUP))
    offered.append(EntryPoint("alias", f"{__name__}:OWN", registry.GROUP))
    assert {"own", "broken", "text"} <= set(names())
    assert get_corpus("own") is OWN
    for name, message in (
        ("broken", r"'broken' as nothing_of_this_name:CORPUS, .*ModuleNotFoundError"),
        ("text", "'text' as .*expected a Corpus, found str"),
        ("alias", "a corpus as 'alias', which calls itself 'own'"),
    ):
        with pytest.raises(BioinstructError, match=message):
            get_corpus(name)


def test_two_packages_that_offer_one_name_are_an_error(offered: list[EntryPoint]) -> None:
    offered.append(EntryPoint("hoc", f"{__name__}:OWN", registry.GROUP))
    with pytest.raises(BioinstructError, match="the corpus 'hoc' is registered twice"):
        names()


def test_an_unknown_name_lists_those_that_were_registered() -> None:
    register(OWN)
    with pytest.raises(UnknownNameError, match="own, "):
        get_corpus("onw")


@pytest.mark.parametrize(
    ("content", "message"),
    [("x = 1\n", r"own\.py registers no corpus"), ("1 / 0\n", r"own\.py:1: ZeroDivisionError")],
)
def test_a_corpus_file_that_cannot_be_used_is_named(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(content, encoding="utf-8")
    with pytest.raises(BioinstructError, match=message):
        load_corpus_file(tmp_path / "own.py")


READERS = {
    target["reader"].partition(":")[0] for target in map(registry._values, registry._table())
}


@pytest.mark.parametrize(
    "statement",
    [
        "import bioinstruct",
        "import bioinstruct.corpora",
        "from bioinstruct import corpora; [corpora.get_corpus(name) for name in corpora.names()]",
        "from bioinstruct.cli.main import main; main(['compile', '--help'])",
        "from bioinstruct.bench.cli.main import main; main(['--list'])",
    ],
)
def test_no_corpus_module_is_imported_before_it_reads(statement: str) -> None:
    code = f"""
import sys
try:
    {statement}
except SystemExit:
    pass
print(*(name for name in sys.modules if name.startswith('bioinstruct.corpora.')), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {name.rpartition(".")[2] for name in done.stderr.split()} & READERS


def test_the_labels_of_a_corpus_are_those_of_its_reader() -> None:
    assert tuple(hoc.MEDTUNED) == hoc.LABELS
    assert tuple(chemprot_abstracts.GROUPS.values()) == chemprot_abstracts.LABELS
    assert set(rqe.ANSWERS.values()) == set(rqe.LABELS)
    assert set(gad.POLARITY.values()) == set(gad.LABELS)
    assert not get_corpus("ddi2013-drugs").labels


def test_reading_a_corpus_imports_its_module_only() -> None:
    code = """
import sys
from bioinstruct import corpora
next(corpora.read("demo", "test"))
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.rpartition(".")[2] for name in done.stdout.split() if ".corpora." in name}
    assert loaded & READERS == {"demo"}
