"""Hallmarks of Cancer: which of the ten hallmarks a sentence, or a whole abstract, is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bioinstruct.corpora.answers import labels
from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats import tsv
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["DOCUMENTS", "LABELS", "NAMES", "SENTENCES"]

MEDTUNED = {
    "Sustaining proliferative signaling": "Sustaining proliferative signaling (PS)",
    "Evading growth suppressors": "Evading growth suppressors (GS)",
    "Resisting cell death": "Resisting cell death (CD)",
    "Enabling replicative immortality": "Enabling replicative immortality (RI)",
    "Inducing angiogenesis": "Inducing angiogenesis (A)",
    "Activating invasion and metastasis": "Activating invasion & metastasis (IM)",
    "Genomic instability and mutation": "Genome instability & mutation (GI)",
    "Tumor promoting inflammation": "Tumor-promoting inflammation (TPI)",
    "Cellular energetics": "Deregulating cellular energetics (CE)",
    "Avoiding immune destruction": "Avoiding immune destruction (ID)",
}
LABELS = described("hoc").labels
"""The ten top levels of the taxonomy, named as in the corpus."""

NAMES = {"lines": {label: label.lower() for label in LABELS}, "medtuned": MEDTUNED}
"""Name of each label, by layout."""

SPLITS = ("train", "validation", "test")
ARCHIVE = "hallmarks_of_cancer"
_LIST = {layout: "; ".join(names.values()) for layout, names in NAMES.items()}
_WORDINGS = wordings("hoc")
WORDINGS = {
    (text, layout): tuple(
        template.format(text=text, names=_LIST[layout], form=_WORDINGS[layout][0])
        for template in _WORDINGS["hallmarks-of-cancer"]
    )
    for text in ("sentence", "abstract")
    for layout in labels.LAYOUTS
}


def sentences(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Read sentences in the order of the PMIDs as text; their document is the abstract."""
    for pmid, document in _documents(folder, split):
        if isinstance(document, DataError):
            yield document
            continue
        for text, found in document:
            yield _instruction(SENTENCES, pmid, text, found, split, layout, seed)


def documents(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield abstracts, one sentence per line, with the hallmarks of all their sentences."""
    for pmid, document in _documents(folder, split):
        if isinstance(document, DataError):
            yield document
            continue
        text = "\n".join(sentence for sentence, _ in document)
        found = [label for _, some in document for label in some]
        yield _instruction(DOCUMENTS, pmid, text, found, split, layout, seed)


def _instruction(
    corpus: Corpus, name: str, text: str, found: Iterable[str], split: str, layout: str, seed: int
) -> Instruction:
    kind = "sentence" if corpus is SENTENCES else "abstract"
    return Instruction(
        instruction=choose(WORDINGS[kind, layout], text, seed),
        input=text,
        output=labels.to_text(layout, found, NAMES[layout]),
        category=Category.OTHER,
        task="hallmarks-of-cancer",
        provenance=corpus.provenance(split=split, document=name),
    )


_Document = list[tuple[str, list[str]]]


def _documents(folder: Path, split: str) -> Iterator[tuple[str, _Document | DataError]]:
    splits = _splits(resolve_gz(folder / "splits_blurb.tsv"))
    texts: dict[str, Member] = {}
    slots: dict[str, Member] = {}
    for member in members(folder / ARCHIVE, "*/*.txt"):
        kind = member.path.parent.name
        if kind in {"text", "labels"}:
            (texts if kind == "text" else slots)[member.path.stem] = member
    if texts.keys() != slots.keys() or texts.keys() != splits.keys():
        odd = sorted((texts.keys() ^ slots.keys()) | (texts.keys() ^ splits.keys()))
        where = "expected text, labels and a split for every PMID, not so for"
        raise DataError(f"{where} {', '.join(odd[:5])}", path=folder / ARCHIVE)
    for pmid, member in texts.items():
        if splits[pmid] == split:
            try:
                yield pmid, _document(member, slots[pmid])
            except DataError as error:
                yield pmid, error


def _splits(path: Path) -> dict[str, str]:
    found = {}
    for row in tsv.rows(path, ("pmid", "split"), header=True):
        if isinstance(row, DataError):
            raise row
        line, (pmid, split) = row
        if split not in SPLITS:
            known = ", ".join(SPLITS)
            raise DataError(f"unknown split {split!r}; known: {known}", path=path, line=line)
        found[pmid] = split
    return found


def _document(text: Member, slots: Member) -> _Document:
    """Return the sentences of a document with their labels, whose slots begin with `<`."""
    lines = [line.strip() for line in text.text.split("\n") if line.strip()]
    before, *parts = slots.text.split("<")
    if before.strip() or len(parts) != len(lines):
        found = f"expected {len(lines)} slots, one for each sentence, found {len(parts)}"
        raise DataError(found, path=slots.path)
    return [(line, _hallmarks(part, slots.path)) for line, part in zip(lines, parts, strict=True)]


def _hallmarks(slot: str, path: Path) -> list[str]:
    """Return the top levels of the labels in a slot; `NULL`, in eleven slots, also means none."""
    found = []
    for label in filter(None, map(str.strip, slot.split("AND"))):
        top = label.partition("--")[0]
        if label == "NULL":
            continue
        if top not in LABELS:
            raise DataError(f"unknown label {label!r}; known: {', '.join(LABELS)}", path=path)
        found.append(top)
    return found


SENTENCES = described("hoc")
DOCUMENTS = described("hoc-documents")
