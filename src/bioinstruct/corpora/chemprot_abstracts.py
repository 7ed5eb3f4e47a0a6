"""ChemProt in its official files: which evaluated relation an abstract states for two entities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.answers import relations
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.corpora.formats.archive import one
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

GROUPS = {
    "CPR:3": "upregulator",
    "CPR:4": "downregulator",
    "CPR:5": "agonist",
    "CPR:6": "antagonist",
    "CPR:9": "substrate or product",
}
LABELS = described("chemprot-abstracts").labels
"""The five groups of relations that BioCreative VI evaluated."""

FILES = {
    "train": "chemprot_training_{}.tsv",
    "validation": "chemprot_development_{}.tsv",
    "test": "chemprot_test_{}_gs.tsv",
}
MASKS = {"CHEMICAL": "CHEMICAL", "GENE": "GENE", "GENE-Y": "GENE", "GENE-N": "GENE"}
_ALL = f"{', '.join(LABELS[:-1])} or {LABELS[-1]}"
WORDINGS = wordings("chemprot_abstracts", labels=_ALL)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the annotated pairs in the order of the relations file; skip those of other groups."""
    texts: dict[str, str] = {}
    for _, row in _rows(folder, split, "abstracts", ("PMID", "title", "abstract")):
        if isinstance(row, DataError):
            yield row
        else:
            # The offsets count one character between title and abstract.
            texts[row[0]] = f"{row[1]}\n{row[2]}"
    mentions: dict[tuple[str, str], Mention] = {}
    columns = ("PMID", "entity", "type", "start", "end", "text")
    for where, row in _rows(folder, split, "entities", columns):
        if isinstance(row, DataError):
            yield row
            continue
        try:
            mentions[row[0], row[1]] = _mention(row, texts)
        except ValueError as error:
            yield DataError(str(error), path=where[0], line=where[1])
    columns = ("PMID", "group", "evaluated", "relation", "Arg1", "Arg2")
    for where, row in _rows(folder, split, "relations", columns):
        if isinstance(row, DataError):
            yield row
            continue
        pair = tuple(mentions.get((row[0], arg.partition(":")[2])) for arg in row[4:])
        if row[1] not in GROUPS:
            yield Skipped("a relation that is not evaluated")
        elif pair[0] is None or pair[1] is None:
            found = f"expected entities of PMID {row[0]}, found {row[4]} and {row[5]}"
            yield DataError(found, path=where[0], line=where[1])
        else:
            roles = ("Chemical", "Gene or protein")
            input = relations.to_input(layout, texts[row[0]], pair[0], pair[1], roles=roles)
            yield Instruction(
                instruction=choose(WORDINGS[layout], input, seed),
                input=input,
                output=GROUPS[row[1]],
                category=Category.IE,
                task="relation-chemical-protein",
                provenance=CORPUS.provenance(split=split, document=row[0]),
            )


_Where = tuple[Path, int]


def _rows(
    folder: Path, split: str, kind: str, columns: tuple[str, ...]
) -> Iterator[tuple[_Where, list[str] | DataError]]:
    file = one(folder, FILES[split].format(kind))
    for row in tsv.rows_of(file.lenient_text, file.path, columns, header=False):
        if isinstance(row, DataError):
            yield (file.path, row.line or 0), row
        else:
            yield (file.path, row[0]), row[1]


def _mention(row: list[str], texts: dict[str, str]) -> Mention:
    pmid, id, type, start, end, name = row
    if pmid not in texts:
        raise ValueError(f"{id}: there is no abstract {pmid}")
    if type not in MASKS or not (start.isdecimal() and end.isdecimal()):
        raise ValueError(f"{id}: expected {', '.join(MASKS)} TAB start TAB end, found {row[2:5]}")
    found = texts[pmid][int(start) : int(end)]
    if not found or found.split() != name.split():
        raise ValueError(f"{id}: expected {name!r} at {start} to {end}, found {found!r}")
    return Mention(name, ((int(start), int(end)),), MASKS[type])


CORPUS = described("chemprot-abstracts")
