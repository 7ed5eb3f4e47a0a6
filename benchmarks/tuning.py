"""What tuning costs: ours, Trainer and TRL on the same examples, each run in a process of its own.

    bioinstruct compile --mixture open --limit 200 --out mixture.jsonl
    python -m benchmarks.tuning --data mixture.jsonl
    python -m benchmarks.tuning --data mixture.jsonl --gpu

CPU seconds of one thread, so that other work on the machine does not count; every contender trains
the same LoRA (rank 16 on all linear layers), from the same start, 16 examples a step.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.memory import highest, resident

FOLDER = Path(__file__).parent
STEP = 16  # examples of one optimizer step
LONGEST = 1024
RANK, ALPHA, RATE = 16, 32, 2e-4

SIZES = {
    "5M": {"hidden_size": 128, "intermediate_size": 352, "layers": 4, "heads": 4, "samples": 64},
    "30M": {"hidden_size": 384, "intermediate_size": 1024, "layers": 10, "heads": 6, "samples": 16},
    "110M": {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "layers": 12,
        "heads": 12,
        "samples": 16,
    },
}
GPU_SIZES = {
    "1B": {
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "layers": 16,
        "heads": 32,
        "samples": 512,
    },
    "7B": {
        "hidden_size": 4096,
        "intermediate_size": 11008,
        "layers": 32,
        "heads": 32,
        "samples": 256,
    },
}
VOCABULARIES = {"32k": 32_000, "150k": 150_016}
GPU_PEAK = {"A100": 312e12, "H100": 989e12, "H200": 989e12, "L4": 121e12, "4090": 165e12}
"""Dense bfloat16 operations a second, from the makers' data sheets."""
METHODS = (
    "ours, padded",
    "ours, packed",
    "ours, packed, bf16",
    "Trainer, padded",
    "Trainer, length-grouped",
    "TRL, padded",
    "TRL, packed",
    "TRL, packed, bf16",
)
GPU_METHODS = ("ours, packed, bf16", "TRL, packed, bf16")


def main() -> None:
    args = _arguments()
    if args.one:
        print("RESULT " + json.dumps(_one(json.loads(args.one))))
        return
    sizes = args.sizes or list(GPU_SIZES if args.gpu else SIZES)
    methods = args.methods or list(GPU_METHODS if args.gpu else METHODS)
    results: dict[str, Any] = {"machine": _machine(args), "runs": []}
    if args.out.is_file():  # go on
        results = json.loads(args.out.read_text(encoding="utf-8"))
    done = {(run["method"], run["size"], run["vocabulary"]) for run in results["runs"]}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        _make_tokenizer(args.data, work / "tokenizer")
        for vocabulary in args.vocabularies:
            for size in sizes:
                order = list(methods)
                random.Random(f"{size} {vocabulary}").shuffle(order)
                for method in order:
                    if (method, size, vocabulary) in done:
                        continue
                    name = {"method": method, "size": size, "vocabulary": vocabulary}
                    where = {"data": str(args.data), "work": str(work), "gpu": args.gpu}
                    results["runs"].append(name | _child(name | where))
                    args.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="JSON Lines of the mixture")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--sizes", nargs="*")
    parser.add_argument("--vocabularies", nargs="*", default=list(VOCABULARIES))
    parser.add_argument("--methods", nargs="*", choices=METHODS)
    parser.add_argument("--gpu", action="store_true", help="1B and 7B shapes in bfloat16")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.one and not args.data:
        parser.error("--data is needed")
    name = "tuning_gpu.json" if args.gpu else "tuning.json"
    args.out = args.out or FOLDER / "results" / name
    return args


def _child(job: dict[str, Any]) -> dict[str, Any]:
    """Run one contender in a process of its own, with one thread."""
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    environment = os.environ | quiet | ({} if job["gpu"] else {"OMP_NUM_THREADS": "1"})
    command = [sys.executable, "-m", "benchmarks.tuning", "--one", json.dumps(job)]
    done = subprocess.run(
        command, cwd=FOLDER.parent, env=environment, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or not lines:
        why = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"{job['size']:>5} {job['vocabulary']:>5} {job['method']:25} {why}", flush=True)
        return {"error": f"exit {done.returncode}: {why[:200]}"}
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    print(
        f"{job['size']:>5} {job['vocabulary']:>5} {job['method']:25}"
        f" {result['tokens'] / result['seconds']:8,.0f} tokens/s {result['mib']:8,.0f} MiB"
        f"  loss {result['losses'][0]:.3f} to {result['losses'][-1]:.3f}",
        flush=True,
    )
    return result


