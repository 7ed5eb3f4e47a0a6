"""Export datasets in the formats that training frameworks read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from bioinstruct.dataset.publish import obstacle
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.files import atomic_directory, atomic_file
from bioinstruct.prompts import render, user_turn
from bioinstruct.schema import Instruction

__all__ = ["FOLDERS", "FORMATS", "export"]

Row = Callable[[Instruction], dict[str, Any]]

_DATA = "data.jsonl"
_INFO = "dataset_info.json"
_YAML = "dataset.yaml"
_MARK = "bioinstruct-export.json"


def export(
    examples: Iterable[Instruction], to: str, out: Path, *, private_copy: bool = False
) -> int:
    """Write `examples` to `out` in the format `to`, and return their number.

    Reads the examples once and holds one at a time. The file or folder appears only when it is
    complete. Every exported record keeps its `id`, which leads back to its source and licence.

    Args:
        examples: the records to export.
        to: one of `FORMATS`.
        out: a file, or a folder for the formats in `FOLDERS`; an existing folder is replaced only
            if this function wrote it.
        private_copy: also export records that may not be redistributed.

    Raises:
        UnknownNameError: `to` is not a known format.
        BioinstructError: there are no examples, one may not be redistributed, all outputs are
            dates, or `out` exists and is not an earlier export.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    allowed = _not_dates(_not_empty(_allowed(examples, private_copy=private_copy)), to)
    if to not in FOLDERS:
        write, row = FORMATS[to]
        with atomic_file(out) as file:
            return write(file, map(row, allowed))
    _may_replace(out)
    with atomic_directory(out) as folder:
        write, row = FORMATS[to]
        with (folder / _DATA).open("wb") as file:
            count = write(file, map(row, allowed))
        FOLDERS[to](folder, Path(out))
        (folder / _MARK).write_text(
            json.dumps({"format": to, "examples": count}) + "\n", encoding="utf-8"
        )
    return count


def _allowed(examples: Iterable[Instruction], *, private_copy: bool) -> Iterator[Instruction]:
    for example in examples:
        origin, license = example.provenance.origin, example.provenance.license
        if not private_copy and (why := obstacle(origin, license)):
            raise BioinstructError(
                f"record {example.id} from {origin!r} may not be redistributed: {why}",
                hint="leave that source out, or pass --private-copy and do not share the export",
            )
        yield example


def _not_empty(examples: Iterator[Instruction]) -> Iterator[Instruction]:
    empty = True
    for example in examples:
        empty = False
        yield example
    if empty:
        raise BioinstructError("there is nothing to export: the dataset is empty")


_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d(:\d\d){0,2}(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")


def _not_dates(examples: Iterator[Instruction], to: str) -> Iterator[Instruction]:
    """Pass on the examples; at their end refuse a column that holds nothing but dates."""
    alone = {"chat": (), "sharegpt": (), "prompt-completion": ("output",)}
    fields = alone.get(to.removesuffix("-text"), ("input", "output"))
    dates = dict.fromkeys(fields, True)
    for example in examples:
        for field in fields:
            dates[field] = dates[field] and bool(_DATE.fullmatch(getattr(example, field)))
        yield example
    if found := [field for field, all_dates in dates.items() if all_dates]:
        raise BioinstructError(
            f'every {found[0]} is a date: `load_dataset("json")` would read them as timestamps',
            hint="export them with records of another kind, or use `bioinstruct publish`, whose "
            "Parquet files keep them as text",
        )


def _alpaca(example: Instruction) -> dict[str, Any]:
    return {
        "id": example.id,
        "instruction": example.instruction,
        "input": example.input,
        "output": example.output,
    }


def _chat(example: Instruction) -> dict[str, Any]:
    turns = [("user", user_turn(example)), ("assistant", example.output)]
    return {"id": example.id, "messages": [{"role": r, "content": text} for r, text in turns]}


def _prompt_completion(example: Instruction) -> dict[str, Any]:
    return {
        "id": example.id,
        "prompt": [{"role": "user", "content": user_turn(example)}],
        "completion": [{"role": "assistant", "content": example.output}],
    }


def _prompt_completion_text(example: Instruction) -> dict[str, Any]:
    return {"id": example.id, "prompt": render(example), "completion": example.output}


def _sharegpt(example: Instruction) -> dict[str, Any]:
    turns = [("human", user_turn(example)), ("gpt", example.output)]
    return {
        "id": example.id,
        "conversations": [{"from": who, "value": text} for who, text in turns],
    }


def _json_lines(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        file.write(_text(row) + b"\n")
        count += 1
    return count


def _json_array(file: IO[bytes], rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON array with a record on each line, for readability."""
    count = 0
    for row in rows:
        file.write((b",\n" if count else b"[\n") + _text(row))
        count += 1
    file.write(b"\n]\n")
    return count


def _text(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8")


def _llama_factory(folder: Path, out: Path) -> None:
    """Write dataset_info.json in ASCII, since LLaMA-Factory opens it in the locale's encoding."""
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    name = out.resolve().name
    info = {name: {"file_name": _DATA, "formatting": "alpaca", "columns": columns}}
    text = json.dumps(info, indent=2)
    (folder / _INFO).write_text(text + "\n", encoding="ascii")


def _axolotl(folder: Path, out: Path) -> None:
    """Write the `datasets` part of a configuration; the path is a JSON string, hence valid YAML."""
    path = json.dumps((out / _DATA).as_posix(), ensure_ascii=False)
    text = (
        "# Part of an Axolotl configuration; the path is relative to where axolotl is started.\n"
        "datasets:\n"
        f"  - path: {path}\n"
        "    ds_type: json\n"
        "    type: alpaca\n"
        "    split: train\n"
        "train_on_inputs: false\n"
    )
    (folder / _YAML).write_text(text, encoding="utf-8")


FORMATS: dict[str, tuple[Callable[[IO[bytes], Iterable[dict[str, Any]]], int], Row]] = {
    "alpaca": (_json_array, _alpaca),
    "axolotl": (_json_lines, _alpaca),
    "chat": (_json_lines, _chat),
    "llama-factory": (_json_lines, _alpaca),
    "prompt-completion": (_json_lines, _prompt_completion),
    "prompt-completion-text": (_json_lines, _prompt_completion_text),
    "sharegpt": (_json_array, _sharegpt),
}
"""The function that writes each format, and the one that converts a record."""

FOLDERS: dict[str, Callable[[Path, Path], None]] = {
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
}
"""The formats that are folders, and the function that writes the files next to the records."""


def _may_replace(out: Path) -> None:
    """Refuse a folder that may hold anything but an earlier export."""
    ours = {_DATA, _INFO, _YAML, _MARK}
    if not out.exists():
        return
    if not out.is_dir():
        raise BioinstructError(f"{out} is a file", hint="this format needs a folder: name one")
    if Path.cwd().is_relative_to(out.resolve()):
        raise BioinstructError(
            f"{out} is, or contains, the current folder", hint="name a new folder in it"
        )
    content = {path.name for path in out.iterdir()}
    if content and (not content <= ours or _MARK not in content):
        strange = sorted(content - ours) or [f"it has no {_MARK}"]
        raise BioinstructError(
            f"not replacing {out}: it is not just an earlier export ({strange[0]})",
            hint="name another folder, or remove this one yourself",
        )
