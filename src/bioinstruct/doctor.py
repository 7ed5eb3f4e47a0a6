"""Describe this machine: libraries, device, keys, and available corpora."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import bioinstruct
from bioinstruct import corpora
from bioinstruct.corpora import Access, Corpus
from bioinstruct.errors import BioinstructError, MissingError

__all__ = ["Finding", "examine", "find_corpora", "find_device", "find_keys", "find_libraries"]

KEYS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HF_TOKEN", "HF_ENDPOINT", "BIOINSTRUCT_DATA")
_SECONDS = 30.0  # for checking all corpora


@dataclass(slots=True)
class Finding:
    """State of a corpus on this machine."""

    name: str
    state: str
    """`here`, `partly`, `missing`, `gated` (missing, and not open), `broken` or `not looked at`."""
    splits: dict[str, str] = field(default_factory=dict)
    """`here` for each split, or the reason why it is missing."""
    layouts: tuple[str, ...] = ()
    license: str = ""
    access: str = Access.OPEN.value
    homepage: str = ""
    fetchable: bool = False
    """Whether `bioinstruct compile --fetch` can download it."""
    checked: bool = True
    """False for a reader that has not been tested on real files."""


def examine(data: Path | None = None) -> dict[str, Any]:
    """Return all findings as plain values; for keys only whether they are set."""
    return {
        "bioinstruct": bioinstruct.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": find_libraries(),
        "device": find_device(),
        "disk": _disk(Path.cwd()),
        "keys": find_keys(),
        "data": _data(data),
        "corpora": [asdict(finding) for finding in find_corpora(data)],
    }


def find_libraries() -> dict[str, dict[str, str | None]]:
    """Return the version of each library that the package names, or None if it is missing."""
    found: dict[str, dict[str, str | None]] = {}
    for wanted in importlib.metadata.requires("bioinstruct") or ():
        name = re.split(r"[<>=!~;\[ ]", wanted, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([^'\"]+)", wanted)
        if name in found:
            continue
        try:
            version: str | None = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        found[name] = {"version": version, "extra": extra[1] if extra else None}
    return found


def find_device() -> dict[str, Any]:
    """Return the device for models: the first CUDA device, Apple's GPU, or the CPU. Loads torch."""
    values: dict[str, Any] = {"kind": "cpu", "cores": _cores(), "memory_bytes": _memory()}
    try:
        import torch
    except (ImportError, OSError) as error:  # it, or a library that it needs, is missing
        return values | {"kind": "none", "reason": str(error)}
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return values | {"kind": "cuda", "name": name, "free_bytes": free, "total_bytes": total}
    return values | ({"kind": "mps"} if torch.backends.mps.is_available() else {})


def find_keys() -> dict[str, bool]:
    """Return which keys are set, including the token of `hf auth login`, but never their values."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    token = Path(os.environ.get("HF_TOKEN_PATH") or home / "token")
    return {name: bool(os.environ.get(name)) for name in KEYS} | {"hf auth login": token.is_file()}


def find_corpora(data: Path | None = None, *, seconds: float = _SECONDS) -> Iterator[Finding]:
    """Check each corpus by reading its splits up to the first record, which is cheap.

    Corpora that remain after `seconds` are not checked.
    """
    deadline = time.monotonic() + seconds
    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        finding = Finding(
            name,
            "not looked at",
            layouts=corpus.layouts,
            license=corpus.license,
            access=corpus.access.value,
            homepage=corpus.homepage,
            fetchable=corpus.access is Access.OPEN and bool(corpus.downloads),
            checked=corpus.checked,
        )
        if time.monotonic() < deadline:
            _look(corpus, finding, data)
        yield finding


def _look(corpus: Corpus, finding: Finding, data: Path | None) -> None:
    broken = False
    for split in corpus.splits:
        try:
            skipped: Counter[str] = Counter()
            rows = corpora.read(corpus.name, split, data=data, rejected=[], skipped=skipped)
            first = next(rows, None)
            # A test whose answers are secret is complete: all its rows are left out by design.
            finding.splits[split] = "here" if first or skipped else "no record"
            broken = broken or not (first or skipped)
        except BioinstructError as error:
            finding.splits[split] = str(error)
            broken = broken or not isinstance(error, MissingError)
    here = sum(why == "here" for why in finding.splits.values())
    if broken:
        finding.state = "broken"
    elif here:
        finding.state = "here" if here == len(corpus.splits) else "partly"
    else:
        finding.state = "missing" if corpus.access is Access.OPEN else "gated"


def _data(data: Path | None) -> dict[str, Any]:
    fetched = corpora.cache_directory()
    values: dict[str, Any] = {"directory": None, "fetched": str(fetched) * fetched.is_dir() or None}
    try:
        values["directory"] = str(corpora.data_directory(data))
    except MissingError as error:
        values["reason"] = str(error)
    return values


def _disk(path: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(path)
    return {"path": str(path), "free_bytes": usage.free, "total_bytes": usage.total}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))  # the cores available to this process
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # not available on this system
        return None
