"""A dataset in the formats that trainers read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from bioinstruct.dataset.publish import obstacle
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.files import atomic_directory, atomic_file
from bioinstruct.prompts import Style, render
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
    """Write `examples` to `out` in the format `to`, and return how many there are.

    Reads them once and holds one at a time. A file or folder appears only when it is complete. The
    `id` of each record is beside its texts, which leads back to its source and licence.

    Args:
        examples: any records.
        to: one of `FORMATS`.
        out: a file, or a folder for the formats of `FOLDERS`; a folder is replaced only if this
            function wrote it.
        private_copy: write records that may not be passed on too.

    Raises:
        UnknownNameError: there is no such format.
        BioinstructError: there are no examples, one may not be passed on, or `out` is something
            that was not written here.
    """
    if to not in FORMATS:
        raise UnknownNameError("format", to, FORMATS)
    allowed = _not_empty(_allowed(examples, private_copy=private_copy))
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
        made = example.provenance
        if not private_copy and (why := obstacle(made.origin, made.license)):
            raise BioinstructError(
                f"record {example.id} from {made.origin!r} may not be redistributed: {why}",
                hint="leave that source out, or keep the export to yourself with --private-copy",
            )
        yield example


def _not_empty(examples: Iterator[Instruction]) -> Iterator[Instruction]:
    empty = True
    for example in examples:
        empty = False
        yield example
    if empty:
        raise BioinstructError("there is nothing to export: the dataset is empty")


def _alpaca(example: Instruction) -> dict[str, Any]:
    return {
        "id": example.id,
        "instruction": example.instruction,
        "input": example.input,
        "output": example.output,
    }


def _asked(example: Instruction) -> str:
    """The user's turn: what the chat style of `prompts` puts into it."""
    return render(example, Style.CHAT, chat_template=lambda messages: messages[0]["content"])


def _chat(example: Instruction) -> dict[str, Any]:
    turns = [("user", _asked(example)), ("assistant", example.output)]
    return {"id": example.id, "messages": [{"role": r, "content": text} for r, text in turns]}


def _prompt_completion(example: Instruction) -> dict[str, Any]:
    return {
        "id": example.id,
        "prompt": [{"role": "user", "content": _asked(example)}],
        "completion": [{"role": "assistant", "content": example.output}],
    }


def _sharegpt(example: Instruction) -> dict[str, Any]:
    turns = [("human", _asked(example)), ("gpt", example.output)]
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
    """One record a line, which reads well and is still one array."""
    count = 0
    for row in rows:
        file.write((b",\n" if count else b"[\n") + _text(row))
        count += 1
    file.write(b"\n]\n")
    return count


def _text(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8")


def _llama_factory(folder: Path, out: Path) -> None:
    """The list of datasets, in ASCII: LLaMA-Factory opens it in the encoding of the machine."""
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    name = out.resolve().name
    info = {name: {"file_name": _DATA, "formatting": "alpaca", "columns": columns}}
    text = json.dumps(info, indent=2)
    (folder / _INFO).write_text(text + "\n", encoding="ascii")


def _axolotl(folder: Path, out: Path) -> None:
    """A part of a configuration; the path is a JSON string, which is one in YAML too."""
    path = json.dumps((out / _DATA).as_posix(), ensure_ascii=False)
    text = (
        "# Part of an Axolotl configuration; the path is seen from where axolotl is started.\n"
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
    "sharegpt": (_json_array, _sharegpt),
}
"""How each format is written, and what it makes of a record."""

FOLDERS: dict[str, Callable[[Path, Path], None]] = {
    "axolotl": _axolotl,
    "llama-factory": _llama_factory,
}
"""The formats that are a folder, and what is in it beside the records."""


def _may_replace(out: Path) -> None:
    """Refuse whatever could hold something that is not ours."""
    ours = {_DATA, _INFO, _YAML, _MARK}
    if not out.exists():
        return
    if not out.is_dir():
        raise BioinstructError(f"{out} is a file", hint="this format is a folder: name one")
    if Path.cwd().is_relative_to(out.resolve()):
        raise BioinstructError(
            f"{out} is, or contains, the current folder", hint="name a new folder in it"
        )
    content = {path.name for path in out.iterdir()}
    if content and (not content <= ours or _MARK not in content):
        strange = sorted(content - ours) or ["no mark of an export"]
        raise BioinstructError(
            f"{out} is not replaced, because it is not only an export: {strange[0]}",
            hint="name another folder, or remove this one yourself",
        )
