"""Every way to drop near duplicates, on the same real texts, in one run.

    python -m benchmarks.near_duplicates --data DIR

Needs datasketch and bioinstruct[fast]. Times are CPU seconds of the process and its children, and
seconds on the wall.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.texts import medquad, mixed
from rapidfuzz import process
from rapidfuzz.distance import Indel, LCSseq
from rouge_score import rouge_scorer

from bioinstruct.filters import NearDuplicates
from bioinstruct.filters.similarity import rouge_l
from bioinstruct.text import words

THRESHOLD = 0.7
RESULTS = Path(__file__).parent / "results"
SCORER = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
Kept = list[bool]


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def timed(run: Callable[[], Any], *, repeat: int = 1) -> tuple[Any, float, float]:
    """What it returns, its CPU seconds and its seconds on the wall; the best of several runs."""
    best = (np.inf, np.inf)
    for _ in range(repeat):
        cpu, wall = cpu_seconds(), time.perf_counter()
        value = run()
        best = min(best, (cpu_seconds() - cpu, time.perf_counter() - wall))
    return value, best[0], best[1]


def self_instruct_once(text: str, pool: Sequence[str]) -> list[float]:
    """One new instruction against the pool, as `bootstrap_instructions.py` does it."""
    with Pool(4) as workers:
        scores = workers.map(partial(SCORER.score, text), pool)
    return [score["rougeL"].fmeasure for score in scores]


def self_instruct_cost(texts: list[str], kept: Kept, *, samples: int) -> dict[str, float]:
    """CPU and wall seconds of the whole run, EXTRAPOLATED from a sample.

    The cost of one new text is a constant and a cost for each text in the pool, fitted on random
    texts and pools of three sizes; the pools of the whole run are known from the decisions.
    """
    chance = random.Random(7)
    known = [text for text, stays in zip(texts, kept, strict=True) if stays]
    rows = []
    for text in chance.sample(texts, samples):
        for size in (200, 1000, 3000):
            pool = chance.sample(known, size)
            _, cpu, wall = timed(lambda text=text, pool=pool: self_instruct_once(text, pool))
            rows.append((size, cpu, wall))
    table = np.array(rows)
    pools = float(np.sum(np.cumsum(kept) - np.array(kept)))
    cost: dict[str, float] = {"pairs": pools}
    for name, column in (("cpu", 1), ("wall", 2)):
        pair, start = np.polyfit(table[:, 0], table[:, column], 1)
        cost[f"{name}_us_per_pair"] = float(pair * 1e6)
        cost[name] = float(max(start, 0) * len(texts) + pair * pools)
    return cost


def word_lists_cost(texts: list[str], kept: Kept, *, samples: int) -> dict[str, float]:
    """CPU and wall seconds of `extractOne` over lists of words, EXTRAPOLATED from random texts.

    Each text of the sample meets the pool that it meets in the whole run.
    """
    known = [words(text) for text, stays in zip(texts, kept, strict=True) if stays]
    before = np.cumsum(kept) - np.array(kept)
    chance = random.Random(8)

    def run() -> None:
        for place in chance.sample(range(len(texts)), samples):
            pool = known[: before[place]]
            process.extractOne(
                words(texts[place]),
                pool,
                scorer=Indel.normalized_similarity,
                score_cutoff=THRESHOLD,
            )

    _, cpu, wall = timed(run)
    return {"cpu": cpu * len(texts) / samples, "wall": wall * len(texts) / samples}


def reference(texts: list[str]) -> Kept:
    """The rule itself, by rouge-score, every pair until one is above the threshold."""
    pool: list[str] = []
    kept = []
    for text in texts:
        near = any(SCORER.score(text, old)["rougeL"].fmeasure > THRESHOLD for old in pool)
        kept.append(not near)
        if not near:
            pool.append(text)
    return kept


def coded(texts: list[str]) -> list[str]:
    """A character for each word: rapidfuzz compares strings faster than lists of words."""
    numbers: dict[str, int] = {}
    made = []
    for text in texts:
        codes = [numbers.setdefault(word, len(numbers)) for word in words(text)]
        made.append("".join(chr(n + 1 if n < 0xD7FF else n + 0x801) for n in codes))
    return made


def brute_force(texts: list[str], *, block: int = 512) -> Kept:
    """Every pair by `rapidfuzz.process.cdist`; on coded texts its Indel similarity is ROUGE-L F."""
    codes, pool = coded(texts), []
    kept: Kept = []
    compare = partial(
        process.cdist,
        scorer=Indel.normalized_similarity,
        score_cutoff=THRESHOLD - 1e-6,
        dtype=np.float32,
    )
    for start in range(0, len(codes), block):
        part = codes[start : start + block]
        before = compare(part, pool) if pool else np.zeros((len(part), 0), np.float32)
        among = compare(part, part)
        for i, code in enumerate(part):
            old = [pool[j] for j in np.flatnonzero(before[i])]
            old += [part[j] for j in np.flatnonzero(among[i, :i]) if kept[start + j]]
            kept.append(not any(above(code, other) for other in old))
        pool += [code for i, code in enumerate(part) if kept[start + i]]
    return kept


def above(a: str, b: str) -> bool:
    """By the float of rouge-score, which decides ties."""
    return rouge_l(LCSseq.similarity(a, b), len(a), len(b)) > THRESHOLD


def minhash(texts: list[str], *, jaccard: float, check: bool) -> Kept:
    """MinHashLSH of datasketch over words, 128 permutations; a hit drops, or is checked exactly."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=jaccard, num_perm=128)
    sets = [[word.encode() for word in set(words(text))] for text in texts]
    codes = coded(texts)
    kept = []
    for number, sketch in enumerate(MinHash.generator(sets, num_perm=128)):
        hits = index.query(sketch) if sets[number] else []
        near = any(above(codes[number], codes[hit]) for hit in hits) if check else bool(hits)
        kept.append(not near)
        if not near and sets[number]:
            index.insert(number, sketch)
    return kept


