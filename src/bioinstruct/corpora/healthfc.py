"""HealthFC: is a health claim supported by the evidence, refuted, or neither?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.table import rows
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

VERDICTS = {"0": "Supported", "1": "Not enough information", "2": "Refuted"}
LABELS = tuple(VERDICTS.values())
_ANSWERS = "Supported, Refuted or Not enough information"
WORDINGS = (
    f"What does the evidence say about the health claim? Answer {_ANSWERS}.",
    f"Judge the claim, which is put as a question, by the evidence below it: {_ANSWERS}.",
    f"Check the health claim against the evidence given and answer {_ANSWERS}.",
    f"Is the claim borne out by the evidence? Reply with {_ANSWERS}.",
    f"Read the evidence and decide on the claim: {_ANSWERS}.",
)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Claims in English, in file order, with the sentences that the verdict rests on."""
    path = find(folder / "Datensatz.csv")
    for line, row in rows(path, columns=("en_claim", "en_top_sentences", "label", "url")):
        if row["label"] not in VERDICTS:
            found = f"label: unknown {row['label']!r}; known: {', '.join(VERDICTS)}"
            yield DataError(found, path=path, line=line)
            continue
        claim, evidence = (" ".join(row[name].split()) for name in ("en_claim", "en_top_sentences"))
        if not claim or not evidence:
            empty = "en_top_sentences" if claim else "en_claim"
            yield DataError(f"{empty}: expected a text", path=path, line=line)
            continue
        input = f"Claim: {claim}\n\nEvidence: {evidence}"
        yield Instruction(
            instruction=choose(WORDINGS, input, seed),
            input=input,
            output=VERDICTS[row["label"]],
            category=Category.QA,
            task="claim-verification",
            provenance=CORPUS.provenance(split=split, document=row["url"]),
        )


CORPUS = Corpus(
    name="healthfc",
    title="HealthFC",
    category=Category.QA,
    # An instruction is a changed version of the text, and the licence has no leave to share one.
    license="CC-BY-NC-ND-4.0 AND LicenseRef-NoRedistribution-of-adaptations",
    revision="9f31d765e5d4",
    homepage="https://github.com/jvladika/HealthFC",
    folder="nc/healthfc",
    # The authors cross-validate; there is no fixed split.
    splits=("train",),
    citation=(
        "Vladika J, Schneider P, Matthes F. HealthFC: Verifying Health Claims with Evidence-Based "
        "Medical Fact-Checking. LREC-COLING 2024, 8095-8107. The articles were written at the "
        "University for Continuing Education Krems (Medizin-transparent)."
    ),
    reader=read,
)

CORPORA = (CORPUS,)
