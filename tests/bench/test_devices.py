from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bioinstruct import BioinstructError, Instruction, write
from bioinstruct.bench.models.distributed import Devices

from .test_tune import lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
TWO = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone")
COMMAND = Path(sys.executable).with_name("bioinstruct-bench")
LAUNCH = (sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2")
SCRIPT = """
import sys
from pathlib import Path
from bioinstruct import read
from bioinstruct.bench.training.lora import save_adapter
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

folder, data, out, layout = sys.argv[1:]
recipe = Recipe(rank=4, alpha=8, learning_rate=1e-3, epochs=4, batch_size=4, layout=layout,
                precision="float32")
model = CausalLM.load(folder)
print(tune(model, list(read(data)), recipe).losses)
if Devices().first:
    save_adapter(model, Path(out))
"""


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def adapter(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


@pytest.mark.peer
@pytest.mark.parametrize("layout", ["padded", "packed"])
def test_two_processes_make_the_adapter_of_one(
    layout: str, model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    script, data = tmp_path / "tune.py", tmp_path / "data.jsonl"
    script.write_text(SCRIPT, encoding="utf-8")
    write(data, lessons(example))
    given = (str(script), str(model_folder("llama")), str(data))
    run(sys.executable, *given, str(tmp_path / "one"), layout)
    run(*TWO, *given, str(tmp_path / "two"), layout)
    one, two = adapter(tmp_path / "one"), adapter(tmp_path / "two")
    assert one.keys() == two.keys()
    apart = max(float((two[name] - tensor).abs().max()) for name, tensor in one.items())
    moved = max(float(tensor.abs().max()) for name, tensor in one.items() if "lora_B" in name)
    assert apart < 1e-6 < 1e-3 < moved


RECIPE = 'rank = 2\ndropout = 0.1\nepochs = 2\nbatch_size = 4\nprecision = "float32"\n'


@pytest.mark.peer
def test_the_command_in_two_processes_writes_and_prints_once(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    data, recipe = tmp_path / "data.jsonl", tmp_path / "recipe.toml"
    write(data, lessons(example))
    recipe.write_text(RECIPE, encoding="utf-8")
    arguments = ("--model", str(model_folder("llama")), "--data", str(data), "--recipe")
    arguments += (str(recipe), "--tasks", "demo-qa", "--limit", "4", "--json", "--out")
    reports, answers = [], []
    for launch, out in (((sys.executable,), "one"), ((*LAUNCH, "--num_machines", "1"), "two")):
        command = (*launch, str(COMMAND), *arguments, str(tmp_path / out))
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        reports.append(json.loads(done.stdout))
        assert done.stderr.count("loading") == 1
        lines = (tmp_path / out / "answers.jsonl").read_text(encoding="utf-8").splitlines()
        answers.append([json.loads(line)["key"] for line in lines])
    one, two = reports
    assert len(answers[0]) == len(answers[1]) == len(set(answers[1])) > 0
    steps = (tmp_path / "two" / "tuning.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    assert one["data"] == two["data"]
    assert [row["base"] for row in one["rows"]] == [row["base"] for row in two["rows"]]
    assert two["tuning"]["steps"] == 6
    assert two["tuning"]["losses"][0] == pytest.approx(one["tuning"]["losses"][0], rel=0.05)
    assert not (tmp_path / "two" / "checkpoints").exists()


def test_alone_there_is_nothing_to_share() -> None:
    devices = Devices()
    parameter = torch.nn.Parameter(torch.ones(2))
    assert (devices.first, devices.count) == (True, 1)
    assert devices.share([1, 2, 3]) == [1, 2, 3]
    assert devices.budget(100, 2048) == 2048
    assert devices.all_reduce_gradients(0.5, [parameter]) == 0.5
    devices.assert_same(3, "everything")
    with devices.together():
        pass


def test_each_process_has_a_part_and_none_has_another_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "3")
    parts = list(range(10))
    shares = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(Devices().share(parts))
    assert sorted(part for share in shares for part in share) == parts
    assert Devices().budget(3000, 2048) == 1000
    assert Devices().budget(30_000, 2048) == 2048


def test_processes_that_see_other_files_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")

    def all_reduce(tensor: torch.Tensor, op: object) -> None:
        tensor[1] = 0  # the other process is at step 0

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    with pytest.raises(BioinstructError, match="differ in the step: 0 and 7"):
        Devices().assert_same(7, "the step")
