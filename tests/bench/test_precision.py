"""The precision of the weights is chosen by checkpoint and hardware, stated, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.models import precision
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

from .test_tune import lessons

CPU = torch.device("cpu")


@pytest.fixture
def stored(model_folder: Callable[[str], Path], tmp_path: Path) -> Callable[[str], str]:
    """Return the folder of a model that is stored in a precision."""

    def make(dtype: str) -> str:
        source, folder = model_folder("llama"), tmp_path / dtype
        folder.mkdir()
        for file in source.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "dtype": dtype}), "utf-8")
        path = folder / "model.safetensors"
        tensors = {k: v.to(getattr(torch, dtype)) for k, v in load_file(path).items()}
        save_file(tensors, path, metadata={"format": "pt"})
        return str(folder)

    return make


def hardware(monkeypatch: pytest.MonkeyPatch, *, bfloat16: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


@pytest.mark.parametrize(
    ("asked", "kept", "fast", "expected"),
    [
        ("auto", torch.float32, True, torch.float32),
        ("auto", torch.bfloat16, True, torch.bfloat16),
        ("auto", torch.bfloat16, False, torch.float32),
        ("auto", torch.float16, True, torch.float32),
        ("auto", None, True, torch.float32),
        ("bfloat16", torch.float32, False, torch.bfloat16),
        ("float32", torch.bfloat16, True, torch.float32),
        ("float16", torch.bfloat16, False, torch.float16),
    ],
)
def test_checkpoint_and_hardware_choose(
    asked: str,
    kept: torch.dtype | None,
    fast: bool,
    expected: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hardware(monkeypatch, bfloat16=fast)
    assert precision.choose_precision(asked, kept, CPU) is expected


def test_a_gpu_without_bfloat16_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old card")
    assert precision.choose_precision("auto", torch.bfloat16, gpu) is torch.float32
    assert precision.choose_precision("auto", torch.float16, gpu) is torch.float16
    with pytest.raises(ModelError, match="Old card"):
        precision.choose_precision("bfloat16", torch.float32, gpu)


def test_weights_are_held_in_the_precision_asked_for(
    stored: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hardware(monkeypatch, bfloat16=False)
    folder = stored("bfloat16")
    found = {asked: CausalLM.load(folder, dtype=asked) for asked in precision.PRECISIONS}
    held = {asked: str(model.model.dtype) for asked, model in found.items()}
    assert held.pop("auto") == "torch.float32"
    assert held == {asked: f"torch.{asked}" for asked in held}
    assert len({model.fingerprint for model in found.values()}) == 3
    assert any(
        "rounded to float16" in n for n in CausalLM.load(stored("float32"), dtype="float16").notes
    )


def test_what_does_not_fit_in_memory_is_refused_before_it_is_loaded(
    stored: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored("float32")
    parameters = sum(p.numel() for p in CausalLM.load(folder).model.parameters())
    monkeypatch.setattr(precision, "free_memory", lambda device: 4 * parameters - 1)
    with pytest.raises(ModelError, match=rf"{parameters:,} parameters") as caught:
        CausalLM.load(folder)
    assert "--dtype bfloat16" in str(caught.value.hint)
    CausalLM.load(folder, dtype="bfloat16")
    monkeypatch.setattr(precision, "free_memory", lambda device: 4 * parameters)
    CausalLM.load(folder)


def test_a_run_keeps_its_precision_on_another_machine(
    stored: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["--model", stored("bfloat16"), "--tasks", "demo-qa", "demo-gen", "--limit", "2"]
    run += ["--out", "run", "--no-tune"]

    def bench(*more: str) -> SimpleNamespace:
        with pytest.raises(SystemExit) as caught:
            main([*run, *more])
        report = json.loads(Path("run/report.json").read_text("utf-8"))
        answers = Path("run/answers.jsonl").read_bytes()
        return SimpleNamespace(code=caught.value.code, answers=answers, **report)

    hardware(monkeypatch, bfloat16=True)
    first = bench()
    assert (first.code or 0, first.precision) == (0, "bfloat16")
    hardware(monkeypatch, bfloat16=False)
    second = bench()
    assert (second.code or 0, second.precision) == (0, "bfloat16")
    assert second.answers == first.answers
    assert bench("--dtype", "float32").code == 1
    assert "--dtype not given, now float32" in capsys.readouterr().err
    last = bench("--dtype", "float32", "--force")
    assert (last.code or 0, last.precision) == (0, "float32")


def test_tuning_a_base_in_bfloat16_is_close_to_one_in_float32(
    stored: Callable[[str], str], example: Callable[..., Instruction]
) -> None:
    recipe = Recipe(rank=4, epochs=2, batch_size=4, precision="float32")
    folder = stored("bfloat16")
    examples = lessons(example)
    one, other = (
        tune(CausalLM.load(folder, dtype=dtype), examples, recipe)
        for dtype in ("float32", "bfloat16")
    )
    assert other.steps == one.steps
    assert abs(one.losses[-1] - other.losses[-1]) < 0.05 * one.losses[-1]


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_a_gpu_is_chosen_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, device: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert precision.default_device() == device
