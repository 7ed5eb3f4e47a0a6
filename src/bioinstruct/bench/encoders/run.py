"""Fine-tune an encoder on each task by itself, and count it like a language model."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bioinstruct.bench.encoders.model import (
    Encoder,
    EncoderRecipe,
    Progress,
    card,
    fits,
    load_encoder,
)
from bioinstruct.bench.evaluation.evaluate import TaskResult, pooled
from bioinstruct.bench.evaluation.report import Report, versions
from bioinstruct.bench.evaluation.summary import rows_of
from bioinstruct.bench.experiment import without_tests
from bioinstruct.bench.models.loading import find_model
from bioinstruct.bench.report.folder import keep_run, write_report
from bioinstruct.bench.report.recorded import (
    PREDICTIONS,
    classifier_folder,
    count_predictions,
    predictions_of,
)
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.training.checkpoint import Checkpoints
from bioinstruct.checksums import read_sealed, sealed
from bioinstruct.errors import ModelError
from bioinstruct.files import set_aside, write_text
from bioinstruct.schema import Instruction

__all__ = ["run_encoder"]

logger = logging.getLogger("bioinstruct")


def run_encoder(
    path: str,
    evaluations: Sequence[Evaluation],
    out: Path,
    *,
    recipe: EncoderRecipe | None = None,
    seed: int = 0,
    repeats: int = 1,
    tuned: Callable[[str, Progress], None] = lambda task, progress: None,
) -> Report:
    """Fine-tune an encoder on the training split of each task and score it on the tests.

    A training example that overlaps a test is left out, as for language models. Each classifier is
    kept in a folder of `out` with its predictions; a second call reuses the finished ones, and
    continues one that was stopped from its last checkpoint.
    `repeats` fine-tunes with so many seeds from `seed` on, and reports their mean and spread.

    Raises:
        ModelError: it is no encoder, or no task is for one.
    """
    chosen = _for_encoders(evaluations)
    recipe = recipe or EncoderRecipe()
    weights = _fingerprint(find_model(path))
    outcomes: dict[Evaluation, TaskResult] = {}
    notes: list[str] = []
    for evaluation in chosen:
        task = evaluation.task
        training, _ = without_tests(task.read("train"), [evaluation])
        found = []
        for number in range(repeats):
            folder = out / classifier_folder(task.name, number)
            key = _key(weights, recipe, seed + number, training, evaluation.examples)
            if (kept := _known(folder / PREDICTIONS, key)) is None:
                encoder = load_encoder(path, task, training, recipe, seed=seed + number)
                checkpoints = Checkpoints(_checkpoints(folder), key)
                tell = partial(tuned, task.name)
                encoder.tune(training, seed=seed + number, progress=tell, checkpoints=checkpoints)
                kept = _keep(encoder, folder, key, evaluation)
            notes += [f"{task.name}: {note}" for note in kept.get("notes", ())]
            found.append(count_predictions(evaluation, kept["predictions"]))
            _write_card(folder, path, evaluation, found[-1])
        outcomes[evaluation] = pooled(found)
    rows = {e: rows_of(e, outcome, seed=seed) for e, outcome in outcomes.items()}
    report = Report(
        model=path,
        adapter=None,
        fingerprint=weights,
        style="encoder",
        seed=seed,
        demonstration=all(e.task.demonstration for e in chosen),
        rows=[row for found in rows.values() for row in found],
        data=None,
        recipe=None,
        tuning=None,
        versions=versions(),
        found=list(dict.fromkeys(notes)),
    )
    keep_run(out, chosen, {"base": outcomes}, rows, None)
    write_report(out, report)
    return report


def _keep(encoder: Encoder, folder: Path, key: str, evaluation: Evaluation) -> dict[str, Any]:
    """Save a classifier with what it predicts, and return that."""
    predictions = encoder.predict(evaluation.examples)
    encoder.save(folder)
    kept = {"run": key, "notes": encoder.notes, "predictions": predictions}
    write_text(folder / PREDICTIONS, json.dumps(sealed(kept)) + "\n")
    shutil.rmtree(_checkpoints(folder), ignore_errors=True)
    return kept


def _write_card(folder: Path, path: str, evaluation: Evaluation, found: TaskResult) -> None:
    write_text(
        folder / "README.md", card(path, evaluation.task, rows_of(evaluation, found, seed=0))
    )


def _checkpoints(folder: Path) -> Path:
    """Return the folder of the checkpoints; that of the classifier is replaced as a whole."""
    return folder.with_name(f"checkpoints-{folder.name}")


def _for_encoders(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    chosen = [e for e in evaluations if e.usual and fits(e.task)]
    if not chosen:
        raise ModelError(
            "none of these tasks is for an encoder: their answers are open",
            hint="choose tasks of entities or of closed sets of answers",
        )
    return chosen


def _known(path: Path, key: str) -> dict[str, Any] | None:
    """Return the predictions of this very run if it was completed before, else None.

    A damaged file is renamed with a warning.
    """
    if not path.is_file():
        return None
    try:
        kept = read_sealed(path)
        if kept["run"] != key:
            return None
    except (ValueError, KeyError) as error:
        logger.warning("%s: %s; it is set aside as %s", path, error, set_aside(path).name)
        return None
    return kept | {"predictions": predictions_of(kept)}


def _fingerprint(path: str) -> str:
    """Return 16 hexadecimal digits of the files of a model folder, or of a Hub id."""
    digest = hashlib.sha256(b"" if Path(path).is_dir() else path.encode())
    for file in sorted(Path(path).glob("*")) if Path(path).is_dir() else ():
        if file.suffix in {".json", ".safetensors", ".txt", ".model"}:
            digest.update(file.name.encode())
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:16]


def _key(
    weights: str,
    recipe: EncoderRecipe,
    seed: int,
    training: Sequence[Instruction],
    questions: Sequence[Instruction],
) -> str:
    about = [weights, recipe.model_dump_json(), seed]
    ids = [[example.id for example in examples] for examples in (training, questions)]
    return hashlib.sha256(json.dumps([*about, *ids]).encode()).hexdigest()[:16]
