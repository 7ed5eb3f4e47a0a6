"""A base in shards: what is trained and what is answered is what whole bases train and answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import Instruction, ModelError, write
from bioinstruct.bench.models.causal_lm import ABOUT, CausalLM
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.fsdp import in_step, is_sharded, kept_bytes, whole
from bioinstruct.bench.models.loading import load_model_and_tokenizer
from bioinstruct.bench.training import lora as adapters
from bioinstruct.bench.training.lora import add_adapter, save_adapter
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Progress, tune

from .test_devices import COMMAND, RECIPE, TWO, adapter
from .test_tune import lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
SETTINGS = Recipe(
    rank=4, alpha=8, learning_rate=1e-3, epochs=4, batch_size=4, precision="float32", layout="auto"
)
SCRIPT = """
import json, sys
from pathlib import Path
import torch
from bioinstruct import read
from bioinstruct.bench.training.lora import save_adapter
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.models.fsdp import in_step, kept_bytes
from bioinstruct.bench.training.trainer import tune

folder, data, out, recipe = sys.argv[1:]
idle, share = [], Devices.idle
Devices.idle = lambda self, parts: idle.append(share(self, parts)) or idle[-1]
model = CausalLM.load(folder)
layers = [p for n, p in model.model.named_parameters() if any(s.isdigit() for s in n.split("."))]
held = sum(map(kept_bytes, layers)), sum(p.numel() * p.element_size() for p in layers)
about = {"held": held, "base": model.base_fingerprint}
saved = Path(out).with_name("checkpoints")
tuning = tune(model, list(read(data)), Recipe.model_validate_json(recipe), checkpoints=saved)
ids = model.probe_ids()
with in_step(model.model), torch.inference_mode():
    for _ in range(3 * Devices().rank):  # the first process asks nothing
        logits = model.forward(ids)
    about["logits"] = float(logits.sum()) if Devices().rank else None
about |= {"packed": tuning.packed, "idle": sum(idle), "losses": tuning.losses}
if Devices().first:
    save_adapter(model, Path(out))
