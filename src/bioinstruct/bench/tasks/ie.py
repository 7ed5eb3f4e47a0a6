"""Information extraction: entities in two layouts, relations, medications, coreference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bioinstruct import corpora
from bioinstruct.bench.metrics import (
    Metric,
    accuracy,
    entity_f1,
    exact_match,
    macro_f1,
    medtuned_entity_f1,
    medtuned_relation_f1,
    overlap_f1,
    pair_f1,
    relation_f1,
    token_f1,
)
from bioinstruct.bench.tasks.base import Parse, Task, add, of_corpus, task
from bioinstruct.corpora.answers import entities
from bioinstruct.corpora.answers.labels import parse_one
from bioinstruct.corpora.registry import described
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []

ENTITIES = {
    "ncbi-disease": "NCBI disease corpus: the disease mentions of a sentence",
    "bc5cdr-disease": "BC5CDR: the disease mentions of a sentence",
    "bc5cdr-chemical": "BC5CDR: the chemical mentions of a sentence",
    "bc5cdr": "BC5CDR: the chemicals and diseases of a sentence",
    "bc2gm": "BC2GM: the genes and proteins of a sentence",
    "jnlpba": "JNLPBA: proteins, DNA, RNA, cell types and cell lines of a sentence",
    "jnlpba-gene": "JNLPBA: proteins, DNA and RNA of a sentence as one type",
    "bc4chemd": "BC4CHEMD: the chemicals of a sentence",
    "chemdner": "CHEMDNER: the chemicals of a sentence, of seven classes",
    "linnaeus": "LINNAEUS: the species of a sentence",
    "anatem": "AnatEM: the anatomical entities of a sentence",
    "ddi2013-drugs": "DDI-2013: drugs, brands, groups and other substances of a sentence",
    "i2b2-2012": "i2b2 2012: the clinical events of a line of a discharge summary",
}
TYPED = {"bc5cdr", "jnlpba", "chemdner", "ddi2013-drugs", "i2b2-2012"}
PARTS = {"bc5cdr-disease", "bc5cdr-chemical", "jnlpba-gene"}
"""Subsets of the types of another corpus in the list."""


def _entities(layout: str, *, typed: bool) -> Parse:
    def parse(text: str, example: Instruction) -> list[entities.Entity] | None:
        if not entities.is_answer(layout, text):
            return None
        return entities.parse(layout, text, example.input.split(" "), typed=typed)

    return parse


def _entity_tasks(name: str, about: str) -> None:
    typed = name in TYPED
    strict: tuple[Metric, ...] = (entity_f1, overlap_f1)
    read = of_corpus(name, f"{about}, one a line.", layout="mentions")
    parse = _entities("mentions", typed=typed)
    add(Task(name, Category.IE, read, parse, strict, (), 128, name, variant=name in PARTS))
    as_published = strict if typed else (*strict, medtuned_entity_f1)
    read = of_corpus(
        name, f"{about}, in the layout of Llama2-MedTuned: a tag for every word.", layout="medtuned"
    )
    parse = _entities("medtuned", typed=typed)
    add(Task(f"{name}-medtuned", Category.IE, read, parse, as_published, (), 512, name, True))


for _name, _about in ENTITIES.items():
    _entity_tasks(_name, _about)


# ---- relations


def _induced(text: str, example: Instruction) -> object:
    from bioinstruct.corpora import bc5cdr_relations  # imported only to score

    return bc5cdr_relations.parse(text, example.input) if text.strip() else None


@task(
    Category.IE,
    pair_f1,
    parse=_induced,
    max_new_tokens=256,
    corpus="bc5cdr-relations",
)
def bc5cdr_relations(split: str) -> Iterator[Instruction]:
    """BC5CDR: which chemicals of an abstract induce which of its diseases."""
    return corpora.read("bc5cdr-relations", split)


PUBLISHED = {"gad", "i2b2-2010"}
"""Relations that Llama2-MedTuned was scored on."""


def _relation_task(name: str, about: str, negative: str = "") -> None:
    """Make a task on pairs named below the text, and one on masked pairs if there is one."""

    def parse(text: str, example: Instruction) -> str | None:
        return parse_one(text, labels)

    labels = described(name).labels
    metrics: tuple[Metric, ...] = (accuracy, macro_f1(labels))
    if negative:
        metrics = (relation_f1(negative), *metrics)
    forms: Mapping[str, str | None] = {name: "named", f"{name}-medtuned": "medtuned"}
    if not corpora.get_corpus(name).layouts:
        forms = {name: None}  # GAD is published masked
    for each, layout in forms.items():
        masked = layout == "medtuned"
        end = "" if about.endswith("?") else "."
        said = f"{about}, masked as in Llama2-MedTuned." if masked else about + end
        read = of_corpus(name, said, layout=layout)
        published = (
            (medtuned_relation_f1(labels),) if name in PUBLISHED and layout != "named" else ()
        )
        counted = (*metrics, *published)
        add(Task(each, Category.IE, read, parse, counted, labels, 16, name, variant=masked))


_relation_task("gad", "GAD: does a sentence associate a gene with a disease?", "Negative")
_relation_task("ddi2013", "DDI-2013: how two drugs interact", "none")
_relation_task("chemprot", "ChemProt, by sentence: how a chemical acts on a protein")
_relation_task(
    "chemprot-abstracts",
    "ChemProt, the five groups of the shared task: how a chemical acts on a protein",
)
_relation_task("i2b2-2010", "i2b2 2010: how problems, tests and treatments relate", "No Relations")


# ---- the re-annotated clinical notes of CASI


def _medications(text: str, example: Instruction) -> tuple[tuple[str, str], ...] | None:
    from bioinstruct.corpora.clinical_ie import parse_medications  # imported only to score

    found = tuple(parse_medications(text).items())
    return found if found or text.strip(" .\n").casefold() == "none" else None


medication_f1 = replace(
    pair_f1,
    name="medication F1",
    spec="micro-averaged F1 over the medications of all notes; one counts only if its name (in any "
    "case) and its status are right",
)


@task(
    Category.IE,
    medication_f1,
    parse=_medications,
    max_new_tokens=256,
    corpus="clinical-ie-medication-status",
)
def medication_status(split: str) -> Iterator[Instruction]:
    """Clinical IE on CASI notes: each medication, and whether it is active or discontinued."""
    return corpora.read("clinical-ie-medication-status", split)


@task(Category.IE, token_f1, exact_match, max_new_tokens=48, corpus="clinical-ie-coreference")
def coreference(split: str) -> Iterator[Instruction]:
    """Clinical IE on CASI notes: the antecedent of a pronoun."""
    return corpora.read("clinical-ie-coreference", split)