def ours(texts: list[str], *, compiled: bool) -> Kept:
    return [m is None for m in NearDuplicates(THRESHOLD, compiled=compiled).offer_all(texts)]


def one_by_one(texts: list[str]) -> Kept:
    near = NearDuplicates(THRESHOLD)
    return [near.offer(text) is None for text in texts]


CONTENDERS: dict[str, tuple[Callable[[list[str]], Kept], int]] = {
    "bioinstruct, numpy": (partial(ours, compiled=False), 3),
    "bioinstruct, numba": (partial(ours, compiled=True), 3),
    "bioinstruct, one text at a time": (one_by_one, 1),
    "rapidfuzz cdist, every pair": (brute_force, 1),
    "MinHashLSH, Jaccard 0.7, a hit drops": (partial(minhash, jaccard=0.7, check=False), 1),
    "MinHashLSH, Jaccard 0.54, hits checked": (partial(minhash, jaccard=0.54, check=True), 1),
}


def measure(name: str, texts: list[str], *, samples: int) -> dict[str, Any]:
    """All contenders on one stream of texts."""
    exact: Kept = []
    rows = []
    for contender, (run, repeat) in CONTENDERS.items():
        kept, cpu, wall = timed(lambda run=run: run(texts), repeat=repeat)
        exact = exact or kept
        wrong = [(a, b) for a, b in zip(exact, kept, strict=True) if a != b]
        row = {"contender": contender, "cpu": cpu, "wall": wall, "kept": sum(kept)}
        row |= {"wrongly_dropped": sum(a for a, _ in wrong)}
        row |= {"wrongly_kept": len(wrong) - row["wrongly_dropped"]}
        rows.append(row)
        print(name, row, flush=True)
    cost = self_instruct_cost(texts, exact, samples=samples)
    print(name, cost, flush=True)
    lists = word_lists_cost(texts, exact, samples=200)
    print(name, lists, flush=True)
    lengths = [len(words(text)) for text in texts]
    return {
        "texts": len(texts),
        "mean_words": statistics.mean(lengths),
        "kept": sum(exact),
        "self_instruct_extrapolated": cost,
        "rapidfuzz_word_lists_extrapolated": lists,
        "rows": rows,
    }


def machine() -> dict[str, Any]:
    """What it ran on."""
    names = ("numpy", "rapidfuzz", "rouge-score", "numba", "datasketch")
    cpu = next(
        (s for s in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if "model name" in s), ""
    )
    return {
        "cpu": cpu.partition(": ")[2],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_at_start": os.getloadavg(),
        **{name: importlib.metadata.version(name) for name in names},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("BIOINSTRUCT_DATA"))
    parser.add_argument("--count", type=int, default=44_000)
    parser.add_argument(
        "--really", type=int, default=1000, help="texts that rouge-score really does"
    )
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--out", type=Path, default=RESULTS / "near_duplicates.json")
    args = parser.parse_args()
    streams = {"MedQuAD and others": mixed(args.data, args.count), "MedQuAD": medquad(args.data)}
    ours(streams["MedQuAD"][:100], compiled=True)  # compiles, once for a machine
    result: dict[str, Any] = {"machine": machine(), "streams": {}}
    few = streams["MedQuAD and others"][: args.really]
    kept, cpu, wall = timed(lambda: reference(few))
    fast, our_cpu, _ = timed(lambda: ours(few, compiled=False), repeat=5)
    assert kept == fast
    result["really_run"] = {"texts": len(few), "cpu": cpu, "wall": wall, "ours_cpu": our_cpu}
    print(result["really_run"], flush=True)
    for name, texts in streams.items():
        result["streams"][name] = measure(name, texts, samples=args.samples)
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
