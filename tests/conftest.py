from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.preloaded import Preloaded

# The same examples in every run, unless BIOINSTRUCT_RANDOM is set to look for new ones. The time of
# an example says nothing on a shared machine.
hypothesis.settings.register_profile(
    "same", deadline=None, derandomize="BIOINSTRUCT_RANDOM" not in os.environ
)
hypothesis.settings.load_profile("same")

# Nothing in the tests may reach the network.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command does
# Read when datasets is loaded, which a test module may do before any fixture: no test reads or
# writes the user's own cache.
_CACHE = tempfile.TemporaryDirectory(prefix="bioinstruct-tests-")
os.environ["HF_HOME"] = _CACHE.name
os.environ["HF_DATASETS_CACHE"] = f"{_CACHE.name}/datasets"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the real corpora; tests that need it are skipped, loudly, without it."""
    folder = os.environ.get("BIOINSTRUCT_DATA")
    if not folder:
        pytest.skip("BIOINSTRUCT_DATA is not set: NOT CHECKED ON THE REAL CORPORA")
    assert Path(folder).is_dir(), f"BIOINSTRUCT_DATA is not a folder: {folder}"
    return Path(folder).resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test, so that no process waits for it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/test_make_demo.py"))


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    """The project's commands, without the seconds that importing torch takes."""
    folder = Path(tempfile.mkdtemp(prefix="bioinstruct-"))  # the address of a socket must be short
    server = Preloaded(folder, {**os.environ, **_caches(tmp_path_factory)})
    yield server
    server.stop()
    shutil.rmtree(folder)


def _caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    cache = tmp_path_factory.getbasetemp() / "cache"
    return {
        "HF_HOME": str(cache / "hf"),
        "HF_DATASETS_CACHE": str(cache / "datasets"),
        "XDG_CACHE_HOME": str(cache),
    }


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the user's cache."""
    for name, folder in _caches(tmp_path_factory).items():
        monkeypatch.setenv(name, folder)


@pytest.fixture(autouse=True)
def _own_registries() -> Iterator[None]:
    """Forget the corpora and tasks that a test registered: the next one may list them."""
    from bioinstruct.bench.tasks import base
    from bioinstruct.corpora import registry

    stores: tuple[dict[str, Any], ...] = (registry._known(), base._TASKS)
    before = [dict(store) for store in stores]
    yield
    for store, known in zip(stores, before, strict=True):
        store.clear()
        store.update(known)
