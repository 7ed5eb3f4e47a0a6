from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import ContinuousBatchingConfig

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.models import generation
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.generation import Engine, Generator

from .conftest import MORE_SHAPES, SHAPES
from .test_likelihood import REPEATING, SHARING

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
STOPS = set(range(2, 400, 3))
"""So many that some texts end early."""


def some_prompts(model: CausalLM, *, shared: int, count: int = 12) -> list[list[int]]:
    chance = random.Random(0)
    tokens = range(3, model.vocabulary)
    begin = chance.choices(tokens, k=shared)
    return [begin + chance.choices(tokens, k=chance.randint(1, 40)) for _ in range(count)]


def alone(model: CausalLM, prompt: list[int], max_new_tokens: int) -> list[int]:
    """What `generate` of transformers writes to one prompt."""
    from transformers import GenerationConfig

    ids = torch.tensor([prompt])
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=max_new_tokens,
        pad_token_id=0,
        eos_token_id=sorted(STOPS),
    )
    with torch.inference_mode():
        out = model.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings
        )
    found: list[int] = out[0, len(prompt) :].tolist()
    return found


@pytest.mark.parametrize("shape", [*SHAPES, *MORE_SHAPES])
def test_what_is_written_is_what_generate_writes_to_each_prompt_alone(
    shape: str, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "ROWS", {"cpu": 4})
    model = CausalLM.load(str(model_folder(shape)))
    prompts = some_prompts(model, shared=60)
    expected = {n: alone(model, prompt, 8) for n, prompt in enumerate(prompts)}
    generator = Generator(model, lambda: STOPS)
    assert dict(generator.generate(prompts, max_new_tokens=8)) == expected
    assert generator.used is (Engine.REFILLED if shape in SHARING else Engine.PLAIN)
    assert bool(generator.fallback_reason) is (shape in REPEATING)
    assert len({len(ids) for ids in expected.values()}) > 1


@pytest.mark.parametrize("budget", [1, 60, 10_000])
@pytest.mark.parametrize("rows", [1, 3, 50])
def test_neither_rows_nor_the_budget_change_what_is_written(
    budget: int, rows: int, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "ROWS", {"cpu": rows})
    model = CausalLM.load(str(model_folder("gpt2")))
    model.token_budget = budget
    for shared in (0, 40):
        prompts = some_prompts(model, shared=shared, count=7)
        found = {
            engine: dict(
                Generator(model, lambda: STOPS, engine).generate(prompts, max_new_tokens=6)
            )
            for engine in (Engine.REFILLED, Engine.PLAIN)
        }
        assert found[Engine.REFILLED] == found[Engine.PLAIN]
        assert len(found[Engine.PLAIN]) == 7


@pytest.mark.parametrize("shape", ["llama", "bloom"])
def test_a_completion_ends_before_the_first_string_that_ends_it(
    shape: str, model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    asked = [example(input=text) for text in ("chest pain", "fever", "", "asthma ?")]
    shots = [example(output="no"), example(output="yes")]
    model.prompt_tokenizer.max_length = 2000
    full = dict(model.complete(asked, max_new_tokens=16, shots=shots))
    marks = tuple(c.text[5:7] for c in full.values() if len(c.text) > 8)[:2]
    assert marks
    cut = dict(model.complete(asked, max_new_tokens=16, stop=marks, shots=shots))
    for index, completion in full.items():
        ends = [completion.text.find(mark) for mark in marks if mark in completion.text]
        expected = completion.text[: min(ends)] if ends else completion.text
        assert cut[index].text == expected
        assert cut[index].truncated == (completion.truncated and not ends)


def test_a_string_ends_a_text_at_once_and_not_when_all_is_written(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    prompts = some_prompts(model, shared=0, count=3)
    for engine in (Engine.REFILLED, Engine.PLAIN):
        generator = Generator(model, lambda: set(), engine)
        for _, ids in generator.generate(
            prompts, max_new_tokens=20, ended=lambda ids: len(ids) == 3
        ):
            assert len(ids) == 3


def test_a_model_that_cannot_refill_is_refused_when_that_is_asked(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("mamba")))
    with pytest.raises(ModelError, match="cannot generate by the engine refilled"):
        list(Generator(model, lambda: {2}, Engine.REFILLED).generate([[5, 6]], max_new_tokens=2))


def test_nothing_is_asked_and_nothing_is_written(model_folder: Folder) -> None:
    generator = CausalLM.load(str(model_folder("llama"))).generator
    assert list(generator.generate([], max_new_tokens=5)) == []
    assert list(generator.generate([[5, 6], [7]], max_new_tokens=0)) == [(0, []), (1, [])]


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_continuous_batching_of_transformers_writes_the_same(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, where it is slow: what `auto` takes on an accelerator."""
    # By default its cache takes nine tenths of the memory that is free.
    settings = ContinuousBatchingConfig.__init__
    few = functools.partialmethod(settings, num_blocks=32, max_batch_tokens=512)
    monkeypatch.setattr(ContinuousBatchingConfig, "__init__", few)
    model = CausalLM.load(str(model_folder("llama")))
    prompts = some_prompts(model, shared=40)
    expected = {n: alone(model, prompt, 8) for n, prompt in enumerate(prompts)}
    generator = Generator(model, lambda: STOPS, Engine.CONTINUOUS)
    assert dict(generator.generate(prompts, max_new_tokens=8)) == expected


def test_only_texts_that_are_longer_than_a_window_are_written_the_slow_way(
    model_folder: Folder,
) -> None:
    model = CausalLM.load(str(model_folder("mistral")))
    prompts = some_prompts(model, shared=40)
    window = model.model.config.sliding_window = sorted(map(len, prompts))[6] + 4
    generator = Generator(model, lambda: STOPS)
    found = {n: (generator.used, ids) for n, ids in generator.generate(prompts, max_new_tokens=4)}
    for n, prompt in enumerate(prompts):
        used, ids = found[n]
        assert used is (Engine.PLAIN if len(prompt) + 4 > window else Engine.REFILLED)
        assert ids == alone(model, prompt, 4)
    assert {used for used, _ in found.values()} == {Engine.PLAIN, Engine.REFILLED}
