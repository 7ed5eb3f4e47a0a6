"""What each layout of a corpus costs in tokens.

    python -m benchmarks.layout_tokens --data "$BIOINSTRUCT_DATA" [--tokenizer NAME=FILE ...]

The training records of each corpus that has layouts (of the multiple-choice questions, those of the
test), counted with the tokenizer of the model that
ships with the package and with those that are given: a `tokenizer.json`, or the name of an encoding
of tiktoken that is in its cache. The results go to results/layout_tokens.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bioinstruct
from bioinstruct import MissingError, corpora

FOLDER = Path(__file__).parent
TINY = Path(bioinstruct.__file__).parent / "data" / "tiny" / "tokenizer.json"
MOST = 2_000  # records of a corpus
Count = Callable[[list[str]], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokenizer", nargs="*", default=[], metavar="NAME=FILE")
    args = parser.parse_args()
    named = dict(text.partition("=")[::2] for text in args.tokenizer)
    counters = {"tiny": from_file(TINY)} | {name: counter(file) for name, file in named.items()}
    rows = []
    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        if name.startswith("mmlu-") and name != "mmlu-medical":
            continue  # its questions are in mmlu-medical
        for layout in corpus.layouts:
            with suppress(MissingError):
                rows.append(cost(name, layout, args.data, counters))
    rows = [row for row in rows if row["records"]]
    path = FOLDER / "results" / "layout_tokens.json"
    path.write_text(json.dumps({"most": MOST, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def from_file(path: Path) -> Count:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda texts: sum(
        len(encoding.ids) for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)
    )


def counter(file: str) -> Count:
    if Path(file).is_file():
        return from_file(Path(file))
    import tiktoken

    encoding = tiktoken.get_encoding(file)
    return lambda texts: sum(map(len, encoding.encode_ordinary_batch(texts)))


def cost(name: str, layout: str, data: Path, counters: dict[str, Count]) -> dict[str, Any]:
    """Means for each record: words and characters of the answer, tokens of each part."""
    split = "test" if name.startswith(("mmlu-", "medqa")) else "train"  # what is here of them
    read = corpora.read(name, split, data=data, layout=layout)
    examples = list(itertools.islice(read, MOST))
    parts: dict[str, list[str]] = {
        "instruction": [e.instruction for e in examples],
        "input": [e.input for e in examples],
        "output": [e.output for e in examples],
    }
    tokens = {
        tokenizer: {part: mean(count(texts), texts) for part, texts in parts.items()}
        for tokenizer, count in counters.items()
    }
    outputs = parts["output"]
    return {
        "corpus": name,
        "layout": layout,
        "records": len(examples),
        "output_words": mean(sum(len(text.split()) for text in outputs), outputs),
        "output_characters": mean(sum(map(len, outputs)), outputs),
        "tokens": tokens,
    }


def mean(total: int, texts: Iterable[str]) -> float:
    return round(total / len(list(texts)), 1)


if __name__ == "__main__":
    main()
