"""Log-likelihoods and generation against lm-evaluation-harness 0.4.13, in one process.

    pip install 'bioinstruct[oracle]'
    python -m benchmarks.scoring --data "$BIOINSTRUCT_DATA"

The same model, the same strings, one thread, process CPU seconds, the two in turn; each includes
its tokenising. The harness has the batch size at which it is fastest on eight documents. Results
are written to results/scoring.json after each case; a case that is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from benchmarks.memory import highest, resident
from benchmarks.scoring_fixtures import CASES, FIXTURES, Case, cases, load, prompts, tokenizer

RESULTS = Path(__file__).parent / "results" / "scoring.json"
SIZES = (1, 4, 8)
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
UNTIL = ["\n\n", "ing", "ed"]
NEW_TOKENS = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long-repeats", type=int, default=3, help="of cases with examples")
    parser.add_argument("--only", nargs="*", default=[], help="names of measurements")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    if args.memory_of:
        print(memory(args.data, args.memory_of))
        return
    known = json.loads(args.out.read_text(encoding="utf-8")) if args.out.is_file() else {}
    for name, measure in measurements(args).items():
        if name in known or (args.only and name not in args.only):
            continue
        known[name] = measure()
        print(name, json.dumps(known[name]), flush=True)
        args.out.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def measurements(args: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """By name, in order of what matters."""
    found: dict[str, Callable[[], Any]] = {"peak": peak}

    def add(fixture: str, case: str, dtype: str, documents: int, repeats: int) -> None:
        found[f"{fixture} {case} {dtype}"] = lambda: likelihoods(
            args.data, fixture, case, dtype=dtype, documents=documents, repeats=repeats
        )

    for case in CASES:
        repeats = args.long_repeats if case.endswith("5") else args.repeats
        add("15M-32k", case, "float32", args.documents, repeats)
    for shots, repeats in ((0, args.repeats), (5, args.long_repeats)):
        found[f"15M-32k generation_{shots}"] = lambda s=shots, r=repeats: generation(
            args.data, s, documents=args.documents, repeats=r
        )
    for case in CASES[:2]:
        add("15M-32k", case, "bfloat16", 24, 1)
        add("46M-152k", case, "float32", 24, 1)
    for case in CASES[2:]:
        add("46M-152k", case, "float32", 8, 1)
    for what in ("lm-eval 1", "lm-eval 8", "bioinstruct"):
        found[f"memory {what}"] = lambda what=what: memory_apart(args.data, what)
    return found


def clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def harness(model: Any, batch_size: int) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=model.model, tokenizer=model.prompt_tokenizer.tokenizer, batch_size=batch_size
    )


def instances(kind: str, arguments: list[tuple[Any, ...]]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance(kind, {}, one, number) for number, one in enumerate(arguments)]


def by_harness(model: Any, pairs: list[tuple[str, str]], size: int) -> list[float]:
    lm = harness(model, size)
    made = instances("loglikelihood", pairs)
    return [value for value, _ in lm.loglikelihood(made, disable_tqdm=True)]


def by_us(model: Any, pairs: list[tuple[str, str]]) -> list[float]:
    from benchmarks.lm_eval_pairs import encode_pairs, score_pairs

    encoded = encode_pairs(model.prompt_tokenizer.tokenizer, pairs, max_length=4096)
    found: list[float] = score_pairs(model, encoded).log_likelihoods
    return found


def best_size(
    run: Callable[[int], Any], sizes: Sequence[int] = SIZES
) -> tuple[int, dict[int, float]]:
    seconds = {size: clocked(lambda size=size: run(size))[0] for size in sizes}
    return min(seconds, key=lambda size: seconds[size]), seconds


def likelihoods(
    data: Path, fixture: str, name: str, *, dtype: str, documents: int, repeats: int
) -> dict[str, Any]:
    """Both on one case: seconds, and how far apart what they say is."""
    model = load(FIXTURES[fixture], tokenizer(data), DTYPES[dtype])
    trial, _ = clocked(lambda: by_us(model, [("a", " b"), ("b", " c")]))
    case = cases(data, documents)[name]
    some = case.pairs[: 4 * case.options]
    # Logits of eight prompts of 2,000 tokens and 152,000 entries, and their softmax: 20 GB.
    tried = SIZES[:2] if fixture == "46M-152k" and name.endswith("5") else SIZES
    size, sizes = best_size(lambda size: by_harness(model, some, size), tried)
    theirs, ours = [], []
    for _ in range(repeats):
        took, expected = clocked(lambda: by_harness(model, case.pairs, size))
        theirs.append(took)
        took, found = clocked(lambda: by_us(model, case.pairs))
        ours.append(took)
    ours += [clocked(lambda: by_us(model, case.pairs))[0] for _ in range(3 - repeats)]
    return {
        "documents": documents,
        "requests": len(case.pairs),
        "batch_size": size,
        "seconds_by_batch_size": sizes,
        "lm_eval": theirs,
        "bioinstruct": ours,
        "times": statistics.median(theirs) / statistics.median(ours),
        "trial": trial,
        "largest_difference": max(abs(a - b) for a, b in zip(found, expected, strict=True)),
        "same_predictions": sum(
            one == other
            for one, other in zip(
                predictions(found, case), predictions(expected, case), strict=True
            )
        ),
        "distinct": [len(set(expected)), len(set(found))],
        "ties": [ties(expected, case), ties(found, case)],
        "operations": operations(model, case, took=statistics.median(ours)),
    }


def predictions(scores: list[float], case: Case) -> list[int]:
    n = case.options
    return [max(range(n), key=lambda j: scores[i + j]) for i in range(0, len(scores), n)]


def ties(scores: list[float], case: Case) -> int:
    n = case.options
    rows = [scores[i : i + n] for i in range(0, len(scores), n)]
    return sum(row.count(max(row)) > 1 for row in rows)


def operations(model: Any, case: Case, *, took: float) -> dict[str, float]:
    """Multiplications and additions that our plan needs, and how many of them a second."""
    from benchmarks.lm_eval_pairs import encode_pairs
    from benchmarks.scoring_report import shape_of, work

    encoded = encode_pairs(model.prompt_tokenizer.tokenizer, case.pairs, max_length=4096)
    shape = shape_of(model.model.config)
    own = work(shape, [(p.context, p.continuation) for p in encoded], plan="cascade")
    theirs = work(shape, [(p.context, p.continuation) for p in encoded], plan="lm-eval")
    return {"ours": own, "lm_eval": theirs, "per_second": own / took}


def generation(data: Path, shots: int, *, documents: int, repeats: int) -> dict[str, Any]:
    """Both on the same prompts, with strings that end a text."""
    model = load(FIXTURES["15M-32k"], tokenizer(data), torch.float32, tied=False)
    asked = prompts(data, documents, shots)
    trial, _ = clocked(lambda: written(model, ["a", "b c"]))
    size, sizes = best_size(lambda size: generated(model, asked[:8], size))
    theirs, ours = [], []
    for _ in range(repeats):
        took, expected = clocked(lambda: generated(model, asked, size))
        theirs.append(took)
        took, found = clocked(lambda: written(model, asked))
        ours.append(took)
    unbatched = expected if size == 1 else generated(model, asked, 1)
    return {
        "documents": documents,
        "batch_size": size,
        "seconds_by_batch_size": sizes,
        "lm_eval": theirs,
        "bioinstruct": ours,
        "times": statistics.median(theirs) / statistics.median(ours),
        "trial": trial,
        "same_as_unbatched": sum(a == b for a, b in zip(found, unbatched, strict=True)),
        "tokens": statistics.mean(len(model.prompt_tokenizer.tokenizer.encode(t)) for t in found),
    }


def generated(model: Any, asked: list[str], size: int) -> list[str]:
    lm = harness(model, size)
    settings = {"until": UNTIL, "max_gen_toks": NEW_TOKENS, "do_sample": False}
    made = instances("generate_until", [(text, dict(settings)) for text in asked])
    found: list[str] = lm.generate_until(made, disable_tqdm=True)
    return found


def written(model: Any, asked: list[str]) -> list[str]:
    from bioinstruct.bench.models.thinking import Ending
    from bioinstruct.bench.models.tokenization import before_stop

    ids = model.prompt_tokenizer.tokenizer(asked)["input_ids"]
    ended = Ending(model.prompt_tokenizer, UNTIL, NEW_TOKENS).ended
    done = dict(model.generator.generate(ids, max_new_tokens=NEW_TOKENS, ended=ended))
    return [before_stop(model.prompt_tokenizer.text(done[n]), UNTIL) for n in range(len(asked))]


def peak() -> dict[str, float]:
    """Floating-point operations a second of one large multiplication, the best of ten."""
    found = {}
    for name, dtype in DTYPES.items():
        a = torch.randn(1536, 1536).to(dtype)
        best = min(clocked(lambda a=a: a @ a)[0] for _ in range(10))
        found[name] = 2 * 1536**3 / best
    return found


def memory_apart(data: Path, what: str) -> float:
    """Peak resident memory of a process of its own, in bytes."""
    command = [sys.executable, "-m", "benchmarks.scoring", "--data", str(data), "--memory-of", what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def memory(data: Path, what: str) -> float:
    """What scoring eight documents adds to the peak, with the large vocabulary."""
    model = load(FIXTURES["46M-152k"], tokenizer(data), torch.float32)
    case = cases(data, 8)["terms_0"]
    name, _, size = what.partition(" ")
    before = resident()
    if name == "lm-eval":
        by_harness(model, case.pairs, int(size))
    else:
        by_us(model, case.pairs)
    return float(highest() - before)


if __name__ == "__main__":
    main()