def _machine(args: argparse.Namespace) -> dict[str, Any]:
    from importlib.metadata import version

    import torch

    about = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = [line for line in about if line.startswith("model name")]
    found = {
        "cpu": cpu[0].split(": ")[1],
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": sys.version.split()[0],
        **{name: version(name) for name in ("torch", "transformers", "peft", "trl", "accelerate")},
    }
    if args.gpu:
        return found | {"gpu": torch.cuda.get_device_name()}
    torch.set_num_threads(1)
    return found | {"peak": {str(t)[6:]: _peak(t) for t in (torch.float32, torch.bfloat16)}}


def _peak(dtype: Any) -> float:
    """Operations a CPU second of the best of a few matrix products, on one thread."""
    import torch

    best = 0.0
    for rows, inner, columns in ((1024, 768, 2048), (1024, 768, 8192), (2048, 2048, 2048)):
        x, w = torch.randn(rows, inner, dtype=dtype), torch.randn(columns, inner, dtype=dtype)
        for _ in range(4):
            begun = time.process_time()
            for _ in range(3):
                torch.nn.functional.linear(x, w)
            best = max(best, 6 * rows * inner * columns / (time.process_time() - begun))
    return best


def _make_tokenizer(data: Path, folder: Path) -> None:
    """A byte-level BPE of 32,000 entries, of the texts themselves; larger heads use no more."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from bioinstruct import read_examples

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=32_000,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (f"{e.instruction}\n{e.input}\n{e.output}" for e in read_examples(str(data)))
    bpe.train_from_iterator(texts, trainer)
    PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)


def _one(job: dict[str, Any]) -> dict[str, Any]:
    """One contender: seconds and memory of its steps, and the loss of each."""
    import torch

    if not job["gpu"]:
        torch.set_num_threads(1)
    contender = _ours if job["method"].startswith("ours") else _trainer
    if not job["method"].startswith("ours"):
        _import_trainers(job)
    model, examples = _model(job), _examples(job)
    before = resident()  # libraries, weights and data
    found = contender(model, examples, job)
    memory = torch.cuda.max_memory_allocated() if job["gpu"] else highest() - before
    rows = _rows(model, examples)
    counts = {
        "tokens": sum(map(len, rows)),
        "targets": sum(len(row.completion) for row in rows),
        "linear": sum(m.weight.numel() for m in _linear(model.bare)),
        "head": model.bare.get_output_embeddings().weight.numel(),
        "adapter": found.pop("adapter"),
    }
    return counts | found | {"mib": memory / 2**20}


def _model(job: dict[str, Any]) -> Any:
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from bioinstruct import Style
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.models.tokenization import PromptTokenizer

    shape = (SIZES | GPU_SIZES)[job["size"]]
    config = LlamaConfig(
        vocab_size=VOCABULARIES[job["vocabulary"]],
        hidden_size=shape["hidden_size"],
        intermediate_size=shape["intermediate_size"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["heads"],
        max_position_embeddings=LONGEST,
        tie_word_embeddings=not job["gpu"],
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    if job["gpu"]:
        with torch.device("cuda"):
            torch.set_default_dtype(torch.bfloat16)
            model = LlamaForCausalLM(config)
            torch.set_default_dtype(torch.float32)
    else:
        model = LlamaForCausalLM(config)
    tokenizer = AutoTokenizer.from_pretrained(f"{job['work']}/tokenizer")
    made = CausalLM(
        model.eval(), PromptTokenizer(tokenizer, Style.ALPACA, LONGEST), name=job["size"]
    )
    if not job["gpu"]:
        made.tuning_budget = LONGEST  # what TRL packs into one row
    return made


def _examples(job: dict[str, Any]) -> list[Any]:
    """Examples from all over the mixture, the same for every contender of a size."""
    from bioinstruct import read_examples

    everything = list(read_examples(job["data"]))
    random.Random(0).shuffle(everything)
    return everything[: (SIZES | GPU_SIZES)[job["size"]]["samples"]]


def _rows(model: Any, examples: list[Any]) -> list[Any]:
    from bioinstruct.bench.training.trainer import encode_examples

    rows, _ = encode_examples(model, examples, _recipe("ours, padded"))
    return rows  # an answer that is too long is left out, for every contender


def _recipe(method: str) -> Any:
    from bioinstruct.bench.training.recipe import Recipe

    return Recipe(
        rank=RANK,
        alpha=ALPHA,
        learning_rate=RATE,
        schedule="constant",
        warmup=0,
        epochs=1,
        batch_size=STEP,
        max_length=LONGEST,
        precision="bfloat16" if "bf16" in method else "float32",
        layout="packed" if "packed" in method else "padded",
    )


def _linear(model: Any) -> list[Any]:
    from bioinstruct.bench.training.lora import linear_layers

    return [getattr(layer, "base_layer", layer) for layer in linear_layers(model).values()]


def _same_start(model: Any) -> None:
    """Each adapter's matrices from a seed of their own, so that loss curves can be compared."""
    import torch

    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            seed = zlib.crc32(name.partition("model.model.")[2].encode())
            generator = torch.Generator().manual_seed(seed)
            start = torch.randn(parameter.shape, generator=generator)
            parameter.data.copy_(start * (0.05 if "lora_A" in name else 0))


