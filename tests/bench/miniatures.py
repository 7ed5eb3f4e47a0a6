"""Miniature files, in the layouts of the corpora that cannot be passed on or are not at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.corpora import (
    test_aci_bench,
    test_bioasq,
    test_chatdoctor,
    test_chemdner,
    test_chemprot_abstracts,
    test_clinical_ie,
    test_i2b2_2010,
    test_i2b2_2012,
    test_icd10cm,
    test_inference,
    test_jnlpba,
    test_mediqa_ans,
    test_medmcqa,
    test_mmlu,
)

QUESTION = "Which gland makes insulin?,Thyroid,Adrenal,Pancreas,Pituitary,C\n"
IOB = "Joys\tO\n.\tO\n\nc\tB-{0}\n-\tI-{0}\njun\tI-{0}\nrose\tO\n"
MESSAGES = [{"input": f"My ear hurts for {n} days.", "output": "Rest, then."} for n in range(60)]
ALPACA = [test_chatdoctor.ALPACA | message for message in MESSAGES]
ICLINIQ = [test_chatdoctor.ICLINIQ | {"input": message["input"]} for message in MESSAGES]
REST = {"5_Answer1": {"summary": "Rest now.", "articles": "Rest helps.", "question": "what else?"}}
SUMMARIES = test_mediqa_ans.FILES | {"single_abstractive": REST}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _mmlu(folder: Path) -> None:
    for subject in test_mmlu.SUBJECTS:
        row = test_mmlu.ROW.replace("What is it?", f"What is {subject}?")
        test_mmlu.mini(folder, row + QUESTION, name=f"test/{subject}_test.csv")


def _bioasq(folder: Path) -> None:
    name = "Task13BGoldenEnriched/13B1_golden.json"
    no = test_bioasq.question(5, "yesno", "no")
    test_bioasq.mini(folder, *test_bioasq.ALL, no, name=name)


def _jnlpba(folder: Path) -> None:
    write(folder / "jnlpba/Genia4EReval1.iob2", test_jnlpba.MINI)


def _iob(folder: Path) -> None:
    for name, type in (("bc2gm/BC2GM", "GENE"), ("bc4chemd/BC4CHEMD", "Chemical")):
        write(folder / f"{name}-IOB/test.tsv", IOB.format(type))
    write(folder / "linnaeus/linnaeus-IOB/test.tsv", IOB.format("Species"))


def _events(folder: Path) -> None:
    document = test_i2b2_2012.document(test_i2b2_2012.EVENTS)
    write(folder / "i2b2_2012/ground_truth/merged_xml/7.xml", document)


def _relations(folder: Path) -> None:
    for name, text in test_i2b2_2010.FILES.items():
        write(folder / "i2b2_2010" / name, text)


def _inference(folder: Path) -> None:
    labels = ("entailment", "neutral", "contradiction")
    records = [test_inference.CLINICAL | {"gold_label": label} for label in labels]
    write(folder / "mednli/mli_test_v1.jsonl", test_inference.clinical(*records))
    text = "Ice floats.\tIce is lighter.\tentails\nA.\tB.\tneutral\n"
    write(folder / "scitail/SciTailV1.1/tsv_format/scitail_1.0_test.tsv", text)
    write(folder / "scitail/tsv_format/scitail_1.0_test.tsv", text)


def _notes(folder: Path) -> None:
    test_clinical_ie.mini(folder, "medication-status", [test_clinical_ie.NOTE])
    test_clinical_ie.mini(folder, "coreference", [test_clinical_ie.PRONOUN])


def _patients(folder: Path) -> None:
    test_chatdoctor.mini(folder, "healthcaremagic", "HealthCareMagic-100k.json", ALPACA)
    test_chatdoctor.mini(folder, "icliniq", "iCliniq.json", ICLINIQ)


WRITERS: list[Callable[[Path], object]] = [
    lambda folder: test_medmcqa.mini(
        folder, test_medmcqa.QUESTION, test_medmcqa.FIRST, name="dev.json"
    ),
    _mmlu,
    _bioasq,
    _jnlpba,
    _iob,
    test_chemdner.mini,
    _events,
    _relations,
    test_chemprot_abstracts.mini,
    _notes,
    _inference,
    lambda folder: test_aci_bench.mini(folder, "test"),
    lambda folder: test_mediqa_ans.mini(folder, "test", SUMMARIES),
    _patients,
    lambda folder: test_icd10cm.mini(folder, "test", test_icd10cm.LINES),
]


def write_all(folder: Path) -> Path:
    """A data directory with a few test examples of each of them."""
    for writer in WRITERS:
        writer(folder)
    return folder
