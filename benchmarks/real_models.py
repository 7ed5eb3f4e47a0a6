"""Compare a real model with lm-evaluation-harness and with unbatched `generate`, item by item.

Random weights hide what real tokenizers do. This needs a real model folder and the corpora, and
takes minutes to an hour on a CPU, so it runs by hand:

    python -m benchmarks.real_models FOLDER --items 50 --out result.json

The harness gets texts, not ids: it tokenises the pairs itself. Greedy texts are compared with one
call of `generate` for each prompt, in float32.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.lm_eval_pairs import encode_pairs, score_pairs

from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.loading import quiet
from bioinstruct.bench.tasks import Evaluation, get_task, load_evaluations
from bioinstruct.bench.tasks.evaluation_set import with_shots
from bioinstruct.prompts import Style, render

__all__ = ["main"]

CLOSED, OPEN = ("pubmedqa", "medqa"), ("ncbi-disease", "mts-dialog")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model folder")
    parser.add_argument("--items", type=int, default=50, help="items of each task (default: 50)")
    parser.add_argument(
        "--shots", type=int, nargs="*", default=[0, 5], help="worked examples (default: 0 5)"
    )
    parser.add_argument(
        "--tokens", type=int, default=32, help="longest greedy text; 0 for none (default: 32)"
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args(argv)
    quiet()
    model = CausalLM.load(args.model, style=Style.ALPACA, device="cpu")
    found: dict[str, Any] = {"model": Path(args.model).name, "items": args.items, "rows": []}
    for row in _rows(model, args):
        print(json.dumps(row), flush=True)
        found["rows"].append(row)
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _rows(model: CausalLM, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    from lm_eval.models.huggingface import HFLM

    tokenizer = model.prompt_tokenizer.tokenizer
    harness = HFLM(pretrained=model.model, tokenizer=tokenizer, batch_size=1)
    if args.tokens:
        yield _greedy(args)
    for shots in args.shots:
        for name in CLOSED if shots else (*OPEN, *CLOSED):
            [evaluation], _ = load_evaluations([get_task(name)], args.items)
            if shots:
                [evaluation], _ = with_shots([evaluation], shots, must={name})
            yield _compared(model, harness, evaluation) | {"shots": shots}


def _compared(model: CausalLM, harness: Any, evaluation: Evaluation) -> dict[str, Any]:
    from lm_eval.api.instance import Instance

    shown = [evaluation.shown(example) for example in evaluation.examples]
    shots = [evaluation.shown(shot) for shot in evaluation.shots]
    front = "".join(f"{render(shot, model.style)}{shot.output}\n\n" for shot in shots)
    options = [evaluation.options(example) or (example.output,) for example in evaluation.examples]
    pairs = [
        (front + render(asked, model.style), option)
        for asked, each in zip(shown, options, strict=True)
        for option in each
    ]
    length = model.prompt_tokenizer.max_length
    encoded = encode_pairs(model.prompt_tokenizer.tokenizer, pairs, max_length=length)
    begun = time.perf_counter()
    ours = score_pairs(model, encoded)
    between = time.perf_counter()
    requests = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
    theirs = [value for value, _ in harness.loglikelihood(requests, disable_tqdm=True)]
    ended = time.perf_counter()
    starts = [0]
    for each in options:
        starts.append(starts[-1] + len(each))
    spans = [slice(a, b) for a, b in itertools.pairwise(starts)]
    row = {
        "task": evaluation.name,
        "items": len(options),
        "pairs": len(pairs),
        "tokens": sum(len(pair.context) + len(pair.continuation) for pair in encoded),
        "flags": dict(ours.flags),
        "largest difference": max(
            abs(a - b) for a, b in zip(ours.log_likelihoods, theirs, strict=True)
        ),
        "same choice": sum(_best(ours.log_likelihoods[s]) == _best(theirs[s]) for s in spans),
        "seconds": [round(between - begun, 1), round(ended - between, 1)],
    }
    if evaluation.closed:
        chosen = dict(model.choose(shown, choices=options, shots=shots))
        row["same choice by choose()"] = sum(
            _best(chosen[n].log_likelihoods) == _best(theirs[s]) for n, s in enumerate(spans)
        )
    return row


def _best(values: Sequence[float]) -> int:
    return values.index(max(values))


def _greedy(args: argparse.Namespace) -> dict[str, Any]:
    """Compare completions with those of one call of `generate` for each prompt."""
    template = (Path(args.model) / "chat_template.jinja").is_file()
    style = Style.CHAT if template else Style.ALPACA
    model = CausalLM.load(args.model, style=style, device="cpu")
    [evaluation], _ = load_evaluations([get_task(OPEN[0])], args.items)
    shown = [evaluation.shown(example) for example in evaluation.examples]
    found = dict(model.complete(shown, max_new_tokens=args.tokens))
    same = 0
    for number, example in enumerate(shown):
        prompt = model.prompt_tokenizer.prompt(example, room=args.tokens)
        assert prompt is not None
        with torch.inference_mode():
            ids = model.model.generate(
                torch.tensor([prompt.ids]),
                attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
                do_sample=False,
                max_new_tokens=args.tokens,
                pad_token_id=model.pad,
            )[0, len(prompt.ids) :]
        text = model.prompt_tokenizer.tokenizer.decode(ids, skip_special_tokens=True)
        same += text == found[number].text
    by = sorted({completion.by for completion in found.values()})
    return {
        "task": f"{evaluation.name}, greedy",
        "style": style.value,
        "items": len(shown),
        "tokens": args.tokens,
        "by": by,
        "same text": same,
    }


if __name__ == "__main__":
    main()
