"""Checkpoints, adapters and tokenizers that do not fit are refused with both figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.encoders.model import EncoderRecipe, load_encoder
from bioinstruct.bench.metrics import bert_score
from bioinstruct.bench.models.adapter import ABOUT
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import get_task
from bioinstruct.bench.training.lora import add_adapter, save_adapter
from bioinstruct.bench.training.recipe import Recipe
from tests.bench.test_encoder import random_bert

Folder = Callable[[str], Path]
Make = Callable[..., Instruction]
Tensors = dict[str, torch.Tensor]


def edited(
    source: Path,
    target: Path,
    change: Callable[[Tensors], Tensors],
    *,
    file: str = "model.safetensors",
) -> Path:
    """A copy of a folder whose tensors were changed."""
    shutil.copytree(source, target)
    tensors = change(load_file(source / file))
    save_file(tensors, target / file, metadata={"format": "pt"})
    return target


def changed(folder: Path, name: str, **values: Any) -> None:
    """Set values of a JSON file; None removes one."""
    path = folder / name
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    found = {k: v for k, v in (found | values).items() if v is not None}
    path.write_text(json.dumps(found), encoding="utf-8")


def prefixed(tensors: Tensors) -> Tensors:
    return {f"wrapper.{name}": tensor for name, tensor in tensors.items()}


def without_layer(tensors: Tensors) -> Tensors:
    return {name: t for name, t in tensors.items() if "layers.1." not in name}


def test_a_checkpoint_with_every_name_behind_a_prefix_is_an_error(
    model_folder: Folder, tmp_path: Path
) -> None:
    source = model_folder("llama")
    count = len(load_file(source / "model.safetensors"))
    with pytest.raises(ModelError, match=rf"{count} of {count} weights .*lm_head.*{count} others"):
        CausalLM.load(str(edited(source, tmp_path / "m", prefixed)))


def test_a_checkpoint_without_one_layer_is_an_error_with_the_number(
    model_folder: Folder, tmp_path: Path
) -> None:
    source = model_folder("llama")
    tensors = load_file(source / "model.safetensors")
    missing = len(tensors) - len(without_layer(tensors))
    with pytest.raises(ModelError, match=rf"{missing} of {len(tensors)} weights .*model.layers.1"):
        CausalLM.load(str(edited(source, tmp_path / "m", without_layer)))


def test_a_shape_that_the_config_does_not_have_is_an_error(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder("llama"), folder)
    changed(folder, "config.json", intermediate_size=48)
    with pytest.raises(ModelError, match=r"shape|size mismatch"):
        CausalLM.load(str(folder))


def test_weights_without_a_place_are_a_line_of_the_report(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = edited(
        model_folder("llama"), tmp_path / "m", lambda t: t | {"vision.patch": torch.zeros(2, 2)}
    )
    [note] = CausalLM.load(str(folder)).notes
    assert note.startswith("1 weights of its files")
    assert "vision.patch" in note
    assert CausalLM.load(str(model_folder("llama"))).notes == []


def test_a_tied_head_is_not_missing(model_folder: Folder, tmp_path: Path) -> None:
    assert "lm_head.weight" not in load_file(model_folder("gemma") / "model.safetensors")
    assert CausalLM.load(str(model_folder("gemma"))).notes == []


def bert(tmp_path: Path) -> Path:
    texts = ["The patient takes metformin and aspirin ."] * 3
    return Path(random_bert(tmp_path / "bert", texts, pieces=100, width=32))


@pytest.mark.parametrize("fault", ["prefix", "layer"])
def test_an_encoder_without_its_weights_is_an_error_and_a_new_classifier_is_none(
    tmp_path: Path, fault: str
) -> None:
    source = bert(tmp_path)

    def change(tensors: Tensors) -> Tensors:
        if fault == "prefix":
            return prefixed(tensors)
        return {name: t for name, t in tensors.items() if "layer.1." not in name}

    broken = edited(source, tmp_path / "broken", change)
    task = get_task("demo-qa")
    training = list(task.read("train"))[:4]
    sound = load_encoder(str(source), task, training, EncoderRecipe())
    assert sound.notes == []

    def no_pooler(tensors: Tensors) -> Tensors:
        return {name: t for name, t in tensors.items() if "pooler" not in name}

    bare = edited(source, tmp_path / "bare", no_pooler)
    [note] = load_encoder(str(bare), task, training, EncoderRecipe()).notes
    assert note.startswith("not in its files, so new: bert.pooler.dense.bias")
    with pytest.raises(ModelError, match=r"of \d+ weights are not in its files: bert\.e"):
        load_encoder(str(broken), task, training, EncoderRecipe())
    bert_score(str(source), 2)
    with pytest.raises(ModelError, match=r"of \d+ weights are not in its files"):
        bert_score(str(broken), 2)


@pytest.fixture(scope="module")
def adapter(model_folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of the Llama with random tensors, as a run saves it."""
    model = CausalLM.load(str(model_folder("llama")))
    add_adapter(model, Recipe(rank=2))
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.model.named_parameters():
            parameter.normal_() if "lora_B" in name else None
    model.adapted(model.model)
    folder = tmp_path_factory.mktemp("tuned") / "adapter"
    save_adapter(model, folder)
    return folder


WEIGHTS = "adapter_model.safetensors"


def test_an_adapter_says_what_was_checked(model_folder: Folder, adapter: Path) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    note = model.load_adapter(adapter)
    count = len(load_file(adapter / WEIGHTS))
    assert "tuned on this base" in note
    assert f"all {count} tensors" in note


