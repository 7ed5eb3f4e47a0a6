"""Compare a real model with lm-evaluation-harness and with unbatched `generate`, item by item.

Random weights hide what real tokenizers do. This needs a real model folder and the corpora, and
takes minutes to an hour on a CPU, so it runs by hand:

    python -m benchmarks.real_models FOLDER --items 50 --out result.json

The harness gets texts and tokenises them itself, and once more the ids that `choose` scores. Greedy
texts are compared with one call of `generate` for each prompt.
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
    parser.add_argument(
        "--dtype", choices=["float32", "bfloat16"], default="float32", help="precision of weights"
    )
    parser.add_argument(
        "--how",
        choices=["both", "texts", "ids"],
        default="both",
        help="what the harness gets: texts, without examples only, or the ids of choose()",
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args(argv)
    quiet()
    model = CausalLM.load(args.model, style=Style.ALPACA, device="cpu")
    model.model.to(getattr(torch, args.dtype))
    found: dict[str, Any] = {"model": Path(args.model).name, "dtype": args.dtype, "rows": []}
    for row in _rows(model, args):
        print(json.dumps(row), flush=True)
        found["rows"].append(row)
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _rows(model: CausalLM, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    if args.tokens:
        yield _greedy(args)
    for shots in args.shots:
        for name in CLOSED if shots else (*CLOSED, *OPEN):
            [evaluation], _ = load_evaluations([get_task(name)], args.items)
            if shots:
                [evaluation], _ = with_shots([evaluation], shots, must={name})
            if not shots and args.how != "ids":
                yield _by_texts(model, evaluation)
            if evaluation.closed and args.how != "texts":
                yield _by_ids(model, evaluation) | {"shots": shots}


def _harness(model: CausalLM, *, precise: bool) -> Any:
    """Return the harness around the same model.

    Torch adds up a softmax in float32 on a CPU from left to right, which is off by 0.00006 a token
    at 262,144 tokens, always upwards: over a long answer that is more than the bar, so long
    answers are compared with `softmax_dtype=float64`, an option of the harness.
    """
    from lm_eval.models.huggingface import HFLM

    tokenizer = model.prompt_tokenizer.tokenizer
    dtype = "float64" if precise else None
    return HFLM(pretrained=model.model, tokenizer=tokenizer, batch_size=1, softmax_dtype=dtype)


def _by_texts(model: CausalLM, evaluation: Evaluation) -> dict[str, Any]:
    """Compare with the harness on texts, which it tokenises by itself."""
    from lm_eval.api.instance import Instance

    options = [evaluation.options(example) or (example.output,) for example in evaluation.examples]
    pairs = [
        (render(evaluation.shown(example), model.style), option)
        for example, each in zip(evaluation.examples, options, strict=True)
        for option in each
    ]
    length = model.prompt_tokenizer.max_length
    encoded = encode_pairs(model.prompt_tokenizer.tokenizer, pairs, max_length=length)
    begun = time.perf_counter()
    ours = score_pairs(model, encoded)
    between = time.perf_counter()
    harness = _harness(model, precise=not evaluation.closed)
    requests = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
    theirs = [value for value, _ in harness.loglikelihood(requests, disable_tqdm=True)]
    ended = time.perf_counter()
    spans = _spans(options)
    row = {
        "task": evaluation.name,
        "how": "texts",
        "items": len(options),
        "pairs": len(pairs),
        "tokens": sum(len(pair.context) + len(pair.continuation) for pair in encoded),
        "flags": dict(ours.flags),
        "largest difference": _largest(ours.log_likelihoods, theirs),
        "same choice": sum(_best(ours.log_likelihoods[s]) == _best(theirs[s]) for s in spans),
        "seconds": [round(between - begun, 1), round(ended - between, 1)],
    }
    if evaluation.closed:
        shown = [evaluation.shown(example) for example in evaluation.examples]
        chosen = dict(model.choose(shown, choices=options))
        row["same choice by choose()"] = sum(
            _best(chosen[n].log_likelihoods) == _best(theirs[s]) for n, s in enumerate(spans)
        )
    return row


def _by_ids(model: CausalLM, evaluation: Evaluation) -> dict[str, Any]:
    """Compare `choose` with the harness on the token ids of the whole text."""
    shown = [evaluation.shown(example) for example in evaluation.examples]
    shots = [evaluation.shown(shot) for shot in evaluation.shots]
    options = [evaluation.options(example) for example in evaluation.examples]
    front = model.prompt_tokenizer.front(shots)
    requests = []
    for example, each in zip(shown, options, strict=True):
        asked = model.prompt_tokenizer.with_answers(example, each, front=front)
        assert asked is not None
        requests += [(("", ""), list(asked.prompt), list(answer)) for answer in asked.answers]
    begun = time.perf_counter()
    chosen = dict(model.choose(shown, choices=options, shots=shots))
    ours = [value for number in range(len(shown)) for value in chosen[number].log_likelihoods]
    between = time.perf_counter()
    found = _harness(model, precise=False)._loglikelihood_tokens(requests, disable_tqdm=True)
    theirs = [value for value, _ in found]
    return {
        "task": evaluation.name,
        "how": "ids",
        "items": len(options),
        "pairs": len(requests),
        "tokens": sum(len(context) + len(answer) for _, context, answer in requests),
        "plan": model.scorer.used.value,
        "largest difference": _largest(ours, theirs),
        "same choice": sum(_best(ours[s]) == _best(theirs[s]) for s in _spans(options)),
        "seconds": [round(between - begun, 1), round(time.perf_counter() - between, 1)],
    }


def _spans(options: Sequence[Sequence[str]]) -> list[slice]:
    starts = [0, *itertools.accumulate(map(len, options))]
    return [slice(a, b) for a, b in itertools.pairwise(starts)]


def _largest(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(ours, theirs, strict=True))


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
