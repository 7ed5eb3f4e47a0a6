"""MeQSum: the short question that a long message of a patient comes down to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.xlsx import rows
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

SHARES = {"train": 70, "validation": 10, "test": 20}
WORDINGS = (
    "Summarise this message from a consumer as one short question.",
    "What does the writer want to know? Put it as a brief question that can be answered without "
    "the rest of the message.",
    "Condense the consumer health question below into its essential question.",
    "Rewrite the patient's message as a short question. Keep what is needed to answer it and leave "
    "out everything else.",
    "Give the question that this message asks, in as few words as a medical librarian would need "
    "to look up the answer.",
)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Questions in the order of the sheet."""
    path = folder / "MeQSum_ACL2019_BenAbacha_Demner-Fushman.xlsx"
    for line, row in rows(path, columns=("File", "CHQ", "Summary")):
        document, question, summary = (row[name].strip() for name in ("File", "CHQ", "Summary"))
        if not (document and question and summary):
            yield DataError("expected File, CHQ and Summary, found one empty", path=path, line=line)
        elif split_of(document, SHARES) == split:
            yield Instruction(
                instruction=choose(WORDINGS, question, seed),
                input=question,
                output=summary,
                category=Category.GEN,
                task="question-summary",
                provenance=CORPUS.provenance(split=split, document=document),
            )


CORPUS = Corpus(
    name="meqsum",
    title="MeQSum",
    category=Category.GEN,
    license="CC-BY-4.0",
    revision="51e36cf65c12",
    homepage="https://github.com/abachaa/MeQSum",
    folder="meqsum",
    # The authors publish one sheet without splits: these are ours, by a hash of the file name.
    splits=tuple(SHARES),
    citation=(
        "Ben Abacha A, Demner-Fushman D. On the Summarization of Consumer Health Questions. ACL "
        "2019, 2228-2234. doi:10.18653/v1/P19-1215"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
