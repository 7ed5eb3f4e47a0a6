"""Damaged checkpoints, adapters and logs are told as such and block nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import Instruction, ModelError
from bioinstruct.bench.encoders.card import encoder_card
from bioinstruct.bench.encoders.model import EncoderRecipe, load_encoder
from bioinstruct.bench.encoders.run import PREDICTIONS, _known
from bioinstruct.bench.models.adapter import ABOUT, WEIGHTS
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.loading import portable_name
from bioinstruct.bench.tasks import get_task
from bioinstruct.bench.training.checkpoint import RUN, STATE, Checkpoints
from bioinstruct.bench.training.folder import ADAPTER, CHECKPOINTS, STEPS, tune_in
from bioinstruct.bench.training.lora import save_adapter
from bioinstruct.bench.training.trainer import Tuning, tune
from bioinstruct.checksums import read_sealed, sealed

from .test_checkpoint import STEPS as IN_ALL
from .test_checkpoint import Stopped, tuned
from .test_encoder import drugs, entity_task, random_bert
from .test_tune import FAST, lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def changed(path: Path, **fields: Any) -> None:
    """Change a sealed object and seal it again, as another version might have written it."""
    path.write_text(json.dumps(sealed(read_sealed(path) | fields)), encoding="utf-8")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "state cut": lambda at: (at / STATE).write_bytes((at / STATE).read_bytes()[:100]),
    "state empty": lambda at: (at / STATE).write_bytes(b""),
    "state missing": lambda at: (at / STATE).unlink(),
    "state flipped": lambda at: flipped(at / STATE),
    "run cut": lambda at: (at / RUN).write_bytes((at / RUN).read_bytes()[:50]),
    "run a list": lambda at: (at / RUN).write_text("[]", encoding="utf-8"),
    "run missing": lambda at: (at / RUN).unlink(),
    "run not UTF-8": lambda at: (at / RUN).write_bytes(b"\xff\xfe{}"),
    "run edited": lambda at: (at / RUN).write_text(
        (at / RUN).read_text(encoding="utf-8").replace('"step": ', '"step": 1'), encoding="utf-8"
    ),
    "other fields": lambda at: changed(at / RUN, record={"steps": 3}),
    "no state named": lambda at: changed(at / RUN, sha256=None),
}


class _State:
    """Two parameters that are trained a little, with checkpoints after each step."""

    def __init__(self, folder: Path, *, steps: int = 0) -> None:
        torch.manual_seed(0)
        self.named = {n: torch.nn.Parameter(torch.ones(3)) for n in ("a", "b")}
        self.optimizer = torch.optim.AdamW(self.named.values(), lr=0.1)
        self.record = Tuning()
        self.kept = Checkpoints(folder, "key")
        for _ in range(steps):
            self.step()
            self.kept.save(self.record.steps, self.named, self.optimizer, self.record)

    def step(self) -> None:
        for parameter in self.named.values():
            parameter.grad = parameter.detach() * torch.rand(3)
        self.optimizer.step()
        self.record.steps += 1

    @property
    def values(self) -> list[float]:
        return torch.cat(list(self.named.values())).tolist()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_taken(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = _State(tmp_path, steps=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000004"]
    DAMAGES[damage](tmp_path / "step-00000004")
    again = _State(tmp_path)
    assert again.kept.load(again.named, again.optimizer, again.record)
    assert again.record.steps == 3
    again.step()
    assert again.values == whole.values
    again.kept.save(4, again.named, again.optimizer, again.record)
    kept = ["damaged-step-00000004", "step-00000003", "step-00000004"]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "step-00000004 cannot be used" in caplog.text


def test_a_checkpoint_of_an_adapter_of_another_shape_is_set_aside(tmp_path: Path) -> None:
    _State(tmp_path, steps=2)
    for change in (
        {"c": torch.nn.Parameter(torch.ones(3))},
        {"a": torch.nn.Parameter(torch.ones(2))},
    ):
        other = _State(tmp_path / "empty")
        other.named |= change
        before = other.values
        assert not Checkpoints(tmp_path, "key").load(other.named, other.optimizer, other.record)
        assert other.values == before
        for path in tmp_path.glob("damaged-*"):
            path.rename(tmp_path / path.name.removeprefix("damaged-"))
    assert Checkpoints(tmp_path, "other").load(other.named, other.optimizer, other.record) is False
    assert len(list(tmp_path.glob("step-*"))) == 2


def test_with_both_checkpoints_damaged_a_run_begins_at_the_start(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    folder, examples = model_folder("llama"), lessons(example)
    with pytest.raises(Stopped):
        tuned(folder, examples, tmp_path, stop=5)
    for path in list(tmp_path.iterdir()):
        flipped(path / STATE)
    again, tuning = tuned(folder, examples, tmp_path)
    assert (again, tuning.steps) == (tuned(folder, examples, None)[0], IN_ALL)
    assert sum(path.name.startswith("damaged-") for path in tmp_path.iterdir()) == 2


def finished(model: CausalLM, examples: list[Instruction], out: Path) -> list[int]:
    """Tune in a folder and return the steps that were done."""
    done: list[int] = []
    tune_in(out, model, examples, FAST, seed=0, progress=lambda now: done.append(now.step))
    return done


@pytest.mark.parametrize(
    "damage",
    [
        lambda at: flipped(at / WEIGHTS),
        lambda at: (at / WEIGHTS).write_bytes(b""),
        lambda at: flipped(at / ABOUT),
        lambda at: (at / ABOUT).write_bytes(b"\xff["),
        lambda at: (at / "adapter_config.json").write_text("{", encoding="utf-8"),
    ],
    ids=["weights flipped", "weights empty", "record flipped", "record of junk", "settings cut"],
)
def test_a_damaged_adapter_of_a_finished_run_is_set_aside_and_tuned_again(
    damage: Callable[[Path], None],
    model_folder: Folder,
    example: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model, examples = CausalLM.load(str(model_folder("llama"))), lessons(example)
    steps = finished(model, examples, tmp_path)
    whole = (tmp_path / ADAPTER / WEIGHTS).read_bytes()
    assert finished(model, examples, tmp_path) == []
    damage(tmp_path / ADAPTER)
    assert finished(model, examples, tmp_path) == steps
    assert (tmp_path / ADAPTER / WEIGHTS).read_bytes() == whole
    assert (tmp_path / f"damaged-{ADAPTER}").is_dir()
    assert "set aside as damaged-adapter, and tuned again" in caplog.text
    assert not (tmp_path / CHECKPOINTS).exists()


def test_flipped_bytes_of_an_adapter_are_told_as_damage(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), FAST)
    save_adapter(model, tmp_path / "a")
    for name in (WEIGHTS, ABOUT):
        whole = (tmp_path / "a" / name).read_bytes()
        flipped(tmp_path / "a" / name)
        with pytest.raises(ModelError, match=rf"{name} is damaged, or was edited") as error:
            CausalLM.load(str(model_folder("llama"))).load_adapter(tmp_path / "a")
        assert "copy the folder again" in error.value.hint
        (tmp_path / "a" / name).write_bytes(whole)
    assert "same weights" in CausalLM.load(str(model_folder("llama"))).load_adapter(tmp_path / "a")


def test_a_line_of_junk_in_the_log_of_steps_blocks_nothing(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model, examples = CausalLM.load(str(model_folder("llama"))), lessons(example)

    def stop(now: Any) -> None:
        if now.step == 3:
            raise Stopped

    with pytest.raises(Stopped):
        tune_in(tmp_path, model, examples, FAST, seed=0, progress=stop)
    good = (tmp_path / STEPS).read_bytes()
    junk = b'\xff\xfe\x00\n{"step": "two"}\n[1]\n' + b"[" * 100_000 + b'\n{"step": 2'
    (tmp_path / STEPS).write_bytes(good + junk)
    steps = finished(model, examples, tmp_path)
    lines = (tmp_path / STEPS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines][-len(steps) :] == steps


def test_the_settings_of_an_adapter_are_written_in_the_same_order_always(
    model_folder: Folder, example: Make, tmp_path: Path
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    tune(model, lessons(example), FAST.model_copy(update={"targets": "all-linear", "epochs": 1}))
    save_adapter(model, tmp_path / "a")
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text(encoding="utf-8"))
    assert len(config["target_modules"]) > 2
    assert config["target_modules"] == sorted(config["target_modules"])


def test_an_encoder_that_was_stopped_goes_on_within_its_task(
    example: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task, examples = entity_task(), drugs(example, 24)
    bert = random_bert(tmp_path / "bert", [e.input for e in examples], pieces=200, width=16)
    recipe = EncoderRecipe(learning_rate=2e-3, epochs=3, batch_size=4, max_length=32)
    kept = Checkpoints(tmp_path / "kept", "key")

    def run(stop: int = 0, checkpoints: Checkpoints | None = kept) -> tuple[Any, list[int]]:
        done: list[int] = []

        def progress(now: Any) -> None:
            done.append(now.step)
            if now.step == stop:
                raise Stopped

        encoder = load_encoder(bert, task, examples, recipe)
        encoder.tune(examples, progress=progress, checkpoints=checkpoints, save_every=0)
        return encoder, done

    whole, steps = run(checkpoints=None)
    for stop in (5, 11):
        with pytest.raises(Stopped):
            run(stop)
    flipped(tmp_path / "kept" / "step-00000010" / STATE)
    again, done = run()
    assert done == list(range(10, len(steps) + 1))
    assert "step-00000010 cannot be used" in caplog.text
    for (name, one), (_, other) in zip(
        whole.model.named_parameters(), again.model.named_parameters(), strict=True
    ):
        assert (one == other).all(), name


@pytest.mark.parametrize("content", [b"", b"[]", b'{"run": "k"', b"\xff", b'{"run": "k"}'])
def test_damaged_predictions_of_an_encoder_are_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PREDICTIONS).write_bytes(content)
    assert _known(tmp_path / PREDICTIONS, "k") is None
    assert (tmp_path / f"damaged-{PREDICTIONS}").read_bytes() == content


def test_a_name_with_line_breaks_cannot_add_to_a_card() -> None:
    task = get_task("demo-ie")
    odd = replace(task, name="ner\n# Licence\nfree")
    card = encoder_card("bert\n# Licence", odd, words=True)
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert headings == ["# Classifier for ner # Licence free"]
    assert portable_name("a/b\n# Licence") == "a/b # Licence"