def test_an_adapter_made_elsewhere_says_so(
    model_folder: Folder, adapter: Path, tmp_path: Path
) -> None:
    other = tmp_path / "a"
    shutil.copytree(adapter, other)
    (other / ABOUT).unlink()
    changed(other, "adapter_config.json", base_model_name_or_path="hospital/base-7b")
    model = CausalLM.load(str(model_folder("llama")))
    note = model.load_adapter(other)
    assert "does not say" in note
    assert "hospital/base-7b" in note


@pytest.mark.parametrize("fault", ["renamed", "half", "empty", "base"])
def test_an_adapter_whose_tensors_do_not_fit_is_an_error_with_both_numbers(
    model_folder: Folder, adapter: Path, tmp_path: Path, fault: str
) -> None:
    tensors = load_file(adapter / WEIGHTS)
    count = len(tensors)

    def change(tensors: Tensors) -> Tensors:
        if fault == "renamed":
            return {name.replace(".model.layers", ".h"): t for name, t in tensors.items()}
        if fault == "half":
            return {name: tensors[name] for name in sorted(tensors)[: count // 2]}
        if fault == "base":
            extra = "base_model.model.model.embed_tokens.weight"
            return tensors | {extra: torch.zeros(400, 32)}
        return {}

    expected = {
        "renamed": rf"{count} of its {count} tensors found no place.*{count} places",
        "half": rf"fit this model: {count - count // 2} places of the model stayed empty",
        "empty": "no tensors",
        "base": "1 weights of the base itself",
    }
    model = CausalLM.load(str(model_folder("llama")))
    before = model.forward(model.probe_ids())
    other = edited(adapter, tmp_path / "a", change, file=WEIGHTS)
    (other / ABOUT).unlink()  # it holds a checksum of the weights
    with pytest.raises(ModelError, match=expected[fault]):
        model.load_adapter(other)
    assert not model.has_adapter
    assert torch.equal(before, model.forward(model.probe_ids()))


def test_an_adapter_of_another_architecture_is_an_error(
    model_folder: Folder, adapter: Path, tmp_path: Path
) -> None:
    other = tmp_path / "a"
    shutil.copytree(adapter, other)
    (other / ABOUT).unlink()
    for shape in ("gpt2", "opt"):
        with pytest.raises(ModelError, match="adapter"):
            CausalLM.load(str(model_folder(shape))).load_adapter(other)


def test_the_scale_of_an_adapter_is_part_of_its_fingerprint(
    model_folder: Folder, adapter: Path, tmp_path: Path
) -> None:
    other = tmp_path / "a"
    shutil.copytree(adapter, other)
    changed(other, "adapter_config.json", lora_alpha=1)
    found = []
    for folder in (adapter, other):
        model = CausalLM.load(str(model_folder("llama")))
        model.load_adapter(folder)
        found.append((model.fingerprint, model.forward(model.probe_ids())))
    assert not torch.equal(found[0][1], found[1][1])
    assert found[0][0] != found[1][0]


def test_an_adapter_for_another_base_names_the_part_that_differs(
    model_folder: Folder, adapter: Path, tmp_path: Path
) -> None:
    def change(tensors: Tensors) -> Tensors:
        return tensors | {"model.norm.weight": tensors["model.norm.weight"] + 1}

    base = edited(model_folder("llama"), tmp_path / "m", change)
    with pytest.raises(ModelError, match=r"had weights [0-9a-f]{16}"):
        CausalLM.load(str(base)).load_adapter(adapter)
    changed(
        tmp_path / "m", "config.json", rope_parameters={"rope_theta": 5, "rope_type": "default"}
    )
    with pytest.raises(ModelError, match=r"had config "):
        CausalLM.load(str(base)).load_adapter(adapter)


def test_an_adapter_inside_the_model_folder_is_not_scored_as_the_base(
    model_folder: Folder, adapter: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    shutil.copytree(model_folder("llama"), folder)
    for file in ("adapter_config.json", WEIGHTS):
        shutil.copy(adapter / file, folder)
    with pytest.raises(ModelError, match=r"--adapter|adapter_config"):
        CausalLM.load(str(folder))


def test_a_tokenizer_of_another_model_is_an_error_or_a_sentence_with_both_figures(
    model_folder: Folder, tmp_path: Path
) -> None:
    source = model_folder("llama")
    rows = json.loads((source / "config.json").read_text("utf-8"))["vocab_size"]

    def cut(tensors: Tensors) -> Tensors:
        names = ("model.embed_tokens.weight", "lm_head.weight")
        return tensors | {name: tensors[name][:300].clone() for name in names}

    small = edited(source, tmp_path / "small", cut)
    changed(small, "config.json", vocab_size=300)
    with pytest.raises(ModelError, match=rf"{rows} tokens, the embedding 300 rows"):
        CausalLM.load(str(small))

    def grow(tensors: Tensors) -> Tensors:
        names = ("model.embed_tokens.weight", "lm_head.weight")
        return tensors | {n: torch.cat([tensors[n]] * 2).clone() for n in names}

    large = edited(source, tmp_path / "large", grow)
    changed(large, "config.json", vocab_size=2 * rows, eos_token_id=7)
    changed(large, "tokenizer_config.json", model_max_length=128)
    notes = "\n".join(CausalLM.load(str(large)).notes)
    assert re.search(rf"{rows} tokens, the embedding {2 * rows} rows", notes)
    assert "eos_token_id 7, the tokenizer 2" in notes
    assert "128 tokens, config.json 256" in notes
