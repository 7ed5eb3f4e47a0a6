"""Save the state of a tuning run, so that a stopped run continues as if it had not been stopped.

A checkpoint is a folder of safetensors and JSON, written atomically; the previous one is removed
when the next is complete. It belongs to one run: the same base, examples, recipe and seed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.checks import names
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.errors import ModelError
from bioinstruct.files import atomic_directory
from bioinstruct.schema import Instruction

__all__ = ["Checkpoints", "run_key", "weights_directory"]

RANDOM = "random"


def run_key(model: Tunable, examples: Iterable[Instruction], recipe: Recipe, seed: int) -> str:
    """Return 16 hexadecimal digits that change with base, style, examples, recipe and seed.

    The style is the base's. The recipe's settings of memory do not count: a run that ran out of
    memory continues with less.
    """
    settings = recipe.model_dump_json(
        exclude={"gradient_checkpointing", "micro_batch_tokens", "style"}
    )
    about = f"{model.base_fingerprint} {model.prompt_tokenizer.overflow} {settings} {seed}"
    digest = hashlib.sha256(about.encode())
    for example in examples:
        digest.update(example.id.encode())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoints of a run in a folder."""

    folder: Path
    key: str

    def save(
        self,
        step: int,
        named: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        record: Any,
    ) -> None:
        """Write the state after a step, then remove the checkpoint before it.

        Args:
            step: optimizer steps done.
            named: the parameters that are trained.
            optimizer: the optimizer, whose moments are saved.
            record: a dataclass of plain values, which `load` returns as a dictionary.
        """
        tensors = {f"parameter {name}": p.detach().contiguous() for name, p in named.items()}
        for name, p in named.items():
            for field, value in optimizer.state.get(p, {}).items():
                tensors[f"{field} {name}"] = torch.as_tensor(value).contiguous()
        tensors[RANDOM] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors[f"{RANDOM} cuda"] = torch.cuda.get_rng_state()
        path = self.folder / f"step-{step:08}"
        with weights_directory(path) as temporary:
            save_file(tensors, temporary / "state.safetensors")
            about = {"key": self.key, "step": step, "record": asdict(record)}
            (temporary / "run.json").write_text(json.dumps(about), encoding="utf-8")
        for old in self._all():
            if old != path:
                shutil.rmtree(old, ignore_errors=True)

    def load(
        self, named: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
    ) -> dict[str, Any] | None:
        """Restore the newest state of this run and return its record, or None if there is none."""
        for path in sorted(self._all(), reverse=True):
            about = json.loads((path / "run.json").read_text(encoding="utf-8"))
            if about["key"] == self.key:
                _restore(load_file(path / "state.safetensors"), named, optimizer)
                record: dict[str, Any] = about["record"]
                return record
        return None

    def _all(self) -> list[Path]:
        return [path.parent for path in self.folder.glob("step-*/run.json")]


def _restore(
    tensors: dict[str, torch.Tensor],
    named: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    kept = {key.partition(" ")[2] for key in tensors if key.startswith("parameter ")}
    if kept != set(named):
        raise ModelError(
            f"a checkpoint of this run has {len(kept):,} tensors, the adapter {len(named):,}: "
            f"{names(kept ^ set(named))} are in one of them only",
            hint="remove the folder checkpoints, to tune from the start",
        )
    torch.set_rng_state(tensors.pop(RANDOM))
    if (cuda := tensors.pop(f"{RANDOM} cuda", None)) is not None:
        torch.cuda.set_rng_state(cuda)
    for key, value in tensors.items():
        kind, _, name = key.partition(" ")
        parameter = named[name]
        if kind == "parameter":
            parameter.data.copy_(value)
        else:
            at = "cpu" if kind == "step" else parameter.device
            optimizer.state[parameter][kind] = value.to(at)


@contextlib.contextmanager
def weights_directory(path: Path) -> Iterator[Path]:
    """Fill a folder with weights; it replaces `path` only when the block ends without error.

    Raises:
        OSError: the disk is full, for example; safetensors raises an error of its own for that.
    """
    with atomic_directory(path) as temporary:
        try:
            yield temporary
        except SafetensorError as error:
            if found := re.search(r"os error (\d+)", str(error)):
                number = int(found[1])
                raise OSError(number, os.strerror(number), str(path)) from error
            raise