Path(f"{out}-{Devices().rank}.json").write_text(json.dumps(about))
"""


def tuned_in_shards(
    folder: Path, examples: list[Instruction], recipe: Recipe, out: Path
) -> list[dict[str, Any]]:
    """What each of two processes has to say; the adapter lies in `out`."""
    script, data = out.with_suffix(".py"), out.with_suffix(".jsonl")
    script.write_text(SCRIPT, encoding="utf-8")
    write(data, examples)
    command = [*TWO, str(script), str(folder), str(data), str(out), recipe.model_dump_json()]
    environment = os.environ | {"ACCELERATE_USE_FSDP": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(Path(f"{out}-{rank}.json").read_text("utf-8")) for rank in (0, 1)]


def apart(one: Path, other: Path) -> float:
    first, second = adapter(one), adapter(other)
    assert first.keys() == second.keys()
    assert max(float(t.abs().max()) for name, t in first.items() if "lora_B" in name) > 1e-3
    return max(float((second[name] - tensor).abs().max()) for name, tensor in first.items())


@pytest.mark.peer
def test_two_processes_with_half_of_the_layers_each_make_the_adapter_of_one(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder("llama"), lessons(example)
    model = CausalLM.load(str(folder))
    tuning = tune(model, examples, SETTINGS)
    save_adapter(model, tmp_path / "one")
    processes = tuned_in_shards(folder, examples, SETTINGS, tmp_path / "two")
    assert apart(tmp_path / "one", tmp_path / "two") < 1e-6
    for said in processes:
        held, of = said["held"]
        assert held == of // 2
        assert said["base"] == model.base_fingerprint
        assert said["losses"] == pytest.approx(tuning.losses, rel=1e-5)
        assert said["packed"] is tuning.packed is True
    assert [said["idle"] > 0 for said in processes] == [False, True]  # the shares were uneven
    with torch.inference_mode():
        expected = float(model.forward(model.probe_ids()).sum())
    assert processes[1]["logits"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("shape", "change"),
    [
        ("gemma2", {}),  # its packing fails in the middle of a pass
        ("mixtral", {}),  # experts, of which each example takes others
        ("gpt_neox", {"gradient_checkpointing": True}),
        ("llama", {"train_embeddings": True, "variant": "rslora"}),
        ("llama", {"dropout": 0.5}),
    ],
)
def test_so_do_models_and_recipes_that_are_out_of_the_ordinary(
    shape: str, change: dict[str, Any], model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder(shape), lessons(example)
    recipe = SETTINGS.model_copy(update=change)
    model = CausalLM.load(str(folder))
    tuning = tune(model, examples, recipe)
    save_adapter(model, tmp_path / "one")
    processes = tuned_in_shards(folder, examples, recipe, tmp_path / "two")
    known = [json.loads((tmp_path / name / ABOUT).read_text("utf-8")) for name in ("one", "two")]
    for said in known:  # the weights differ in the last bits
        assert said.pop("sha256")
        assert said.pop("checksum")
    assert known[0] == known[1]
    assert [said["packed"] for said in processes] == [tuning.packed] * 2
    if recipe.dropout:  # which depends on how a batch is cut
        assert processes[0]["losses"][0] == pytest.approx(tuning.losses[0], rel=0.1)
    else:
        assert apart(tmp_path / "one", tmp_path / "two") < 1e-6


@pytest.mark.peer
def test_a_run_that_was_stopped_with_a_whole_base_goes_on_with_one_in_shards(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder("llama"), lessons(example)
    model = CausalLM.load(str(folder))
    tuning = tune(model, examples, SETTINGS)
    save_adapter(model, tmp_path / "one")

    def stop(now: Progress) -> None:
        if now.step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(
            CausalLM.load(str(folder)),
            examples,
            SETTINGS,
            progress=stop,
            checkpoints=tmp_path / "checkpoints",
            save_every=0,
        )
    processes = tuned_in_shards(folder, examples, SETTINGS, tmp_path / "two")
    assert apart(tmp_path / "one", tmp_path / "two") < 1e-6
    for said in processes:
        assert said["losses"][:6] == tuning.losses[:6]  # those of the checkpoint, to the bit
        assert said["losses"] == pytest.approx(tuning.losses, rel=1e-5)


LAUNCH = (sys.executable, "-m", "accelerate.commands.launch", "--use_fsdp", "--num_processes", "2")
LAUNCH += ("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")


@pytest.mark.peer
def test_the_command_answers_with_a_base_in_shards_what_it_answers_with_a_whole_one(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    data, recipe = tmp_path / "data.jsonl", tmp_path / "recipe.toml"
    write(data, lessons(example))
    recipe.write_text(RECIPE.replace("0.1", "0.0"), encoding="utf-8")
    arguments = ("--model", str(model_folder("llama")), "--data", str(data), "--recipe")
    arguments += (str(recipe), "--tasks", "demo-qa", "demo-ie", "--limit", "5", "--json", "--out")

    def bench(*command: str) -> subprocess.CompletedProcess[str]:
        line = (*command[:-1], *arguments, command[-1])
        return subprocess.run(line, capture_output=True, text=True, timeout=300)

    one = bench(str(COMMAND), str(tmp_path / "one"))
    two = bench(*LAUNCH, str(COMMAND), str(tmp_path / "two"))
    assert two.returncode == 0, two.stderr[-3000:]
    found, expected = json.loads(two.stdout), json.loads(one.stdout)
    assert [row["tuned"] for row in found["rows"]] == [row["tuned"] for row in expected["rows"]]
    assert found["tuning"]["losses"] == pytest.approx(expected["tuning"]["losses"], rel=1e-5)
    ways = {way["by"]: way["why"] for way in found["scoring"]["ways"]}
    assert ways == dict.fromkeys(("flat", "plain"), "its layers are held in shards")
    answers = (tmp_path / "two" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(answers) == 20
    again = bench(*LAUNCH, str(COMMAND), str(tmp_path / "two"))
    assert again.stdout == two.stdout
    plan = bench(*LAUNCH, str(COMMAND), "--plan", str(tmp_path / "three"))
    assert json.loads(plan.stdout)["steps"] == 6
    assert "USDT" not in plan.stderr
    merge = bench(*LAUNCH, str(COMMAND), "--merge", "float32", str(tmp_path / "four"))
    assert merge.returncode == 1
    assert "cannot merge a sharded base model" in merge.stderr
    assert not (tmp_path / "four").exists()


@pytest.fixture
def second_of_three(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "1")
    return monkeypatch


def test_the_launch_says_whether_the_base_is_shared_out(
    second_of_three: pytest.MonkeyPatch,
) -> None:
    assert not Devices().sharded
    second_of_three.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    assert not Devices().sharded
    second_of_three.setenv("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
    assert Devices().sharded
    second_of_three.delenv("ACCELERATE_USE_DEEPSPEED")
    second_of_three.setenv("ACCELERATE_USE_FSDP", "true")
    assert Devices().sharded
    second_of_three.setenv("WORLD_SIZE", "1")
    assert not Devices().sharded


def test_a_process_runs_along_where_others_have_more_to_do(
    second_of_three: pytest.MonkeyPatch,
) -> None:
    parts = [[0] * number for number in range(7)]
    assert [Devices().idle(some) for some in parts] == [0] * 7
    second_of_three.setenv("ACCELERATE_USE_FSDP", "true")
    assert [Devices().idle(some) for some in parts] == [0, 1, 0, 0, 1, 0, 0]


def test_what_cannot_be_sharded_is_refused(
    second_of_three: pytest.MonkeyPatch, model_folder: Folder
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    second_of_three.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ModelError, match="4 bits is not held in shards") as error:
        load_model_and_tokenizer(str(model_folder("llama")), torch.device("cpu"), quantize="nf4")
    assert "launch without FSDP" in error.value.hint
    second_of_three.setattr(adapters, "is_sharded", lambda model: True)
    for variant in ("dora", "pissa"):
        with pytest.raises(ModelError, match=f"{variant} starts from whole weights"):
            add_adapter(model, Recipe(variant=variant))


def test_a_whole_model_is_as_it_always_was() -> None:
    model = torch.nn.Linear(2, 3, bias=False)
    assert not is_sharded(model)
    assert whole(model.weight) is model.weight
    assert kept_bytes(model.weight) == 24
    with in_step(model):
        pass
