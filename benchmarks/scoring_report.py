"""Tables of the benchmark of scoring, and what it would be on large models.

python -m benchmarks.scoring_report --data "$BIOINSTRUCT_DATA"
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- scoring: rendered -->", "<!-- end of scoring -->"
Pair = tuple[Sequence[int], Sequence[int]]


@dataclass(frozen=True)
class Shape:
    """What the work of a Llama depends on."""

    width: int
    inner: int
    layers: int
    heads: int
    shared_heads: int
    size: int
    vocabulary: int

    @property
    def linear(self) -> int:
        """Multiply-adds of a token in all layers, counted as two."""
        queries, keys = self.heads * self.size, self.shared_heads * self.size
        return 2 * self.layers * self.width * (2 * queries + 2 * keys + 3 * self.inner)

    @property
    def attention(self) -> int:
        """Of a token with one token that it sees."""
        return 4 * self.layers * self.heads * self.size

    @property
    def head(self) -> int:
        return 2 * self.width * self.vocabulary


LARGE = {
    "Qwen2.5-0.5B": Shape(896, 4864, 24, 14, 2, 64, 151_936),
    "Llama-3.2-1B": Shape(2048, 8192, 16, 32, 8, 64, 128_256),
    "Llama-3.1-8B": Shape(4096, 14336, 32, 32, 8, 128, 128_256),
    "Mistral-7B (BioMistral)": Shape(4096, 14336, 32, 32, 8, 128, 32_000),
}
"""From the configurations that were published with the models."""


def shape_of(config: Any) -> Shape:
    return Shape(
        config.hidden_size,
        config.intermediate_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.num_key_value_heads,
        config.hidden_size // config.num_attention_heads,
        config.vocab_size,
    )


def work(shape: Shape, pairs: Sequence[Pair], *, plan: str, first: bool = True) -> float:
    """Operations of a plan on pairs; without those of the shared prefix unless `first`."""
    if plan == "lm-eval":
        rows = {(*context, *option[:-1]) for context, option in pairs}
        return sum(
            len(row) * (shape.linear + shape.head) + shape.attention * len(row) ** 2 / 2
            for row in rows
        )
    from bioinstruct.bench.models.loglikelihood import MIN_PREFIX
    from bioinstruct.bench.models.token_tree import common_prefix, tree_row

    groups: dict[tuple[int, ...], list[tuple[int, tuple[int, ...]]]] = {}
    for number, (context, option) in enumerate(pairs):
        groups.setdefault(tuple(context), []).append((number, tuple(option)))
    skip = common_prefix(list(groups))
    skip = skip if skip >= MIN_PREFIX else 0
    total = (skip * shape.linear + shape.attention * skip**2 / 2) if first else 0.0
    for context, options in groups.items():
        row = tree_row(context, options, skip=skip)
        fed, branches = len(row.ids), len(row.parents)
        seen = row.trunk**2 / 2 + branches * (row.trunk + 2) + fed * skip
        total += fed * shape.linear + shape.attention * seen + row.slots * shape.head
    return total


def projected(data: Path, documents: int) -> dict[str, dict[str, float]]:
    """How many times fewer operations, the shared prefix paid for over many documents."""
    from benchmarks.lm_eval_pairs import encode_pairs
    from benchmarks.scoring_fixtures import CASES, cases, tokenizer

    found: dict[str, dict[str, float]] = {name: {} for name in LARGE}
    known = tokenizer(data)
    made = cases(data, documents)
    for case in CASES:
        encoded = encode_pairs(known, made[case].pairs, max_length=4096)
        pairs = [(p.context, p.continuation) for p in encoded]
        for name, shape in LARGE.items():
            theirs = work(shape, pairs, plan="lm-eval")
            found[name][case] = theirs / work(shape, pairs, plan="cascade", first=False)
    return found


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def likelihoods(known: dict[str, Any]) -> str:
    head = ["", "documents", "lm-eval", "at batch size", "bioinstruct", "times"]
    head += ["largest difference", "same predictions", "of the peak"]
    rows = []
    for name, found in known.items():
        if not isinstance(found, dict) or "largest_difference" not in found:
            continue
        dtype = name.split()[-1]
        share = found["operations"]["per_second"] / known["peak"][dtype]
        rows.append(
            [
                name,
                f"{found['documents']}",
                seconds(found["lm_eval"]),
                f"{found['batch_size']}",
                seconds(found["bioinstruct"]),
                f"**{found['times']:.1f}**",
                f"{found['largest_difference']:.1e}",
                f"{found['same_predictions']}/{found['documents']}",
                f"{share:.0%}",
            ]
        )
    return table(head, rows)


def generations(known: dict[str, Any]) -> str:
    head = ["", "prompts", "lm-eval", "at batch size", "bioinstruct", "times"]
    head += ["same as unbatched `generate`", "tokens written"]
    rows = [
        [
            name,
            f"{found['documents']}",
            seconds(found["lm_eval"]),
            f"{found['batch_size']}",
            seconds(found["bioinstruct"]),
            f"**{found['times']:.1f}**",
            f"{found['same_as_unbatched']}/{found['documents']}",
            f"{found['tokens']:.1f}",
        ]
        for name, found in known.items()
        if isinstance(found, dict) and "same_as_unbatched" in found
    ]
    return table(head, rows)


def seconds(runs: list[float]) -> str:
    many = f" ({len(runs)} runs)" if len(runs) > 1 else " (1 run)"
    return f"{statistics.median(runs):.2f} s{many}"


def half(known: dict[str, Any]) -> str:
    rows = [
        [
            name,
            *(f"{n}" for n in found["distinct"]),
            *(f"{n}" for n in found["ties"]),
            f"{found['requests']}",
        ]
        for name, found in known.items()
        if name.endswith("bfloat16")
    ]
    head = ["bfloat16", "different numbers, lm-eval", "bioinstruct", "ties, lm-eval"]
    return table([*head, "bioinstruct", "requests"], rows)


def memories(known: dict[str, Any]) -> str:
    rows = [
        [name.removeprefix("memory "), f"{value / 2**20:,.0f} MiB"]
        for name, value in known.items()
        if name.startswith("memory")
    ]
    return table(["added to the peak of memory, 152k tokens, 8 documents", ""], rows)


def projection(found: dict[str, dict[str, float]]) -> str:
    cases = list(next(iter(found.values())))
    rows = [[name, *(f"{row[case]:.2f}" for case in cases)] for name, row in found.items()]
    return table(["times fewer operations, by counting", *cases], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    results = FOLDER / "results" / "scoring.json"
    known = json.loads(results.read_text(encoding="utf-8"))
    parts = [likelihoods(known), generations(known), half(known), memories(known)]
    parts.append(projection(projected(args.data, 60)))
    page = FOLDER / "README.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    body = "\n\n".join(part for part in parts if part.count("\n") > 1)
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
