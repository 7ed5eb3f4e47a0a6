"""`bioinstruct doctor`: describe this machine and the available corpora."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioinstruct.cli.common import sentence
from bioinstruct.console import show

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]

_ORDER = ("here", "partly", "broken", "missing", "gated", "not looked at")
EXTRAS = {
    "dev": "to develop bioinstruct: its tests and checks",
    "docs": "to build the documentation",
    "fast": "filter --near-duplicates in two thirds of the time",
    "metrics": "--metric bleu and chrf",
    "oracle": "tests against lm-evaluation-harness",
    "parse": "stats --parser",
    "peers": "tests against other libraries",
    "plots": "stats --png",
    "quant": 'recipes with quantize = "nf4" (GPU)',
    "serve": "to serve a model with transformers serve",
    "spark": "filter --engine spark",
    "track": "--track tensorboard",
    "xlsx": "corpora that come as Excel workbooks",
}
"""What each extra is for; the README has the same list."""
_SAID_ABOVE = ("no data directory", "no folder")


def add(commands: Commands) -> None:
    text = "describe this machine and the available corpora"
    looking = commands.add_parser(
        "doctor",
        help=text,
        description=sentence(text) + " For keys it shows only whether they are set.",
    )
    looking.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of the corpora (default: $BIOINSTRUCT_DATA, or else the download cache)",
    )
    looking.add_argument("--json", action="store_true", help="print the same as JSON")
    looking.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    from bioinstruct.doctor import examine

    found = examine(args.data)
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for line in _lines(found):
            show(line)
    required = (lib for lib in found["libraries"].values() if lib["extra"] is None)
    unfit = any(lib["version"] is None for lib in required)
    return 1 if unfit or any(corpus["state"] == "broken" for corpus in found["corpora"]) else 0


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"bioinstruct {found['bioinstruct']}, Python {found['python']}, {found['platform']}"
    libraries = found["libraries"].items()
    here = [f"{name} {lib['version']}" for name, lib in libraries if lib["version"]]
    yield f"libraries  {', '.join(here)}"
    missing = [_missing(name, lib["extra"]) for name, lib in libraries if not lib["version"]]
    yield from (
        f"  missing  {line}" for line in sorted(missing, key=lambda line: (len(line), line))
    )
    yield f"device     {_device(found['device'])}"
    disk = found["disk"]
    yield f"disk       {_size(disk['free_bytes'])} free of {_size(disk['total_bytes'])}"
    keys = [f"{name} {'is set' if is_set else '-'}" for name, is_set in found["keys"].items()]
    yield f"keys       {', '.join(keys)}"
    data = found["data"]
    yield f"data       {data['directory'] or data['reason']}"
    yield f"  fetched  {data['fetched'] or 'nothing'}"
    states = [corpus["state"] for corpus in found["corpora"]]
    counts = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    yield f"corpora    {', '.join(counts)}"
    for corpus in sorted(found["corpora"], key=lambda corpus: _ORDER.index(corpus["state"])):
        yield f"  {corpus['state']:13} {corpus['name']:26} {_corpus(corpus)}".rstrip()


def _corpus(corpus: Mapping[str, Any]) -> str:
    """Describe the splits and layouts of a corpus, or why it is missing and where to get it."""
    here = [split for split, why in corpus["splits"].items() if why == "here"]
    parts = []
    if here:
        layouts = f" in {' or '.join(corpus['layouts'])}" if corpus["layouts"] else ""
        parts.append(", ".join(here) + layouts)
    if corpus["state"] in {"partly", "missing", "broken"}:
        why = next(why for why in corpus["splits"].values() if why != "here")
        parts += [] if why.startswith(_SAID_ABOVE) else [why]
        parts.append("--fetch downloads it" if corpus["fetchable"] else f"see {corpus['homepage']}")
    elif corpus["state"] == "gated":
        parts.append(f"{corpus['access']}: apply at {corpus['homepage']}")
    if not corpus["checked"]:
        parts.append("reader not yet run on the real files")
    return "; ".join(parts)


def _missing(name: str, extra: str | None) -> str:
    if not extra:
        return f"{name}: REQUIRED (pip install {name})"
    return f"{name}: {EXTRAS.get(extra, extra)} (pip install 'bioinstruct[{extra}]')"


def _device(device: Mapping[str, Any]) -> str:
    memory = _size(device["memory_bytes"]) if device["memory_bytes"] else "unknown"
    machine = f"{device['cores']} cores, {memory} of memory"
    if device["kind"] == "cuda":
        free, total = _size(device["free_bytes"]), _size(device["total_bytes"])
        return f"cuda, {device['name']}, {free} free of {total}; {machine}"
    if device["kind"] == "none":
        return f"none: torch cannot be loaded ({device['reason']}); {machine}"
    return f"{device['kind']}, {machine}"


def _size(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB"
