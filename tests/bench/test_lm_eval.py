"""lm-evaluation-harness itself, in the same process on the same requests, is the oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.lm_eval_pairs import encode_pairs, score_pairs

from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.loglikelihood import Plan
from bioinstruct.bench.training.lora import add_adapter
from bioinstruct.bench.training.recipe import Recipe

from .conftest import MORE_SHAPES, SHAPES, TEXTS

pytest.importorskip("lm_eval", reason="pip install 'bioinstruct[oracle]'")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore"),  # the peer's, of which there are many
]
Folder = Callable[[str], Path]
LETTERS = (" A", " B", " C")
TERMS = (" yes", " type 2 diabetes mellitus", " chest pain", " chest")
WORDS = " ".join(TEXTS).split()


def requests(*, shots: int, options: tuple[str, ...], count: int = 6) -> list[tuple[str, str]]:
    """Contexts of several lengths behind the same worked examples, each with the same options."""
    chance = random.Random(0)

    def text(words: int) -> str:
        return "LoglikelihoodRequest: " + " ".join(chance.choices(WORDS, k=words)) + "\nAnswer:"

    front = "".join(text(4) + chance.choice(options) + "\n\n" for _ in range(shots))
    contexts = [front + text(chance.randint(1, 20)) for _ in range(count)]
    return [(context, option) for context in contexts for option in options]


def harness(model: CausalLM, *, batch_size: int = 4) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=model.model, tokenizer=model.prompt_tokenizer.tokenizer, batch_size=batch_size
    )


def asked(lm: Any, pairs: list[tuple[str, str]]) -> list[float]:
    from lm_eval.api.instance import Instance

    made = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    return [value for value, _ in lm.loglikelihood(made, disable_tqdm=True)]


def ours(model: CausalLM, pairs: list[tuple[str, str]], plan: Plan = Plan.AUTO) -> list[float]:
    encoded = encode_pairs(
        model.prompt_tokenizer.tokenizer, pairs, max_length=model.prompt_tokenizer.max_length
    )
    return score_pairs(model, encoded, plan=plan).log_likelihoods


def predictions(scores: list[float], options: int) -> list[int]:
    rows = [scores[i : i + options] for i in range(0, len(scores), options)]
    return [row.index(max(row)) for row in rows]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, tokenizer: Any) -> Callable[..., Path]:
    """Models whose vocabulary is far larger than what their tokenizer knows, as in life."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    def make(shape: str, vocabulary: int) -> Path:
        folder = tmp_path_factory.mktemp("wide")
        torch.manual_seed(0)
        config = AutoConfig.for_model(
            shape,
            vocab_size=vocabulary,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.mark.parametrize("options", [LETTERS, TERMS], ids=["letters", "terms"])
@pytest.mark.parametrize("shots", [0, 5])
@pytest.mark.parametrize("shape", [*SHAPES, *MORE_SHAPES])
def test_the_harness_gives_the_same_on_every_architecture(
    shape: str, shots: int, options: tuple[str, ...], model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    pairs = requests(shots=shots, options=options)
    expected = asked(harness(model), pairs)
    for plan in (Plan.AUTO, Plan.FLAT):
        found = ours(model, pairs, plan)
        assert found == pytest.approx(expected, abs=1e-4)
        assert predictions(found, len(options)) == predictions(expected, len(options))


@pytest.mark.parametrize("options", [LETTERS, TERMS], ids=["letters", "terms"])
@pytest.mark.parametrize("shots", [0, 5])
@pytest.mark.parametrize("vocabulary", [32_000, 151_936])
@pytest.mark.parametrize("shape", ["llama", "qwen2"])
def test_the_harness_gives_the_same_with_large_vocabularies(
    shape: str, vocabulary: int, shots: int, options: tuple[str, ...], wide: Callable[..., Path]
) -> None:
    model = CausalLM.load(str(wide(shape, vocabulary)))
    pairs = requests(shots=shots, options=options)
    expected = asked(harness(model), pairs)
    found = ours(model, pairs)
    assert model.vocabulary < vocabulary
    assert found == pytest.approx(expected, abs=1e-4)
    assert predictions(found, len(options)) == predictions(expected, len(options))


def test_its_ids_are_ours(model_folder: Folder, tokenizer: Any) -> None:
    lm = harness(CausalLM.load(str(model_folder("llama"))))
    contexts = ["Does it", "Does it ", "Does it\n\n ", "<s>Does it", "The medic", "a" * 30]
    pairs = [(c, t) for c in contexts for t in (" yes", " denies fever", "zz", "\nyes")]
    for pair, found in zip(pairs, encode_pairs(tokenizer, pairs, max_length=256), strict=True):
        assert (list(found.context), list(found.continuation)) == lm._encode_pair(*pair)


def test_an_empty_context_is_the_first_token_of_a_text(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    pairs = [("", "The patient"), ("", "<s>The patient"), ("", " yes")]
    assert ours(model, pairs) == pytest.approx(asked(harness(model), pairs), abs=1e-4)


def test_a_context_too_long_for_the_model_is_cut_alike_but_counted(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    pairs = [("chest pain and fever " * 200 + "Answer:", " yes"), ("Answer:", " no")]
    encoded = encode_pairs(model.prompt_tokenizer.tokenizer, pairs, max_length=256)
    found = score_pairs(model, encoded)
    assert found.log_likelihoods == pytest.approx(asked(harness(model), pairs), abs=1e-4)
    assert found.flags == {"truncated": 1}


def test_a_start_token_of_the_tokenizer_is_added_alike(
    model_folder: Folder, tokenizer: Any
) -> None:
    import copy

    from tokenizers.processors import TemplateProcessing

    model = CausalLM.load(str(model_folder("gpt2")))
    starting = copy.deepcopy(tokenizer)
    starting.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    model.prompt_tokenizer.tokenizer = starting
    pairs = [*requests(shots=1, options=TERMS, count=2), ("<s>chest", " pain"), ("", "fever")]
    assert encode_pairs(starting, pairs, max_length=256)[0].context[0] == 1
    assert ours(model, pairs) == pytest.approx(asked(harness(model), pairs), abs=1e-4)


def test_an_adapter_that_does_nothing_moves_nothing_here_as_there(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("qwen2")))
    pairs = requests(shots=5, options=TERMS)
    expected = asked(harness(model), pairs)
    before = ours(model, pairs)
    add_adapter(model, Recipe(rank=4))
    assert ours(model, pairs) == before
    assert before == pytest.approx(expected, abs=1e-4)


def test_where_the_harness_mixes_two_splits_of_one_text_ours_is_right(
    model_folder: Folder,
) -> None:
    """It looks answers up by the text without its last token, whatever its split."""
    model = CausalLM.load(str(model_folder("llama")))
    lm = harness(model, batch_size=1)
    pairs = [("chest pain", " and fever"), ("chest pain and", " fever")]
    apart = [asked(lm, [pair])[0] for pair in pairs]
    assert ours(model, pairs) == pytest.approx(apart, abs=1e-4)
