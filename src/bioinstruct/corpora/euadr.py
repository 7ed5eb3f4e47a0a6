"""EU-ADR: the association between a drug, a disease and a target in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import relations
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats import table
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

NAMES = {"PA": "Positive", "SA": "Speculative", "NA": "Negative", "FA": "False"}
LABELS = tuple(NAMES.values())
"""An association is stated, supposed, denied, or the two only co-occur."""

FILES = ("EUADR_drug_disease.csv", "EUADR_drug_target.csv", "EUADR_target_disease.csv")
COLUMNS = (
    "ASSOCIATION_TYPE",
    "PMID",
    "NUM_SENTENCE",
    *(f"ENTITY{n}_{part}" for n in (1, 2) for part in ("TEXT", "INI", "END", "TYPE")),
    "SENTENCE",
)
WORDINGS = wordings("euadr")
MASKS = {"Drug": "DRUG", "Diseases & Disorders": "DISEASE", "Genes & Molecular Sequences": "GENE"}


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the pairs in the order of the three files and their rows."""
    for name in FILES:
        path = resolve_gz(folder / name)
        # Others read these files as Latin-1, in which any file can be read: so UTF-8 comes first.
        rows = table.rows(path, columns=COLUMNS, delimiter="\t", fallback="latin-1")
        for row in rows:
            try:
                yield (
                    row
                    if isinstance(row, DataError)
                    else _instruction(row.fields, split, layout, seed)
                )
            except ValueError as error:
                yield DataError(str(error), path=path, line=row.line)


def _instruction(row: dict[str, str], split: str, layout: str, seed: int) -> Instruction:
    kind = row["ASSOCIATION_TYPE"]
    if kind not in NAMES:
        raise ValueError(f"ASSOCIATION_TYPE: unknown {kind!r}; known: {', '.join(NAMES)}")
    pair = (_mention(row, 1), _mention(row, 2))
    text = row["SENTENCE"]
    input = relations.to_input(layout, text, *pair, roles=("First concept", "Second concept"))
    return Instruction(
        instruction=choose(WORDINGS[layout], input, seed),
        input=input,
        output=NAMES[kind],
        category=Category.IE,
        task="relation-drug-disease-target",
        provenance=CORPUS.provenance(split=split, document=row["PMID"]),
    )


def _mention(row: dict[str, str], number: int) -> Mention:
    key = f"ENTITY{number}"
    name, start, end = (row[f"{key}_{part}"] for part in ("TEXT", "INI", "END"))
    if not (start.isdecimal() and end.isdecimal()):
        raise ValueError(f"{key}_INI and {key}_END: expected numbers, found {start!r}, {end!r}")
    found = row["SENTENCE"][int(start) : int(end)]
    if not found or found.split() != name.split():
        raise ValueError(f"{key}: expected {name!r} at {start} to {end}, found {found!r}")
    type = row[f"{key}_TYPE"]
    return Mention(name, ((int(start), int(end)),), MASKS.get(type, "CONCEPT"))


CORPUS = described("euadr")