def _ours(model: Any, examples: list[Any], job: dict[str, Any]) -> dict[str, Any]:
    """The package's own steps, batches in the order of the data."""
    from bioinstruct.bench.training.trainer import start

    with start(model, examples, _recipe(job["method"]), seed=0) as steps:
        _same_start(model.model)
        clock = _Clock(job)
        for at in range(0, len(steps.rows), STEP):
            clock.timed(lambda at=at: steps.step(steps.rows[at : at + STEP]))
    return clock.found(steps.tuning.losses, steps.tuning.trained_parameters)


class _Clock:
    """CPU seconds where the process computes, seconds where a device does."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._gpu = job["gpu"]
        self.seconds = 0.0

    def now(self) -> float:
        if not self._gpu:
            return time.process_time()
        import torch

        torch.cuda.synchronize()
        return time.perf_counter()

    def timed(self, work: Callable[[], None]) -> None:
        begun = self.now()
        work()
        self.seconds += self.now() - begun

    def found(self, losses: list[float], adapter: int) -> dict[str, Any]:
        return {"seconds": self.seconds, "losses": losses, "adapter": adapter}


def _import_trainers(job: dict[str, Any]) -> None:
    """Before memory is measured: the libraries are not counted."""
    import peft  # noqa: F401
    from transformers import Trainer  # noqa: F401

    if job["method"].startswith("TRL"):
        import datasets  # noqa: F401
        import trl

        _ = trl.SFTTrainer


def _trainer(model: Any, examples: list[Any], job: dict[str, Any]) -> dict[str, Any]:
    """The Trainer of transformers or of TRL, as their guides have it."""
    from peft import LoraConfig, get_peft_model
    from transformers import TrainerCallback

    rows = [
        {
            "input_ids": [*row.prompt, *row.completion],
            "labels": [*[-100] * len(row.prompt), *row.completion],
        }
        for row in _rows(model, examples)
    ]
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    adapted = get_peft_model(model.model, config)
    _same_start(adapted)
    clock = _Clock(job)

    class Watch(TrainerCallback):
        begun = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.begun = clock.now()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.seconds += clock.now() - self.begun

    make = _trl if job["method"].startswith("TRL") else _plain
    trainer = make(adapted, model.prompt_tokenizer.tokenizer, rows, job)
    trainer.add_callback(Watch())
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    adapter = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    return clock.found(losses, adapter)


def _settings(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "output_dir": f"{job['work']}/trainer",
        "report_to": [],
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "num_train_epochs": 1,
        "disable_tqdm": True,
        "use_cpu": not job["gpu"],
        "optim": "adamw_torch_fused",
        "bf16": "bf16" in job["method"],
    }


def _together(job: dict[str, Any]) -> int:
    """Examples of a padded peer's micro-batch: its logits of 150,000 entries have to fit."""
    return 8 if job["vocabulary"] == "32k" else 2


def _plain(model: Any, tokenizer: Any, rows: list[Any], job: dict[str, Any]) -> Any:
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    grouped = "grouped" in job["method"]
    settings = TrainingArguments(
        per_device_train_batch_size=_together(job),
        gradient_accumulation_steps=STEP // _together(job),
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length" if grouped else "sequential",
        **_settings(job),
    )
    data = [row | {"attention_mask": [1] * len(row["input_ids"])} for row in rows]
    collator = DataCollatorForSeq2Seq(tokenizer, padding=True, label_pad_token_id=-100)
    return Trainer(model=model, args=settings, train_dataset=data, data_collator=collator)


def _trl(model: Any, tokenizer: Any, rows: list[Any], job: dict[str, Any]) -> Any:
    from datasets import Dataset, disable_progress_bars
    from trl import SFTConfig, SFTTrainer

    disable_progress_bars()
    packed = "packed" in job["method"]
    packs = -(-sum(len(row["input_ids"]) for row in rows) // LONGEST)
    each = max(1, round(packs / (len(rows) / STEP)))
    settings = SFTConfig(
        per_device_train_batch_size=1 if packed else _together(job),
        gradient_accumulation_steps=each if packed else STEP // _together(job),
        packing=packed,
        max_length=LONGEST,
        gradient_checkpointing=False,
        train_sampling_strategy="sequential",
        **_settings(job),
    )
    return SFTTrainer(
        model=model,
        args=settings,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )


if __name__ == "__main__":
    main()
