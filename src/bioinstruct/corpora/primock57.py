"""PriMock57: the note of a primary-care consultation, written from its transcript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.formats.records import records_of
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.primock57_textgrid import tiers
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

SHARES = {"train": 60, "test": 40}
WORDINGS = wordings("primock57")["consultation-to-note"]
SPEAKERS = ("doctor", "patient")
# What the transcribers could not make out, and what they were not sure of.
_MARKS = {"<UNIN/>": "[unintelligible]", "<INAUDIBLE_SPEECH/>": "[inaudible]"}
_UNSURE = re.compile(r"</?UNSURE>")
_SILENT = re.compile(r"[\s.,?!-]*")


class Note(BaseModel):
    """Fields used from a note's file, under their names in the file."""

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the consultations by day and number, or the error of a faulty one."""
    source = folder if (folder / "transcripts").is_dir() else folder / "primock57_text"
    notes = {Path(note.name).stem: note for note in members(source, "notes/*.json")}
    transcripts = {Path(t.name).stem: t for t in members(source, "transcripts/*.TextGrid")}
    names = {stem.rpartition("_")[0] for stem in transcripts}
    for name in sorted(notes.keys() | names):
        if split_of(name, SHARES) == split:
            try:
                tracks = [transcripts.get(f"{name}_{speaker}") for speaker in SPEAKERS]
                yield _consultation(name, notes.get(name), tracks, seed)
            except DataError as error:
                yield error


def _consultation(
    name: str, note: Member | None, tracks: list[Member | None], seed: int
) -> Instruction:
    if note is None or None in tracks:
        there = next(member for member in (note, *tracks) if member is not None)
        needed = f"{name}_doctor.TextGrid, {name}_patient.TextGrid and {name}.json"
        raise DataError(f"expected all of {needed}", path=there.path)
    conversation = _conversation([track for track in tracks if track is not None])
    return Instruction(
        instruction=choose(WORDINGS, conversation, seed),
        input=conversation,
        output=_note(note),
        category=Category.GEN,
        task="consultation-to-note",
        provenance=CORPUS.provenance(split=split_of(name, SHARES), document=name),
    )


def _conversation(tracks: list[Member]) -> str:
    """Merge both tracks by the start of each utterance, one line per turn."""
    said = sorted(
        (interval.start, speaker, text)
        for speaker, track in zip(SPEAKERS, tracks, strict=True)
        for tier in tiers(track.text, track.path)
        for interval in tier.intervals
        if (text := _spoken(interval.text, track.path))
    )
    turns = groupby(said, key=lambda utterance: utterance[1])
    return "\n".join(
        f"{speaker.capitalize()}: {' '.join(text for _, _, text in turn)}"
        for speaker, turn in turns
    )


def _spoken(text: str, path: Path) -> str:
    """Return the words of an utterance; empty if none was understood."""
    text = _UNSURE.sub("", text)
    without = text
    for tag, mark in _MARKS.items():
        text, without = text.replace(tag, f" {mark} "), without.replace(tag, " ")
    if "<" in without or ">" in without:
        raise DataError(f"unknown tag in {without[:80]!r}", path=path)
    if _SILENT.fullmatch(without):
        return ""
    return re.sub(r" (?=[.,?!])", "", " ".join(text.split()))


def _note(member: Member) -> str:
    _, _, found = next(records_of(member.text, member.path, Note))
    if isinstance(found, DataError):
        raise found
    return "\n".join(line.rstrip() for line in found.note.splitlines())


CORPUS = described("primock57")
