"""No file of the model folder changes a completion unseen: greedy is greedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import Instruction
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.generation import Engine
from bioinstruct.prompts import Style
from tests.bench.running import into_out
from tests.bench.test_checks import changed

Folder = Callable[[str], Path]
Make = Callable[..., Instruction]
ODD: dict[str, Any] = {
    "do_sample": True,
    "temperature": 1.7,
    "top_k": 3,
    "top_p": 0.5,
    "repetition_penalty": 4.0,
    "no_repeat_ngram_size": 2,
    "bad_words_ids": [[n] for n in range(50, 300)],
    "min_new_tokens": 12,
    "num_beams": 3,
    "forced_bos_token_id": 9,
    "forced_eos_token_id": 2,
    "suppress_tokens": list(range(100, 350)),
    "begin_suppress_tokens": list(range(50, 390)),
    "max_length": 3,
    "renormalize_logits": True,
}


@pytest.fixture
def odd_folder(model_folder: Folder, tmp_path: Path) -> Path:
    """A folder whose files try to change what is written."""
    folder = tmp_path / "odd"
    shutil.copytree(model_folder("llama"), folder)
    changed(folder, "generation_config.json", **ODD)
    changed(folder, "config.json", use_cache=False)
    changed(
        folder,
        "tokenizer_config.json",
        clean_up_tokenization_spaces=True,
        padding_side="left",
        truncation_side="left",
        model_max_length=5,
    )
    rules = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    rules["truncation"] = {
        "direction": "Right",
        "max_length": 8,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    rules["padding"] = {
        "strategy": {"Fixed": 40},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<pad>",
    }
    (folder / "tokenizer.json").write_text(json.dumps(rules), encoding="utf-8")
    return folder


def written(model: CausalLM, asked: list[Instruction], engine: Engine) -> list[str]:
    model.generator.engine = engine
    found = dict(model.complete(asked, max_new_tokens=10))
    assert {completion.by for completion in found.values()} == {engine.value}
    return [found[n].text for n in range(len(asked))]


def test_two_engines_write_the_same_whatever_the_folder_says(
    model_folder: Folder, odd_folder: Path, example: Make
) -> None:
    asked = [example(input=f"Finding {n} , denies fever .") for n in range(4)]
    plain = CausalLM.load(str(model_folder("llama")))
    expected = written(plain, asked, Engine.PLAIN)
    odd = CausalLM.load(str(odd_folder))
    for engine in (Engine.PLAIN, Engine.REFILLED):
        assert written(odd, asked, engine) == expected
    assert any(" ." in text or text for text in expected)
    [said] = [note for note in odd.notes if "generation_config" in note]
    for name in ("temperature 1.7", "repetition_penalty 4.0", "num_beams 3", "suppress_tokens"):
        assert name in said
    assert odd.model.generation_config.temperature == 1.7  # as it is saved with a merged model


def test_the_plain_engine_is_greedy_token_by_token(odd_folder: Path, example: Make) -> None:
    model = CausalLM.load(str(odd_folder))
    asked = example(input="The patient denies fever .")
    prompt = model.prompt_tokenizer.prompt(asked, room=10)
    assert prompt is not None
    ids = list(prompt.ids)
    for _ in range(10):
        with torch.inference_mode():
            ids.append(int(model.forward(torch.tensor([ids]))[0, -1].argmax()))
        if ids[-1] == model.prompt_tokenizer.eos_id:
            break
    expected = model.prompt_tokenizer.text(ids[len(prompt.ids) :])
    assert written(model, [asked], Engine.PLAIN) == [expected]


def test_the_end_tokens_of_the_folder_are_part_of_the_fingerprint(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder("llama"), folder)
    plain = CausalLM.load(str(folder))
    changed(folder, "generation_config.json", eos_token_id=[2, 77])
    more = CausalLM.load(str(folder))
    assert more.fingerprint != plain.fingerprint
    assert more._stop_ids() == {2, 77}
    changed(folder, "generation_config.json", eos_token_id=2, temperature=0.3, do_sample=True)
    assert CausalLM.load(str(folder)).fingerprint == plain.fingerprint


TEMPLATE = (
    "{{ '<s>' }}{% if strftime_now is defined %}Today is {{ strftime_now('%d %B %Y') }}.\n"
    "{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}<pad>\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def test_a_template_writes_no_date_of_today_and_its_mark_ends_an_answer(
    model_folder: Folder, tmp_path: Path, example: Make
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder("llama"), folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    model = CausalLM.load(str(folder), style=Style.CHAT)
    prompt = model.prompt_tokenizer.prompt(example(), room=8)
    assert prompt is not None
    text = model.prompt_tokenizer.tokenizer.decode(prompt.ids)
    assert "Today is 26 Jul 2024." in text
    assert model.prompt_tokenizer.end_id == model.prompt_tokenizer.tokenizer.pad_token_id
    assert model._stop_ids() == {0, 2}


def test_the_chat_template_is_the_layout_where_there_is_one(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder("llama"), folder)
    without = CausalLM.load(str(folder))
    assert (without.style, without.style_reason) == (
        Style.ALPACA,
        "the model has no chat template",
    )
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    model = CausalLM.load(str(folder))
    assert (model.style, model.style_reason) == (Style.CHAT, "the model has a chat template")
    assert any("ends an answer with <pad> (0)" in note for note in model.notes)
    named = CausalLM.load(str(folder), style=Style.ALPACA)
    assert (named.style, named.style_reason) == (Style.ALPACA, "")


def test_a_layout_that_adapter_or_recipe_names_is_kept(
    model_folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from bioinstruct.bench.cli.main import main

    monkeypatch.chdir(tmp_path)
    shutil.copytree(model_folder("llama"), "m")
    Path("m/chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    recipe = 'style = "alpaca"\nrank = 2\nepochs = 1\nbatch_size = 64\n'
    Path("fast.toml").write_text(recipe, encoding="utf-8")
    scored = ("--model", "m", "--tasks", "demo-qa", "--limit", "2")
    reasons = {
        (*scored, "--no-tune"): ("chat", "the model has a chat template"),
        (*scored, "--recipe", "fast.toml", "--out", "run"): ("alpaca", "the recipe names it"),
        (*scored, "--adapter", "run/adapter"): ("alpaca", "the adapter was tuned in it"),
        (*scored, "--no-tune", "--style", "medtuned"): ("medtuned", ""),
    }
    for args, (style, reason) in reasons.items():
        with pytest.raises(SystemExit) as caught:
            main(into_out(args))
        printed = capsys.readouterr()
        assert caught.value.code == 0, printed.err
        out = Path("run" if "run" in args else "out", "report.json")
        report = json.loads(out.read_text("utf-8"))
        assert (report["style"], report["style_reason"]) == (style, reason)
        assert (f"prompt style: {style}, because {reason}" in printed.out) == bool(reason)
