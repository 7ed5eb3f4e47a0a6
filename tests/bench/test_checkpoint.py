from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bioinstruct import BioinstructError, Instruction
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training import checkpoint
from bioinstruct.bench.training.checkpoint import run_key
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Progress, Tuning, tune
from tests.kills import KILLS

from .test_tune import lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
RECIPE = Recipe(rank=4, alpha=8, dropout=0.1, epochs=4, batch_size=3, precision="float32")
STEPS = 16


class Stopped(Exception):
    pass


def tuned(
    folder: Path, examples: list[Instruction], kept: Path | None, *, stop: int = 0, seed: int = 0
) -> tuple[str, Tuning]:
    """The adapter's fingerprint, of a run that is stopped after a step or goes to its end."""

    def progress(now: Progress) -> None:
        if now.step == stop:
            raise Stopped

    model = CausalLM.load(str(folder))
    tuning = tune(
        model, examples, RECIPE, seed=seed, progress=progress, checkpoints=kept, save_every=0
    )
    return model.fingerprint, tuning


@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_a_run_that_goes_on_ends_as_one_that_was_never_stopped(
    shape: str, model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder(shape), lessons(example)
    expected, whole = tuned(folder, examples, None)
    assert whole.steps == STEPS
    for stop in (2, 5, 6, 11, STEPS):
        with pytest.raises(Stopped):
            tuned(folder, examples, tmp_path, stop=stop)
        # Saving comes after the step is told, so the last step told is done again.
        kept = sorted(path.name for path in tmp_path.iterdir())
        assert kept == [f"step-{step:08}" for step in (stop - 2, stop - 1) if step]
    found, again = tuned(folder, examples, tmp_path)
    assert found == expected
    assert again == whole


def test_a_checkpoint_of_another_run_is_not_taken(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder("llama"), lessons(example)
    expected, _ = tuned(folder, examples[:-1], None)
    with pytest.raises(Stopped):
        tuned(folder, examples, tmp_path, stop=9)
    found, tuning = tuned(folder, examples[:-1], tmp_path)
    assert (found, tuning.steps) == (expected, STEPS - 4)


def test_a_run_that_was_short_of_memory_goes_on_with_less(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    key = run_key(model, lessons(example), RECIPE, 0)
    for change, same in (
        ({"micro_batch_tokens": 100, "gradient_checkpointing": True}, True),
        ({"rank": 3}, False),
    ):
        other = RECIPE.model_copy(update=change)
        assert (run_key(model, lessons(example), other, 0) == key) is same


def test_a_kill_while_a_checkpoint_is_written_costs_no_more_than_that_one(
    model_folder: Folder, example: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, examples = model_folder("llama"), lessons(example)
    expected, _ = tuned(folder, examples, None)
    writes = 0
    really = checkpoint.save_file

    def torn(tensors: dict[str, torch.Tensor], path: Path) -> None:
        nonlocal writes
        writes += 1
        really(tensors, path)
        if writes == 6:
            path.write_bytes(path.read_bytes()[:100])
            raise Stopped

    monkeypatch.setattr(checkpoint, "save_file", torn)
    with pytest.raises(Stopped):
        tuned(folder, examples, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000004", "step-00000005"]
    assert tuned(folder, examples, tmp_path)[0] == expected


SCRIPT = """
import sys
from pathlib import Path
from bioinstruct import read
from bioinstruct.bench.training.lora import save_adapter
from bioinstruct.bench.training.checkpoint import run_key
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

folder, data, out = map(Path, sys.argv[1:])
recipe = Recipe(rank=4, alpha=8, dropout=0.1, epochs=20, batch_size=3, precision="float32")
model = CausalLM.load(str(folder))
print("loaded", flush=True)
tune(model, list(read(data)), recipe, checkpoints=out / "checkpoints", save_every=0.05)
save_adapter(model, out / "adapter")
"""


@pytest.mark.peer
def test_kills_change_no_bit_of_the_adapter(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    from bioinstruct import write

    data = tmp_path / "data.jsonl"
    write(data, lessons(example))
    command = [sys.executable, "-c", SCRIPT, str(model_folder("llama")), str(data)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL)
    chance = random.Random(0)
    killed = 0
    while killed < KILLS:
        with subprocess.Popen(
            [*command, str(tmp_path / "killed")], stdout=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "loaded\n"
            time.sleep(chance.uniform(0, 0.6))
            run.send_signal(signal.SIGKILL)
            killed += run.wait() == -signal.SIGKILL
    subprocess.run([*command, str(tmp_path / "killed")], check=True, stdout=subprocess.DEVNULL)
    adapters = [
        tmp_path / name / "adapter/adapter_model.safetensors" for name in ("whole", "killed")
    ]
    assert adapters[0].read_bytes() == adapters[1].read_bytes()


def test_a_loss_that_is_no_number_names_the_examples(model_folder: Folder, example: Make) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    token = model.prompt_tokenizer.completion("asthma")[0]
    with torch.no_grad():
        model.model.get_input_embeddings().weight[token] = float("inf")
    examples = lessons(example)
    bad = {e.id for e in examples if token in model.prompt_tokenizer.prompt(e, room=9).ids}  # type: ignore[union-attr]
    assert 0 < len(bad) < len(examples)
    with pytest.raises(BioinstructError, match=r"the loss of step \d is nan: example") as error:
        tune(model, examples, RECIPE)
    named = str(error.value).partition("example ")[2].split(", ")
    assert set(named) <= bad
