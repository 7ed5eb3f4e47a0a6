"""`bioinstruct seeds`: print the seed tasks and check them."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from bioinstruct import jsonl
from bioinstruct.cli.common import counted, sentence
from bioinstruct.console import say
from bioinstruct.seeds import check_seeds, load_seeds

if TYPE_CHECKING:
    from bioinstruct.cli.common import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    text = "print the 80 hand-written seed tasks and check them"
    seeds = commands.add_parser("seeds", help=text, description=sentence(text))
    seeds.set_defaults(command=run)


def run(args: argparse.Namespace) -> int:
    seeds = load_seeds()
    jsonl.write("-", seeds)
    counts = Counter(seed.category.value for seed in seeds)
    tasks = len({seed.task for seed in seeds})
    say(f"{len(seeds)} seed tasks, {tasks} different tasks; {counted(counts)}")
    problems = check_seeds(seeds)
    for problem in problems:
        say(problem)
    say(
        "checked: valid, unique, no near duplicates"
        if not problems
        else f"{len(problems)} problems"
    )
    return 1 if problems else 0
