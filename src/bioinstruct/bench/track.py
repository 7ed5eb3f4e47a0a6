"""What happens in a tuning run, step by step, in a file that others can draw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bioinstruct.bench.tune import Progress
from bioinstruct.files import write_text

__all__ = ["track"]


def track(path: Path, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """What to call at each step: it adds a line of JSON to the file, and shows the step.

    A run that goes on from a checkpoint goes on in the file: lines of steps that are done again are
    left out.
    """
    begun = False

    def log(now: Progress) -> None:
        nonlocal begun
        if not begun:
            write_text(path, "".join(f"{line}\n" for line in _before(path, now.step)))
            begun = True
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(now)) + "\n")
        show(now)

    return log


def _before(path: Path, step: int) -> list[str]:
    """The whole lines of the steps before this one."""
    if step == 1 or not path.is_file():
        return []
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            done = json.loads(line)["step"]
        except (ValueError, KeyError, TypeError):  # a line that a kill cut short
            continue
        if done < step:
            kept.append(line)
    return kept
