"""Make the demonstration set that ships with the package: `python benchmarks/make_demo.py`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from demo.fill import sentences
from demo.people import Draw
from demo.tasks import TASKS, Item, Task

from bioinstruct import jsonl
from bioinstruct.schema import Instruction, Provenance

SIZES = {"train": 1000, "test": 150}
HELD_OUT = {"train": 0.0, "test": 0.27}
REVISION = "1"
SEED = 20240601
TRIES = 200
SHIPPED = Path(__file__).parents[1] / "src" / "bioinstruct" / "data" / "demo"


def plan(task: Task, split: str, draw: Draw) -> list[tuple[str, bool]]:
    """Kind of each item and whether its frame is one that training never shows."""
    items: list[tuple[str, bool]] = []
    for kind, share in task.shares.items():
        count = round(share * SIZES[split])
        held_out = round(count * HELD_OUT[split]) if task.frames(kind, held_out=True) else 0
        items += [(kind, index < held_out) for index in range(count)]
    return draw.shuffled(items)


def compose(task: Task, split: str, seen: set[str]) -> Iterator[Item]:
    """Items with no sentence that an earlier one has in another split, nor an input twice."""
    draw = Draw(SEED + len(task.name) * 1000 + len(split))
    own: set[str] = set()
    for kind, held_out in plan(task, split, draw):
        frames = task.frames(kind, held_out=held_out)
        for _ in range(TRIES):
            item = task.compose(draw.pick(frames), kind, split, draw)
            said = {item.input, *sentences(item.input), *sentences(item.output)}
            if item.input not in own and not said & seen:
                break
        else:
            raise RuntimeError(f"{task.name}: no new {kind} item after {TRIES} tries")
        own |= said
        yield item
    seen |= own


def records(split: str, seen: set[str]) -> Iterator[Instruction]:
    for task in TASKS:
        for item in compose(task, split, seen):
            provenance = Provenance(
                kind="compiled",
                origin="bioinstruct-demo",
                license="CC-BY-4.0",
                revision=REVISION,
                split=split,
                document=item.frame,
            )
            yield Instruction(
                instruction=item.instruction,
                input=item.input,
                output=item.output,
                category=task.category,
                task=task.name,
                provenance=provenance,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    out: Path = parser.parse_args().out
    seen: set[str] = set()
    for split in SIZES:
        jsonl.write(out / f"{split}.jsonl", list(records(split, seen)))


if __name__ == "__main__":
    main()
