"""What a run writes, as the programs read it that come next."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import Instruction
from bioinstruct.bench.encoders.model import EncoderRecipe, load_encoder
from bioinstruct.bench.evaluation.lm_eval import counts, export
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import get_task, load_evaluations
from bioinstruct.bench.training.lora import add_adapter, save_adapter
from bioinstruct.bench.training.recipe import Recipe
from tests.bench.test_encoder import random_bert

Folder = Callable[[str], Path]
Make = Callable[..., Instruction]


def test_metrics_have_no_comma_for_the_harness_which_splits_its_keys_there(
    tmp_path: Path,
) -> None:
    evaluations, _ = load_evaluations([get_task("demo-ie"), get_task("demo-gen")], 2)
    names = export(evaluations, tmp_path)
    for name, evaluation in zip(names, evaluations, strict=True):
        lines = (tmp_path / f"{name}.yaml").read_text("utf-8").splitlines()
        metrics = [json.loads(m.split(": ", 1)[1]) for m in lines if "- metric:" in m]
        assert len(metrics) == len(evaluation.task.metrics)
        assert not [metric for metric in metrics if "," in metric]
        document = json.loads((tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()[0])
        assert list(counts(document, "metformin")) == metrics


def test_an_adapter_and_its_card_name_no_path_of_this_machine(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = tmp_path / "my-base"
    shutil.copytree(model_folder("llama"), folder)
    model = CausalLM.load(str(folder))
    add_adapter(model, Recipe(rank=2))
    save_adapter(model, tmp_path / "adapter")
    for file in (tmp_path / "adapter").iterdir():
        assert str(tmp_path).encode() not in file.read_bytes(), file.name
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "my-base"


def test_the_pipeline_of_transformers_finds_the_entities_that_we_find(
    example: Make, tmp_path: Path
) -> None:
    from huggingface_hub import ModelCard
    from transformers import pipeline

    task = get_task("demo-ie")
    names = ("metformin", "aspirin", "insulin glargine", "warfarin")
    made = [
        example(input=f"The patient took {a} and {b} today .", output=f"{a}\n{b}")
        for a in names
        for b in names
        if a != b
    ]
    texts = [e.input for e in made]
    path = random_bert(tmp_path / "bert", texts, pieces=120, width=32)
    recipe = EncoderRecipe(learning_rate=2e-3, epochs=12, batch_size=8, max_length=64)
    encoder = load_encoder(path, task, made, recipe)
    encoder.tune(made)
    encoder.save(tmp_path / "out")
    find = pipeline("token-classification", str(tmp_path / "out"), aggregation_strategy="first")
    ours = encoder.predict(made)
    assert sum(map(len, ours)) > 0
    for asked, entities in zip(made, ours, strict=True):
        words = asked.input.split(" ")
        spelt = [" ".join(words[entity.start : entity.end]) for entity in entities]
        theirs = find(asked.input)
        assert [asked.input[one["start"] : one["end"]] for one in theirs] == spelt
        assert {one["entity_group"] for one in theirs} <= {"Entity"}
    card = ModelCard.load(tmp_path / "out" / "README.md").data
    assert (card.pipeline_tag, card.base_model) == ("token-classification", "bert")
    assert (card.license, card.license_name) == ("other", "base-and-data")
    assert card.datasets == [task.corpus or task.name]


@pytest.mark.parametrize("task", ["ncbi-disease", "bc2gm"])
def test_labels_carry_the_type_of_the_task(task: str) -> None:
    from bioinstruct.bench.encoders.card import with_type

    kind = {"ncbi-disease": "Disease", "bc2gm": "Gene"}[task]
    assert [with_type(label, get_task(task)) for label in ("O", "B", "I", "B-Drug")] == [
        "O",
        f"B-{kind}",
        f"I-{kind}",
        "B-Drug",
    ]
