"""Tiny models with random weights, of every shape that the tests ask for, made in the session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import Category, Instruction, MissingError, Provenance

SHAPES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "mistral": {"sliding_window": None},
    "gemma": {"head_dim": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256},
    "gpt_neox": {"num_key_value_heads": None},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32, "do_layer_norm_before": True},
}
MORE_SHAPES: dict[str, dict[str, Any]] = {
    "biogpt": {},
    "bloom": {"n_layer": 2, "n_head": 2},
    "cohere": {},
    "falcon": {"new_decoder_architecture": False, "alibi": False},
    "gemma2": {"head_dim": 16, "sliding_window": 512},
    "granite": {"logits_scaling": 4.0},
    "mamba": {"num_key_value_heads": None},
    "mixtral": {"num_local_experts": 4},
    "phi3": {},
    "qwen3": {"head_dim": 16},
    "starcoder2": {},
}
"""Shapes with what is odd somewhere: soft-capping, scaling, ALiBi, experts, recurrence."""
TEXTS = [
    "The patient reports chest pain and denies fever .",
    "Metformin 500 mg was given twice daily for type 2 diabetes mellitus .",
    "Does the patient have asthma ? yes no maybe",
    "Below is an instruction that describes a task, paired with an input that provides context.",
    "### Instruction: ### Input: ### Response: List the diseases of the sentence.",
]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        TEXTS * 3,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<pad>", "<s>", "</s>"],
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Callable[[str], Path]:
    """A saved model of a shape, with random weights from a fixed seed."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    root = tmp_path_factory.mktemp("models")

    def make(shape: str) -> Path:
        folder = root / shape
        if folder.exists():
            return folder
        common = {
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }
        settings = {
            k: v for k, v in (common | (SHAPES | MORE_SHAPES)[shape]).items() if v is not None
        }
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(shape, **settings))
        # Larger weights than the usual start: logits that differ enough to tell right from wrong.
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(12.0) if parameter.dim() == 2 else None
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def example() -> Callable[..., Instruction]:
    def make(
        instruction: str = "Does the patient have the finding?",
        input: str = "The patient reports chest pain .",
        output: str = "yes",
    ) -> Instruction:
        return Instruction(
            instruction=instruction,
            input=input,
            output=output,
            category=Category.QA,
            task="test",
            provenance=Provenance(kind="seed", origin="tests", license="CC0-1.0"),
        )

    return make


@pytest.fixture(scope="session")
def miniatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with miniature files of the corpora that are not at hand."""
    from tests.bench.miniatures import write_all

    return write_all(tmp_path_factory.mktemp("miniatures"))


@pytest.fixture
def examples_of(
    miniatures: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Instruction]]:
    """Test examples of a task: of the real corpus where it is at hand, else of a miniature."""
    from bioinstruct.bench.tasks.evaluation_set import sample

    def read(task: Any, limit: int | None = None) -> list[Instruction]:
        try:
            return sample(_read(task, task.split), limit)
        except MissingError:
            monkeypatch.setenv("BIOINSTRUCT_DATA", str(miniatures))
        try:
            return _read(task, task.split)
        except MissingError:
            pytest.skip("BIOINSTRUCT_DATA is not set: NOT CHECKED ON THE REAL CORPUS")

    return read


_KNOWN: dict[tuple[str, str], list[Instruction]] = {}


def _read(task: Any, split: str) -> list[Instruction]:
    """Read once in a session: most of the time of these tests is reading."""
    if (task.name, split) not in _KNOWN:
        _KNOWN[task.name, split] = list(task.read(split))
    return _KNOWN[task.name, split]


@pytest.fixture(scope="session")
def finished_run(
    model_folder: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a run of three tasks, base and tuned; copy it to change it."""
    from bioinstruct.bench.experiment import load_training, run
    from bioinstruct.bench.models.causal_lm import CausalLM
    from bioinstruct.bench.tasks import get_task, load_evaluations
    from bioinstruct.bench.training.recipe import Recipe

    fast = Recipe(rank=2, alpha=4, learning_rate=1e-2, epochs=1, batch_size=8)
    tests, _ = load_evaluations([get_task(f"demo-{name}") for name in ("qa", "ie", "gen")], 4)
    examples = [*list(get_task("demo-qa").read("train"))[:16], tests[0].examples[0]]
    out = tmp_path_factory.mktemp("finished") / "run"
    model = CausalLM.load(str(model_folder("llama")))
    run(model, tests, out, training=load_training(fast, tests, examples, "demo"))
    return out
