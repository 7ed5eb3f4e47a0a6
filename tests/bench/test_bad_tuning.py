"""What cannot be tuned is told in one line, and nothing half-written is left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import BioinstructError, Instruction, ModelError, Style, write
from bioinstruct.bench.models.causal_lm import ABOUT, CausalLM
from bioinstruct.bench.models.tokenization import PromptTokenizer
from bioinstruct.bench.training.lora import save_adapter, save_merged
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Progress, tune
from bioinstruct.checksums import sealed

from .test_tune import FAST, lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]


class NoEnd:
    """A tokenizer that cannot say where a text ends."""

    eos_token_id = None


def test_a_tokenizer_without_an_end_is_refused() -> None:
    with pytest.raises(ModelError, match="no end-of-sequence token") as error:
        PromptTokenizer(NoEnd(), Style.ALPACA, 100)
    assert "eos_token" in error.value.hint


def test_an_adapter_of_other_weights_of_the_same_shape_is_refused(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), FAST)
    save_adapter(model, tmp_path / "adapter")
    other = CausalLM.load(str(model_folder("llama")))
    with torch.no_grad():
        other.model.get_input_embeddings().weight[5] += 1
    changed = CausalLM(other.model, other.prompt_tokenizer, name="changed")
    with pytest.raises(ModelError, match="tuned on another base"):
        changed.load_adapter(tmp_path / "adapter")
    assert not changed.has_adapter


def test_an_adapter_of_another_shape_is_refused_without_its_record(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), FAST)
    save_adapter(model, tmp_path / "adapter")
    (tmp_path / "adapter" / ABOUT).unlink()
    with pytest.raises(ModelError, match="is not one for"):
        CausalLM.load(str(model_folder("gpt2"))).load_adapter(tmp_path / "adapter")


def test_memory_that_runs_out_says_what_to_lower(model_folder: Folder, example: Make) -> None:
    def too_much(now: Progress) -> None:
        torch.empty(1 << 55)

    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(BioinstructError, match="not enough memory for micro-batches of") as error:
        tune(model, lessons(example), FAST, progress=too_much)
    assert "gradient_checkpointing" in error.value.hint
    assert "micro_batch_tokens = 512" in error.value.hint


def test_other_errors_are_left_as_they_are(model_folder: Folder, example: Make) -> None:
    def wrong(now: Progress) -> None:
        raise RuntimeError("something else")

    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(RuntimeError, match="something else"):
        tune(model, lessons(example), FAST, progress=wrong)


def test_nothing_is_merged_without_an_adapter_or_into_four_bits(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(ModelError, match="no adapter"):
        save_merged(model, tmp_path / "merged")
    tune(model, lessons(example), FAST)
    model.bare.is_quantized = True
    with pytest.raises(ModelError, match="4 bits") as error:
        save_merged(model, tmp_path / "merged")
    assert "--adapter" in error.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Files may not grow beyond 20 kB, as on a disk that is full."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_no_truncated_adapter(
    model_folder: Folder, example: Make, tmp_path: Path, small_files: None
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), FAST.model_copy(update={"rank": 32, "epochs": 1}))
    for save in (save_adapter, save_merged):
        with pytest.raises(OSError, match="File too large") as error:
            save(model, tmp_path / "out")
        assert error.value.filename == str(tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_checkpoint_before(
    model_folder: Folder, example: Make, tmp_path: Path, small_files: None
) -> None:
    recipe = Recipe(rank=32, epochs=1, batch_size=4)
    (tmp_path / "step-00000001").mkdir()
    other = json.dumps(sealed({"key": "of another run"}))
    (tmp_path / "step-00000001" / "run.json").write_text(other, "utf-8")
    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(OSError, match="File too large"):
        tune(model, lessons(example), recipe, checkpoints=tmp_path, save_every=0)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from bioinstruct.bench.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.peer
def test_the_command_on_a_full_disk_says_so_in_a_line(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    write(tmp_path / "data.jsonl", lessons(example))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("rank = 32\nepochs = 1\n", encoding="utf-8")
    command = [sys.executable, "-c", LIMITED, "--model", str(model_folder("llama")), "--tasks"]
    command += ["demo-qa", "--limit", "4", "--data", str(tmp_path / "data.jsonl")]
    command += ["--recipe", str(recipe), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"File too large: {tmp_path / 'out' / 'adapter'}" in done.stderr
    assert not (tmp_path / "out" / "adapter").exists()
    kept = (tmp_path / "out" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line) for line in kept)
