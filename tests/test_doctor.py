from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError, corpora
from bioinstruct import doctor as examining
from bioinstruct.cli.main import main
from bioinstruct.corpora import Access, Row, get_corpus, registry
from bioinstruct.doctor import find_corpora, find_device, find_keys, find_libraries
from tests.records import record

SECRET = "sk-never-to-be-shown"


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as caught:
        main(["doctor", *args])
    return caught.value.code, capsys.readouterr().out


@pytest.fixture(autouse=True)
def _no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading torch takes seconds: one test does."""
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    cpu = {"kind": "cpu", "cores": 2, "memory_bytes": 2**34}
    monkeypatch.setattr(examining, "find_device", lambda: dict(cpu))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five corpora, each in another state."""

    def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        yield record()

    def half(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        if split == "test":
            raise MissingError("no file half/test.tsv")
        yield record()

    def absent(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        raise MissingError(f"no file absent/{split}.tsv")
        yield

    def broken(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        raise DataError("not a tar", path="x.tar")
        yield

    demo = get_corpus("demo")
    made = {
        "one": replace(demo, reader=read),
        "half": replace(demo, reader=half),
        "absent": replace(demo, reader=absent, downloads=get_corpus("pubmedqa").downloads),
        "gated": replace(demo, reader=absent, access=Access.CREDENTIALED, checked=False),
        "broken": replace(demo, reader=broken),
    }
    named = {name: replace(corpus, name=name) for name, corpus in made.items()}
    monkeypatch.setattr(registry, "_known", lambda: named)


@pytest.mark.usefixtures("few")
def test_every_corpus_is_in_one_of_the_states_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = run(capsys)
    home = get_corpus("one").homepage
    said = {line.split()[1]: " ".join(line.split()) for line in out.splitlines()[-5:]}
    assert said == {
        "one": "here one train, test",
        "half": f"partly half train; no file half/test.tsv; see {home}",
        "absent": "missing absent no file absent/train.tsv; --fetch downloads it",
        "gated": f"gated gated credentialed: apply at {home}; reader not yet run on the real files",
        "broken": f"broken broken x.tar: not a tar; see {home}",
    }
    assert code == 1  # for the broken one


@pytest.mark.usefixtures("few")
def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = run(capsys, "--json")
    found = json.loads(out)
    assert [corpus["state"] for corpus in found["corpora"]] == [
        "missing",
        "broken",
        "gated",
        "partly",
        "here",
    ]
    assert found["corpora"][3]["splits"] == {"train": "here", "test": "no file half/test.tsv"}
    assert found["libraries"]["pydantic"]["version"]
    assert found["disk"]["free_bytes"] > 0


@pytest.mark.usefixtures("few")
def test_what_takes_too_long_is_not_looked_at() -> None:
    assert {finding.state for finding in find_corpora(seconds=0)} == {"not looked at"}


def test_the_values_of_keys_are_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    for args in ((), ("--json",)):
        _, out = run(capsys, *args)
        assert SECRET not in out
    assert find_keys()["OPENAI_API_KEY"]
    assert not find_keys()["HF_ENDPOINT"]


def test_a_token_of_the_hub_is_found_where_it_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    assert not find_keys()["hf auth login"]
    (tmp_path / "token").write_text(SECRET, encoding="utf-8")
    assert find_keys()["hf auth login"]


def test_without_corpora_they_are_missing_and_that_is_no_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out = run(capsys)
    assert code == 0
    assert "data       no data directory is given" in out
    [demo] = [line for line in out.splitlines() if " demo " in line]
    assert demo.split() == ["here", "demo", "train,", "test"]
    assert out.count("no data directory") == 1


@pytest.mark.peer
def test_the_real_corpora_are_found(data: Path) -> None:
    found = {finding.name: finding for finding in find_corpora(data, seconds=600)}
    for name in ("ncbi-disease", "pubmedqa", "mts-dialog"):
        assert found[name].state == "here"
        assert set(found[name].splits.values()) == {"here"}
    assert "broken" not in {finding.state for finding in found.values()}
    assert set(found) == set(corpora.names())


def test_a_library_that_is_missing_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries = {
        "pydantic": {"version": None, "extra": None},
        "numba": {"version": None, "extra": "fast"},
    }
    monkeypatch.setattr(examining, "find_libraries", lambda: libraries)
    code, out = run(capsys)
    assert code == 1
    assert "  missing  pydantic: REQUIRED" in out
    assert "(pip install 'bioinstruct[fast]')" in out


def test_the_libraries_are_those_of_the_package() -> None:
    found = find_libraries()
    assert found["torch"]["version"]
    assert found["torch"]["extra"] is None
    assert "pytest" in found


def test_the_device_is_what_torch_says() -> None:
    import torch

    found = find_device()
    assert found["kind"] == ("cuda" if torch.cuda.is_available() else found["kind"])
    assert found["cores"] >= 1


def test_a_test_whose_answers_are_secret_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        yield record() if split == "train" else corpora.Skipped("no answer is published")

    made = replace(get_corpus("demo"), name="secret", reader=read)
    monkeypatch.setattr(registry, "_known", lambda: {"secret": made})
    [finding] = find_corpora()
    assert (finding.state, finding.splits) == ("here", {"train": "here", "test": "here"})


def test_every_extra_has_its_purpose_here_and_in_the_readme() -> None:
    import tomllib

    from bioinstruct.cli.doctor import EXTRAS

    root = Path(__file__).parent.parent
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    assert EXTRAS.keys() == project["optional-dependencies"].keys()
    readme = (root / "README.md").read_text("utf-8")
    assert [f"| `{name}` | {what} |" in readme for name, what in EXTRAS.items()] == [True] * len(
        EXTRAS
    )
