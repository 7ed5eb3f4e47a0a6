"""Where the files of a corpus are looked for, and that the pinned sums are those of real files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bioinstruct import MissingError, corpora
from bioinstruct.corpora import get_corpus, paths
from bioinstruct.files import read_bytes


@pytest.fixture
def _nothing_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.usefixtures("_nothing_given")
def test_fetched_files_are_found_without_a_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = get_corpus("pubmedqa")
    fetched = corpora.cache_directory() / "pubmedqa"
    with pytest.raises(MissingError, match="no data directory"):
        corpora.folder_of(corpus)
    fetched.mkdir(parents=True)
    assert corpora.folder_of(corpus) == fetched
    given = tmp_path / "data"
    (given / "pubmedqa").mkdir(parents=True)
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(given))
    assert corpora.folder_of(corpus) == given / "pubmedqa"  # neither is complete
    for download in corpus.downloads:
        (fetched / download.path).write_bytes(b"")
    assert corpora.folder_of(corpus) == fetched
    for download in corpus.downloads:
        (given / "pubmedqa" / f"{download.path}.gz").write_bytes(b"")
    assert corpora.folder_of(corpus) == given / "pubmedqa"
    assert corpora.folder_of(corpus, tmp_path / "data") == given / "pubmedqa"
    assert corpora.folder_of(corpus, tmp_path) == fetched
    with pytest.raises(MissingError, match="no folder"):
        corpora.folder_of(corpus, tmp_path / "nowhere")


def test_the_cache_is_where_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert corpora.cache_directory() == tmp_path / ".cache/bioinstruct/corpora"


def test_every_pinned_sum_is_that_of_the_real_file(data: Path) -> None:
    folders = paths._table()
    checked = 0
    for folder in folders:
        for download in paths.downloads(folder):
            assert download.url.startswith("https://")
            content = read_bytes(data / folder / download.path)
            assert hashlib.sha256(content).hexdigest() == download.sha256, download.path
            checked += 1
    assert checked >= 35


def test_every_pinned_file_belongs_to_a_corpus() -> None:
    known = {get_corpus(name).folder for name in corpora.names()}
    stray = set(paths._table()) - known
    assert not stray, f"no corpus lies in {stray}"


def test_what_is_fetched_is_all_that_the_readers_need(data: Path, tmp_path: Path) -> None:
    fetched = [get_corpus(name) for name in corpora.names() if get_corpus(name).downloads]
    assert len(fetched) >= 16
    for folder in {corpus.folder for corpus in fetched}:
        for download in paths.downloads(folder):
            path = tmp_path / str(folder) / download.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_bytes(data / str(folder) / download.path))
    for corpus in fetched:
        assert corpora.is_complete(corpus, corpora.folder_of(corpus, tmp_path))
        for split in corpus.splits:
            assert next(corpora.read(corpus.name, split, data=tmp_path)).provenance.split == split
