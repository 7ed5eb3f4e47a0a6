from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import Instruction, ModelError, Style
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.tokenization import Overflow

from .conftest import SHAPES

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
shapes = pytest.mark.parametrize("shape", SHAPES)


def questions(example: Make) -> list[Instruction]:
    long = "The patient denies fever and reports asthma . " * 3
    return [
        example(input=text)
        for text in ("chest pain", long, "", "Metformin 500 mg was given .", long + "no", "fever ?")
    ]


def plain_log_likelihood(model: CausalLM, example: Instruction, answer: str) -> float:
    """One row, all logits, no padding, no hook: what the batched scorer must equal."""
    ids = model.prompt_tokenizer.completion(answer)
    prompt = model.prompt_tokenizer.prompt(example, room=len(ids))
    assert prompt is not None
    row = torch.tensor([[*prompt.ids, *ids]])
    with torch.inference_mode():
        scores = model.model(row, use_cache=False).logits[0].double().log_softmax(-1)
    start = len(prompt.ids) - 1
    return sum(float(scores[start + i, token]) for i, token in enumerate(ids))


@shapes
def test_likelihoods_equal_those_of_single_rows(
    shape: str, model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    choices = ("yes", "no", "type 2 diabetes")
    asked = questions(example)
    for index, choice in model.choose(asked, choices=[choices] * len(asked)):
        expected = [plain_log_likelihood(model, asked[index], answer) for answer in choices]
        assert choice.log_likelihoods == pytest.approx(expected, abs=1e-4)


@shapes
def test_completions_equal_those_of_single_prompts(
    shape: str, model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder(shape)))
    asked = questions(example)
    together = dict(model.complete(asked, max_new_tokens=12))
    for index, question in enumerate(asked):
        prompt = model.prompt_tokenizer.prompt(question, room=12)
        assert prompt is not None
        ids = list(prompt.ids)
        for _ in range(12):
            with torch.inference_mode():
                ids.append(int(model.model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == model.prompt_tokenizer.eos_id:
                break
        written = ids[len(prompt.ids) :]
        assert together[index].text == model.prompt_tokenizer.text(written)
        assert together[index].truncated == (written[-1] != model.prompt_tokenizer.eos_id)


def test_a_small_token_budget_changes_nothing(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    asked = questions(example)
    large = dict(model.choose(asked, choices=[("yes", "no")] * len(asked)))
    model.token_budget = 1
    small = dict(model.choose(asked, choices=[("yes", "no")] * len(asked)))
    for index in large:
        assert small[index].log_likelihoods == pytest.approx(large[index].log_likelihoods, abs=1e-4)


def test_the_order_of_choices_changes_nothing(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("gpt2")))
    (_, forth), (_, back) = (
        next(model.choose([example()], choices=[choices]))
        for choices in (("yes", "no"), ("no", "yes"))
    )
    assert forth.log_likelihoods == pytest.approx(back.log_likelihoods[::-1], abs=1e-5)


def test_an_input_too_long_for_the_context_is_shortened_and_said(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    asked = [
        example(input="The patient reports chest pain . " * 60 + "LoglikelihoodRequest: asthma ?")
    ]
    _, choice = next(model.choose(asked, choices=[("yes", "no")] * len(asked)))
    assert choice.shortened
    assert len(choice.log_likelihoods) == 2
    prompt = model.prompt_tokenizer.prompt(asked[0], room=10)
    assert prompt is not None
    assert 200 < len(prompt.ids) <= 246
    text = model.prompt_tokenizer.text(prompt.ids)
    assert "[...]" in text
    assert "LoglikelihoodRequest: asthma ?\n\n### Response:" in text


def test_a_prompt_that_cannot_fit_is_skipped_not_cut_to_nothing(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    asked = [example(instruction="List the diseases of the sentence . " * 100)]
    assert next(model.choose(asked, choices=[("yes", "no")] * len(asked)))[1].log_likelihoods == ()
    assert next(model.complete(asked, max_new_tokens=4))[1].skipped


def test_a_prompt_too_long_loses_its_beginning_or_is_skipped_where_that_is_asked(
    model_folder: Folder, example: Make
) -> None:
    asked = [example(input="The patient reports chest pain . " * 60)]
    folder = str(model_folder("llama"))
    left = CausalLM.load(folder, overflow=Overflow.LEFT)
    full = left.prompt_tokenizer.prompt(asked[0], room=-10_000)
    cut = left.prompt_tokenizer.prompt(asked[0], room=10)
    assert full is not None
    assert cut is not None
    assert cut.ids == full.ids[-246:]
    assert next(left.choose(asked, choices=[("yes", "no")]))[1].shortened
    skipping = CausalLM.load(folder, overflow=Overflow.SKIP)
    assert next(skipping.choose(asked, choices=[("yes", "no")]))[1].log_likelihoods == ()
    assert next(skipping.complete(asked, max_new_tokens=4))[1].skipped
    assert len({left.fingerprint, skipping.fingerprint, CausalLM.load(folder).fingerprint}) == 3


def test_a_tokenizer_that_appends_its_end_token_does_not_end_the_prompt(
    model_folder: Folder, tokenizer: Any, example: Make, tmp_path: Path
) -> None:
    import copy

    from tokenizers.processors import TemplateProcessing

    from bioinstruct.bench.models.tokenization import PromptTokenizer

    odd = copy.deepcopy(tokenizer)
    odd.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    encoded = PromptTokenizer(odd, Style.ALPACA, 256).prompt(example(), room=0)
    plain = PromptTokenizer(tokenizer, Style.ALPACA, 256).prompt(example(), room=0)
    assert encoded is not None
    assert plain is not None
    assert encoded.ids == [1, *plain.ids]


def test_the_fingerprint_changes_with_one_weight_and_with_the_style(
    model_folder: Folder,
) -> None:
    folder = str(model_folder("llama"))
    model = CausalLM.load(folder)
    assert CausalLM.load(folder).fingerprint == model.fingerprint
    assert CausalLM.load(folder, style=Style.MEDTUNED).fingerprint != model.fingerprint
    with torch.no_grad():
        next(model.model.parameters()).view(-1)[0] += 1e-3
    changed = CausalLM(model.model, model.prompt_tokenizer, name="changed")
    assert changed.fingerprint != CausalLM.load(folder).fingerprint


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a folder"):
        CausalLM.load(str(tmp_path / "nothing" / "here"))


def test_a_folder_without_config_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        CausalLM.load(str(tmp_path))


def test_a_config_that_is_not_json_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot load"):
        CausalLM.load(str(tmp_path))


def test_weights_that_are_missing_are_said(tmp_path: Path, model_folder: Folder) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((model_folder("llama") / name).read_bytes())
    with pytest.raises(ModelError, match="cannot load"):
        CausalLM.load(str(tmp_path))


def test_an_encoder_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="encoder"):
        CausalLM.load(str(tmp_path))


def test_an_encoder_decoder_is_refused(tmp_path: Path, tokenizer: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}), encoding="utf-8")
    with pytest.raises(ModelError, match="encoder-decoder"):
        CausalLM.load(str(tmp_path))


def test_a_tokenizer_without_an_end_token_is_refused(
    tmp_path: Path, model_folder: Folder, tokenizer: Any
) -> None:
    import shutil

    folder = shutil.copytree(model_folder("llama"), tmp_path / "model")
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings.pop("eos_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ModelError, match="end-of-sequence"):
        CausalLM.load(str(folder))


def test_chat_style_without_a_template_is_refused(model_folder: Folder) -> None:
    with pytest.raises(ModelError, match="chat template"):
        CausalLM.load(str(model_folder("llama")), style=Style.CHAT)
