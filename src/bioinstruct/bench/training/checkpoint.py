"""Save the state of a tuning run, so that a stopped run continues as if it had not been stopped.

A checkpoint is a folder of safetensors and JSON with checksums, written atomically. It belongs to
one run: the same base, examples, recipe and seed. The last two are kept: one that cannot be used
is set aside, and the run continues from the one before it, or from the start.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bioinstruct.bench.models.base import Tunable
from bioinstruct.bench.models.checks import names
from bioinstruct.bench.models.distributed import Devices
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.checksums import file_sha256, read_sealed, sealed
from bioinstruct.files import atomic_directory, remove_leftovers, set_aside
from bioinstruct.schema import Instruction

__all__ = ["Checkpoints", "run_key", "weights_directory"]

RANDOM = "random"
STATE, RUN = "state.safetensors", "run.json"
_KEPT = 2  # checkpoints of a run

logger = logging.getLogger("bioinstruct")


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
        """Write the state after a step, then remove all checkpoints but this and the one before.

        Args:
            step: optimizer steps done.
            named: the parameters that are trained.
            optimizer: the optimizer, whose moments are saved.
            record: a dataclass of plain values, which `load` fills.
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
            save_file(tensors, temporary / STATE)
            about = {"key": self.key, "step": step, "record": asdict(record)}
            about["sha256"] = file_sha256(temporary / STATE)
            (temporary / RUN).write_text(json.dumps(sealed(about)), encoding="utf-8")
        kept = sorted(filter(self._is_mine, self._all()))[-_KEPT:]
        for old in self._all():
            if old not in kept:
                shutil.rmtree(old, ignore_errors=True)

    def load(
        self, named: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer, record: Any
    ) -> bool:
        """Restore the newest usable state of this run and its record; False if there is none.

        A checkpoint that is damaged, or does not fit, is renamed with a warning.
        """
        if Devices().first:
            remove_leftovers(self.folder)
        for path in sorted(self._all(), reverse=True):
            try:
                about = read_sealed(path / RUN)
                if about["key"] != self.key:
                    continue
                tensors = _state(path / STATE, about["sha256"])
                _check(tensors, named)
                known = about["record"]
                if known.keys() != {field.name for field in fields(record)}:
                    raise ValueError(f"{RUN} has other fields than this version writes")
            except (OSError, ValueError, KeyError, AttributeError, SafetensorError) as error:
                _set_aside(path, error)
                continue
            _restore(tensors, named, optimizer)
            for name, value in known.items():
                setattr(record, name, value)
            return True
        return False

    def _is_mine(self, path: Path) -> bool:
        try:
            return bool(read_sealed(path / RUN)["key"] == self.key)
        except (OSError, ValueError, KeyError):
            return False

    def _all(self) -> list[Path]:
        return [path for path in self.folder.glob("step-*") if path.is_dir()]


def _state(path: Path, digest: str) -> dict[str, torch.Tensor]:
    if file_sha256(path) != digest:
        raise ValueError(f"{path.name} is not as it was written: its checksum is another")
    return load_file(path)


def _check(tensors: dict[str, torch.Tensor], named: dict[str, torch.nn.Parameter]) -> None:
    """Check that a checkpoint holds the parameters of this adapter, before anything is changed."""
    kept = {
        key.partition(" ")[2]: value.shape
        for key, value in tensors.items()
        if key.startswith("parameter ")
    }
    if kept.keys() != named.keys():
        raise ValueError(
            f"it has {len(kept):,} tensors, the adapter {len(named):,}: "
            f"{names(kept.keys() ^ named.keys())} are in one of them only"
        )
    if odd := [name for name, parameter in named.items() if parameter.shape != kept[name]]:
        raise ValueError(f"{names(odd)} have other shapes than in the adapter")


def _set_aside(path: Path, error: Exception) -> None:
    """Rename a checkpoint that cannot be used, in the first process, and say why."""
    if not Devices().first:
        return
    reason = f"{error.strerror}" if isinstance(error, OSError) else str(error)
    logger.warning(
        "%s cannot be used (%s): it is set aside as %s, and tuning continues from the checkpoint "
        "before it, or from the start",
        path,
        reason,
        set_aside(path).name,
    )


def _restore(
    tensors: dict[str, torch.Tensor],
    named: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    torch.set_rng_state(tensors.pop(RANDOM))
    if (cuda := tensors.pop(f"{RANDOM} cuda", None)) is not None and torch.cuda.is_available():
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
