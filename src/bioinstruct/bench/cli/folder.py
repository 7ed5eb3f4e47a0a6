"""The folder of a run: its settings on record, so that no run writes over another."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bioinstruct.console import say
from bioinstruct.errors import BioinstructError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads
from bioinstruct.redaction import public_address

__all__ = ["RUNS", "SETTINGS", "choose_folder", "keep_defaults", "keep_settings"]

SETTINGS, REPORT = "settings.json", "report.json"
_PRECISION = "precision"
RUNS = Path("runs")
"""Folder of the runs without `--out`."""

_OPTIONS = {
    **{name: f"--{name}" for name in ("model", "encoder", "adapter", "tasks", "metric", "lexicon")},
    **{name: f"--{name}" for name in ("bertscore", "split", "shots", "limit", "orders", "style")},
    **{name: f"--{name}" for name in ("wordings", "overflow", "data", "recipe", "repeats", "seed")},
    **{name: f"--{name}" for name in ("endpoint", "temperature", "set", "contamination")},
    "task_file": "--task-file",
    "forms": "--as",
    "max_thinking": "--max-thinking",
    "no_tune": "--no-tune",
    "dtype": "--dtype",
}
"""The options that change what a report says."""


def keep_defaults(parser: argparse.ArgumentParser) -> None:
    """Let what `parser` returns have the defaults of its options, as `defaults`."""
    parser.set_defaults(defaults={name: parser.get_default(name) for name in _OPTIONS})


def choose_folder(args: argparse.Namespace) -> None:
    """Set `args.out` to the folder to write to, and `args.precision`, before anything takes long.

    Without `--out` that is the newest folder in `runs` with the same settings and no report, or
    else a new one, named by date and model. The precision is the one asked for, or with `auto` that
    of the run that continues there, which another machine may have begun.

    Raises:
        BioinstructError: the folder holds a run with other settings and `--force` is not given, or
            cannot be written to.
    """
    settings = _settings(args)
    if args.out is None:
        args.out = _unfinished(settings) or _new(args)
    else:
        _check_same(settings, args)
    if args.dtype == "auto":
        args.precision = _read(args.out).get(_PRECISION, "auto")
    else:
        args.precision = args.dtype


def _check_same(settings: dict[str, Any], args: argparse.Namespace) -> None:
    """Refuse a folder with a run of other settings, and one that cannot be written to."""
    from bioinstruct.bench.experiment import check_out

    check_out(args.out)
    known = _known(args.out)
    if not known or args.force:
        return
    if not args.no_tune:
        known.pop("no_tune", None)  # to tune a model that was only scored adds to its report
    if known == settings:
        return
    differs = [
        f"{_OPTIONS.get(name, name)} {_shown(known.get(name))}, now {_shown(settings.get(name))}"
        for name in dict.fromkeys([*known, *settings])
        if known.get(name) != settings.get(name)
    ]
    raise BioinstructError(
        f"{args.out} holds a run with other settings: {'; '.join(differs)}",
        hint="name another --out, or replace its report with --force",
    )


def keep_settings(args: argparse.Namespace) -> None:
    """Write the settings of a run that begins, and the precision of its model."""
    settings = _settings(args)
    if getattr(args, "precision", "auto") != "auto":
        settings[_PRECISION] = args.precision
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    write_text(args.out / SETTINGS, text + "\n")


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that are not at their default, and digests of the files among them."""
    found: dict[str, Any] = {}
    for name in _OPTIONS:
        value = getattr(args, name, None)
        if value == args.defaults[name] and type(value) is type(args.defaults[name]):
            continue
        if isinstance(value, list | tuple):
            found[name] = [str(item) for item in value]
        elif isinstance(value, Path):
            found[name] = str(value)
        elif isinstance(value, str) and "://" in value:
            found[name] = public_address(value)  # a password or a key is no part of a run
        else:
            found[name] = value
    for name in ("data", "recipe", "task_file"):
        if (path := getattr(args, name, None)) and Path(path).is_file():
            found[f"content of {_OPTIONS[name]}"] = _digest(Path(path))
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    return " ".join(value) if isinstance(value, list) else f"{value}"


def _known(folder: Path) -> dict[str, Any]:
    """Return the settings of the run in a folder; nothing if it holds none."""
    return {name: value for name, value in _read(folder).items() if name != _PRECISION}


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = loads((folder / SETTINGS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _unfinished(settings: dict[str, Any]) -> Path | None:
    """Return the newest folder of a run with these settings that has no report yet."""
    found = [
        path.parent
        for path in RUNS.glob(f"*/{SETTINGS}")
        if not (path.parent / REPORT).exists() and _known(path.parent) == settings
    ]
    if not found:
        return None
    newest = max(found, key=lambda folder: (folder / SETTINGS).stat().st_mtime_ns)
    say(f"continuing the run in {newest}")
    return newest


def _new(args: argparse.Namespace) -> Path:
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise BioinstructError(
            "several processes need one folder", hint="name it with --out, such as --out run1"
        )
    return next(path for path in _names(args) if not path.exists())


def _names(args: argparse.Namespace) -> Iterator[Path]:
    model = Path(args.model or args.encoder).name or "model"
    stem = f"{time.strftime('%Y-%m-%d')}-{re.sub(r'[^A-Za-z0-9._-]+', '-', model)}"
    yield RUNS / stem
    number = 1
    while True:
        number += 1
        yield RUNS / f"{stem}-{number}"
