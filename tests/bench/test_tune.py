from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bioinstruct import (
    BioinstructError,
    DataError,
    Instruction,
    MissingError,
    ModelError,
    Style,
    UnknownNameError,
    render,
)
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.lora import add_adapter, save_adapter, save_merged
from bioinstruct.bench.training.recipe import RECIPES, Recipe, load_recipe
from bioinstruct.bench.training.trainer import Steps, _rate_factor, encode_examples, tune
from bioinstruct.prompts import split_gap

from .conftest import SHAPES

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
shapes = pytest.mark.parametrize("shape", SHAPES)
FAST = Recipe(rank=4, alpha=8, learning_rate=1e-2, epochs=2, batch_size=4)


def lessons(example: Make) -> list[Instruction]:
    findings = ("fever", "chest pain", "asthma", "type 2 diabetes mellitus with chest pain", "no")
    return [
        example(input=f"The patient {verb} {finding} .", output=answer)
        for finding in findings
        for verb, answer in (("reports", "yes"), ("denies", "no , the patient denies it"))
    ]


def gradients(model: CausalLM) -> dict[str, torch.Tensor]:
    named = {n: p.grad.clone() for n, p in model.model.named_parameters() if p.grad is not None}
    model.model.zero_grad()
    return named


@shapes
def test_the_gradient_is_that_of_a_plain_loop_over_samples(
    shape: str, model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    add_adapter(model, FAST)
    for name, parameter in model.model.named_parameters():
        if "lora_B" in name:  # zero at the start, which would hide the gradient of A
            torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    rows, tuning = encode_examples(model, lessons(example), FAST)
    targets = sum(len(row.completion) for row in rows)
    for row in rows:  # one by one, all logits, the library's own loss on the completion only
        ids = torch.tensor([[*row.prompt, *row.completion]])
        labels = torch.tensor([[*[-100] * len(row.prompt), *row.completion]])
        loss = model.model(input_ids=ids, labels=labels, use_cache=False).loss
        (loss * len(row.completion) / targets).backward()
    expected = gradients(model)
    assert len(expected) >= 8
    run = Steps(model, FAST.model_copy(update={"precision": "float32"}), rows, tuning)
    for budget in (1, 150, 10_000):
        run.budget = budget
        run.accumulate(rows)
        found = gradients(model)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            scale = float(gradient.abs().max())
            assert torch.allclose(found[name], gradient, atol=1e-4 * scale + 1e-9), (name, budget)


def test_what_is_trained_on_is_what_scoring_asks(model_folder: Folder, example: Make) -> None:
    for style in (Style.ALPACA, Style.MEDTUNED):
        model = CausalLM.load(str(model_folder("llama")), style=style)
        rows, _ = encode_examples(model, lessons(example), FAST)
        for row, lesson in zip(rows, lessons(example), strict=True):
            asked = model.prompt_tokenizer.prompt(lesson, room=8)
            assert asked is not None
            assert row.prompt == asked.ids
            prompt, gap = split_gap(render(lesson, style))  # the answer begins with its spaces
            assert model.prompt_tokenizer.tokenizer.decode(row.prompt) == prompt
            assert row.completion[-1] == model.prompt_tokenizer.eos_id
            assert model.prompt_tokenizer.text(row.completion) == gap + lesson.output


@pytest.mark.peer
def test_only_the_answer_and_its_end_are_learnt_even_when_pad_is_eos(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    model.prompt_tokenizer.tokenizer.pad_token = model.prompt_tokenizer.tokenizer.eos_token
    taught = [example(input=text, output="no , denies it") for text in ("fever", "asthma", "pain")]
    answer = [*model.prompt_tokenizer.completion("no , denies it"), model.prompt_tokenizer.eos_id]
    recipe = Recipe(rank=16, learning_rate=1e-2, epochs=200, batch_size=3)
    tuning = tune(model, taught, recipe)
    assert tuning.target_tokens == 200 * 3 * len(answer)
    assert tuning.losses[-1] < 0.5 < tuning.losses[0]
    for _, completion in model.complete(taught, max_new_tokens=len(answer) + 8):
        assert completion.text == "no , denies it"
        assert not completion.truncated


def test_the_base_is_untouched_by_tuning(model_folder: Folder, example: Make) -> None:
    for embeddings in (False, True):
        model = CausalLM.load(str(model_folder("llama")))
        asked = lessons(example)
        before = dict(model.choose(asked, choices=[("yes", "no")] * len(asked)))
        fingerprint = model.fingerprint
        tune(model, asked, FAST.model_copy(update={"train_embeddings": embeddings}))
        tuned = dict(model.choose(asked, choices=[("yes", "no")] * len(asked)))
        assert model.fingerprint != fingerprint
        with model.adapter(on=False):
            assert model.fingerprint == fingerprint
            assert dict(model.choose(asked, choices=[("yes", "no")] * len(asked))) == before
        assert tuned != before
        assert dict(model.choose(asked, choices=[("yes", "no")] * len(asked))) == tuned


def test_every_trained_tensor_moves(model_folder: Folder, example: Make) -> None:
    for shape in SHAPES:
        model = CausalLM.load(str(model_folder(shape)))
        add_adapter(model, FAST)
        start = {
            n: p.detach().clone() for n, p in model.model.named_parameters() if p.requires_grad
        }
        model = CausalLM.load(str(model_folder(shape)))
        tune(model, lessons(example), FAST)
        moved = {n: p for n, p in model.model.named_parameters() if p.requires_grad}
        assert moved.keys() == start.keys()
        still = [name for name, p in moved.items() if torch.equal(p, start[name])]
        assert still == []


def test_the_same_seed_gives_the_same_adapter_and_another_another(
    model_folder: Folder, example: Make
) -> None:
    prints = []
    for seed in (0, 0, 1):
        model = CausalLM.load(str(model_folder("llama")))
        tune(model, lessons(example), FAST.model_copy(update={"dropout": 0.1}), seed=seed)
        prints.append(model.fingerprint)
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("embeddings", [False, True])
def test_a_saved_adapter_gives_the_same_answers(
    model_folder: Folder, example: Make, tmp_path: Path, embeddings: bool
) -> None:
    folder = str(model_folder("llama"))
    model = CausalLM.load(folder)
    tune(model, lessons(example), FAST.model_copy(update={"train_embeddings": embeddings}))
    save_adapter(model, tmp_path / "adapter")
    assert (tmp_path / "adapter" / "adapter_model.safetensors").stat().st_size > 1000
    assert {path.suffix for path in (tmp_path / "adapter").iterdir()} == {".json", ".safetensors"}
    loaded = CausalLM.load(folder)
    loaded.load_adapter(tmp_path / "adapter")
    asked = lessons(example)
    assert dict(loaded.choose(asked, choices=[("yes", "no")] * len(asked))) == dict(
        model.choose(asked, choices=[("yes", "no")] * len(asked))
    )


def test_an_adapter_of_another_base_is_refused(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("gpt2")))
    tune(model, lessons(example), FAST)
    save_adapter(model, tmp_path / "adapter")
    with pytest.raises(BioinstructError, match="tuned on another base"):
        CausalLM.load(str(model_folder("llama"))).load_adapter(tmp_path / "adapter")


def test_too_long_inputs_lose_their_middle_and_never_the_answer(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    long = example(input="The patient reports fever . " * 100, output="yes and no")
    hopeless = example(instruction="The patient reports fever . " * 100)
    recipe = FAST.model_copy(update={"max_length": 150})
    rows, tuning = encode_examples(model, [long, hopeless, example()], recipe)
    assert (tuning.shortened, tuning.skipped, tuning.examples) == (1, 1, 2)
    assert 120 < len(rows[0]) <= 150
    assert model.prompt_tokenizer.text(rows[0].completion) == "yes and no"
    assert rows[0].completion[-1] == model.prompt_tokenizer.eos_id


def test_nothing_to_tune_on_is_an_error(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(BioinstructError, match="nothing to tune on"):
        tune(model, [], FAST)
    with pytest.raises(BioinstructError, match="1 of them too long"):
        tune(model, [example(instruction="fever " * 500)], FAST)
    assert not model.has_adapter


def test_shipped_recipes_are_valid() -> None:
    names = sorted(path.stem for path in RECIPES.glob("*.toml"))
    assert names == ["bioinstruct-2023", "default", "h200", "medtuned", "qlora-24gb", "tiny"]
    assert {name: load_recipe(name).rank for name in names}["default"] == 16
    assert load_recipe("bioinstruct-2023").targets == ("q_proj", "v_proj")


@pytest.mark.parametrize("variant", ["rslora", "dora", "pissa"])
def test_variants_of_lora_learn_and_leave_the_base_alone(
    variant: str, model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    asked = lessons(example)
    before = [
        choice.log_likelihoods
        for _, choice in model.choose(asked, choices=[("yes", "no")] * len(asked))
    ]
    tuning = tune(model, asked, FAST.model_copy(update={"variant": variant, "epochs": 6}))
    assert tuning.losses[-1] < tuning.losses[0]
    with model.adapter(on=False):
        after = [
            c.log_likelihoods for _, c in model.choose(asked, choices=[("yes", "no")] * len(asked))
        ]
    assert after == before


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_the_adapter_of_pissa_is_saved_as_one_for_the_base_as_it_was(
    shape: str, model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder = str(model_folder(shape))
    model = CausalLM.load(folder)
    asked = lessons(example)
    tune(model, asked, FAST.model_copy(update={"variant": "pissa"}))
    save_adapter(model, tmp_path / "adapter")
    loaded = CausalLM.load(folder)
    loaded.load_adapter(tmp_path / "adapter")
    found, expected = (
        [c.log_likelihoods for _, c in m.choose(asked, choices=[("yes", "no")] * len(asked))]
        for m in (loaded, model)
    )
    assert found == expected


def test_layers_that_the_model_does_not_have_are_named(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("gpt2")))
    with pytest.raises(UnknownNameError, match="named 'q_proj'; known: c_attn, c_fc, c_proj"):
        tune(model, lessons(example), load_recipe("bioinstruct-2023"))


def test_four_bits_without_their_library_say_what_to_install(model_folder: Folder) -> None:
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed")
    with pytest.raises(MissingError, match="bitsandbytes"):
        CausalLM.load(str(model_folder("llama")), quantize="nf4")


def test_computing_activations_again_changes_nothing_but_memory(
    model_folder: Folder, example: Make
) -> None:
    prints = []
    for again in (False, True):
        model = CausalLM.load(str(model_folder("llama")))
        recipe = FAST.model_copy(update={"gradient_checkpointing": again, "precision": "float32"})
        prints.append(tune(model, lessons(example), recipe).losses)
    assert np.allclose(prints[0], prints[1], atol=1e-5)


def test_a_model_that_cannot_be_packed_says_so(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("falcon")))
    packed = FAST.model_copy(update={"layout": "packed"})
    with pytest.raises(BioinstructError, match="cannot be trained on packed rows: its attention"):
        tune(model, lessons(example), packed)
    model = CausalLM.load(str(model_folder("falcon")))
    assert not tune(model, lessons(example), FAST).packed


def test_packed_and_padded_runs_have_the_same_losses(model_folder: Folder, example: Make) -> None:
    runs = []
    for layout in ("packed", "padded"):
        model = CausalLM.load(str(model_folder("llama")))
        recipe = FAST.model_copy(update={"layout": layout, "precision": "float32"})
        runs.append(tune(model, lessons(example), recipe))
    assert (runs[0].packed, runs[1].packed) == (True, False)
    assert np.allclose(runs[0].losses, runs[1].losses, atol=1e-4)


@pytest.mark.parametrize(("schedule", "half"), [("cosine", 0.5), ("linear", 0.5), ("constant", 1)])
def test_the_rate_rises_and_then_falls_as_the_schedule_says(schedule: str, half: float) -> None:
    for warmup in (0.1, 10):
        recipe = Recipe(schedule=schedule, warmup=warmup)  # type: ignore[arg-type]
        rates = [_rate_factor(step, 100, recipe) for step in range(100)]
        assert np.allclose(rates[:10], np.arange(1, 11) / 10)
        assert rates[55] == pytest.approx(half)
        assert all(rates[i] >= rates[i + 1] > 0 for i in range(10, 99))


def test_a_merged_model_needs_no_adapter_and_answers_the_same(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    for embeddings in (False, True):
        model = CausalLM.load(str(model_folder("llama")))
        tune(model, lessons(example), FAST.model_copy(update={"train_embeddings": embeddings}))
        expected = [
            c.log_likelihoods
            for _, c in model.choose(
                lessons(example), choices=[("yes", "no")] * len(lessons(example))
            )
        ]
        apart = save_merged(model, tmp_path / "merged")
        merged = CausalLM.load(str(tmp_path / "merged"))
        found = [
            c.log_likelihoods
            for _, c in merged.choose(
                lessons(example), choices=[("yes", "no")] * len(lessons(example))
            )
        ]
        assert apart < 1e-3
        assert np.allclose(found, expected, atol=1e-3)


def test_a_recipe_with_an_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("learning_rat = 1e-3\n", encoding="utf-8")
    with pytest.raises(UnknownNameError) as error:
        load_recipe(str(file))
    assert error.value.hint == "did you mean `learning_rate`?"


@pytest.mark.parametrize("text", ["rank = 0", "rank = 'x'", "rank ="])
def test_a_recipe_with_a_wrong_value_names_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"own\.toml"):
        load_recipe(str(file))


def test_the_adapter_loads_in_plain_peft(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = str(model_folder("llama"))
    model = CausalLM.load(folder)
    tune(model, lessons(example), FAST)
    save_adapter(model, tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == Path(folder).name  # no path of this machine
    plain: Any = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(folder), str(tmp_path / "adapter")
    )
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        assert torch.equal(plain(ids).logits, model.model(ids).logits)


def test_a_tied_head_is_still_tied_after_training_saving_and_merging(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    def tied(bare: Any) -> bool:
        head, embedding = bare.get_output_embeddings(), bare.get_input_embeddings()
        return bool(torch.equal(head.weight, embedding.weight))

    folder = str(model_folder("gemma"))
    model = CausalLM.load(folder)
    assert model.bare.config.tie_word_embeddings
    before = model.bare.get_input_embeddings().weight.clone()
    tune(model, lessons(example), FAST.model_copy(update={"train_embeddings": True}))
    save_adapter(model, tmp_path / "adapter")
    loaded = CausalLM.load(folder)
    loaded.load_adapter(tmp_path / "adapter")
    ids = model.probe_ids()
    with torch.inference_mode():
        expected = model.forward(ids)
        assert torch.equal(loaded.forward(ids), expected)
    save_merged(model, tmp_path / "merged")
    merged = CausalLM.load(str(tmp_path / "merged"))
    assert tied(merged.bare)
    assert not torch.equal(merged.bare.get_input_embeddings().weight, before)
    with torch.inference_mode():
        assert torch.allclose(merged.forward(ids), expected, atol=1e-3)


def test_a_tie_that_would_not_hold_is_refused(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("gpt2")))
    with pytest.raises(ModelError, match="'wte', is tied to its head") as error:
        tune(model, lessons(example), FAST.model_copy(update={"train_embeddings": True}))
    assert "train_embeddings = false" in error.value.hint


@pytest.mark.parametrize("variant", ["dora", "rslora"])
def test_every_trained_tensor_moves_in_the_variants_too(
    variant: str, model_folder: Folder, example: Make
) -> None:
    recipe = FAST.model_copy(update={"variant": variant, "precision": "bfloat16"})
    torch.manual_seed(0)
    untrained = CausalLM.load(str(model_folder("llama")))
    add_adapter(untrained, recipe)
    start = {n: p for n, p in untrained.model.named_parameters() if p.requires_grad}
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), recipe)
    moved = {n: p for n, p in model.model.named_parameters() if p.requires_grad}
    assert moved.keys() == start.keys()
    assert any("magnitude" in name for name in moved) == (variant == "dora")
    assert [name for name, p in moved.items() if torch.equal(p, start[name])] == []


def test_there_is_no_cache_in_training_whatever_the_model_is_set_to(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    assert model.bare.config.use_cache
    seen: list[Any] = []
    model.bare.register_forward_pre_hook(
        lambda module, args, options: seen.append(options["use_cache"]), with_kwargs=True
    )
    tuning = tune(model, lessons(example), FAST)
    assert tuning.packed
    assert len(seen) > tuning.steps
    assert set(seen) == {False}
