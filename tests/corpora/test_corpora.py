from __future__ import annotations

import contextlib
import importlib
import itertools
import pkgutil
from pathlib import Path

import pytest

from bioinstruct import Instruction, MissingError, UnknownNameError, corpora
from bioinstruct.corpora import Corpus, data_directory, get_corpus, names, read, registry

ALL = [get_corpus(name) for name in names()]
ON_DISK = [corpus for corpus in ALL if corpus.folder]
LICENSED_BY_DOCUMENT = {"pmc-trials"}


def test_every_module_with_a_corpus_is_registered() -> None:
    modules = {found.name for found in pkgutil.iter_modules(corpora.__path__)}
    shared = {"answers", "base", "download", "formats", "hash_split", "paths", "registry"}
    helpers = {"openstax_cnxml", "pmc_sections", "primock57_textgrid", "user_file", "wordings"}
    targets = {values["reader"] for values in map(registry._values, registry._table())}
    assert {target.partition(":")[0] for target in targets} == modules - shared - helpers
    for target in targets:
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(f"bioinstruct.corpora.{module}"), name))
    assert list(names()) == sorted(names())


@pytest.mark.parametrize("corpus", ALL, ids=lambda corpus: corpus.name)
def test_a_corpus_says_where_it_is_from(corpus: Corpus) -> None:
    assert corpus.name == corpus.name.lower().replace("_", "-")
    assert set() < set(corpus.splits) <= {"train", "validation", "test", "test-2", "test-3"}
    provenance = corpus.provenance(split="test", document="1")
    assert provenance.kind == "compiled"
    assert (provenance.origin, provenance.license) == (corpus.name, corpus.license)


def here(corpus: Corpus, data: Path) -> list[str]:
    """The splits whose official files are there: some, for a corpus that has been checked."""
    found = []
    for split in corpus.splits:
        with contextlib.suppress(MissingError):
            next(read(corpus.name, split, data=data), None)
            found.append(split)
    if not found and not corpus.checked:
        pytest.skip(f"{corpus.name} is not here: NOT CHECKED ON THE REAL FILES")
    assert found
    return found


def check_provenance(corpus: Corpus, data: Path, limit: int | None) -> None:
    for split, layout in itertools.product(here(corpus, data), corpus.layouts or (None,)):
        examples = read(corpus.name, split, data=data, layout=layout)
        for example in itertools.islice(examples, limit):
            assert corpus.category in {None, example.category}
            assert example.provenance.document
            own = {"document": example.provenance.document, "license": example.provenance.license}
            assert own["license"] == corpus.license or corpus.name in LICENSED_BY_DOCUMENT
            assert example.provenance == corpus.provenance(split=split, **own)


@pytest.mark.parametrize("corpus", ON_DISK, ids=lambda corpus: corpus.name)
def test_the_first_records_of_every_split_say_where_they_are_from(
    corpus: Corpus, data: Path
) -> None:
    check_provenance(corpus, data, 200)


@pytest.mark.peer
@pytest.mark.parametrize("corpus", ON_DISK, ids=lambda corpus: corpus.name)
def test_every_record_of_every_split_says_where_it_is_from(corpus: Corpus, data: Path) -> None:
    check_provenance(corpus, data, None)


@pytest.mark.peer
@pytest.mark.parametrize("corpus", ON_DISK, ids=lambda corpus: corpus.name)
def test_reading_twice_gives_the_same(corpus: Corpus, data: Path) -> None:
    split = here(corpus, data)[-1]

    def first(layout: str | None = None) -> list[Instruction]:
        return list(itertools.islice(read(corpus.name, split, data=data, layout=layout), 500))

    once = first()
    assert once == first()
    if corpus.layouts:
        assert once == first(corpus.layouts[0])


def test_unknown_names_are_refused_at_once_with_the_nearest_known() -> None:
    with pytest.raises(UnknownNameError) as caught:
        get_corpus("ncbi-diseases")
    assert caught.value.hint == "did you mean `ncbi-disease`?"
    with pytest.raises(
        UnknownNameError, match="no split of pubmedqa named 'validation'; known: te"
    ):
        read("pubmedqa", "validation")
    with pytest.raises(UnknownNameError, match="no layout of ncbi-disease named 'bio'"):
        read("ncbi-disease", "test", layout="bio")
    with pytest.raises(UnknownNameError, match="no layout of pubmedqa named 'mentions'; known: no"):
        read("pubmedqa", "test", layout="mentions")


def test_the_data_directory_is_the_argument_else_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(tmp_path))
    assert data_directory() == tmp_path
    assert data_directory(tmp_path / "other") == tmp_path / "other"
    with pytest.raises(MissingError, match=r"no folder .*nowhere"):
        data_directory(tmp_path / "nowhere")


@pytest.mark.parametrize("value", ["", None])
def test_without_a_data_directory_the_hint_says_what_to_set_and_where_to_look(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    else:
        monkeypatch.setenv("BIOINSTRUCT_DATA", value)
    with pytest.raises(MissingError, match="no data directory") as caught:
        read("mts-dialog", "test")
    assert "BIOINSTRUCT_DATA" in caught.value.hint
    assert get_corpus("mts-dialog").homepage in caught.value.hint


@pytest.mark.parametrize("corpus", ON_DISK, ids=lambda corpus: corpus.name)
def test_a_missing_file_is_named_with_the_place_to_get_it(corpus: Corpus, tmp_path: Path) -> None:
    examples = read(corpus.name, corpus.splits[-1], data=tmp_path)
    with pytest.raises(MissingError) as caught:
        next(examples)
    assert f"no file {tmp_path / str(corpus.folder)}" in str(caught.value)
    assert corpus.homepage in caught.value.hint
