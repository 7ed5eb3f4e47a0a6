"""The entity tables as values that a frame can print, and which entities go together."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Entity", "common", "compatible", "entities", "table"]

FOLDER = Path(__file__).parent
FREQUENCIES = {
    "qd": "once daily",
    "bid": "twice daily",
    "tid": "three times daily",
    "qid": "four times daily",
    "qhs": "at bedtime",
    "qwk": "once weekly",
}
CLINICS = {
    "car": "cardiology",
    "res": "respiratory medicine",
    "gi": "gastroenterology",
    "neu": "neurology",
    "psy": "psychiatry",
    "end": "endocrinology",
    "ren": "nephrology and urology",
    "msk": "rheumatology",
    "der": "dermatology",
    "eye": "ophthalmology",
    "ent": "otolaryngology",
    "den": "dentistry",
    "obs": "gynecology",
    "hem": "hematology",
    "inf": "infectious diseases",
    "gen": "medical genetics",
}
MARKS = frozenset({"adverse", "brief", "event"})
"""Tags that say something of one entity: what a drug can cause, what lasts days, what strikes."""
VERBS = {"is": "are", "was": "were", "has": "have", "remains": "remain"}


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@dataclass(frozen=True)
class Entity:
    """A disease, drug or finding; `{s1}` prints its name, `{s1.a}` the name with its article."""

    name: str
    kind: str
    """chronic, acute or tumor; drug; symptom, sign, imaging or lab."""
    split: str
    article: str = ""
    sex: str = ""
    """Empty for both, m, f, p (a pregnant woman), dog or cat."""
    ages: tuple[int, int] = (0, 99)
    tags: frozenset[str] = frozenset()
    """Specialties; the modality of an imaging or laboratory finding; the uses of a drug."""
    specialty: str = ""
    drug_class: str = ""
    allergen: bool = False
    """Whether people are often allergic to this drug."""
    dose: str = ""
    frequency: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def Cap(self) -> str:
        return self.name[0].upper() + self.name[1:]

    @property
    def a(self) -> str:
        return f"{self.article} {self.name}" if self.article in {"a", "an"} else self.name

    @property
    def A(self) -> str:
        return self.a[0].upper() + self.a[1:]

    def __getattr__(self, name: str) -> str:
        if name in VERBS:
            return self.verb(name)
        raise AttributeError(name)

    def verb(self, singular: str) -> str:
        return VERBS[singular] if self.article == "pl" else singular

    @property
    def by(self) -> str:
        (modality,) = self.tags
        return modality

    @property
    def By(self) -> str:
        return self.by[0].upper() + self.by[1:]

    @property
    def clinic(self) -> str:
        return CLINICS[self.specialty]

    @property
    def freq(self) -> str:
        return FREQUENCIES[self.frequency]

    @property
    def sig(self) -> str:
        return f"{self.dose} {self.freq}"

    @property
    def rx(self) -> str:
        return f"{self.dose} {self.frequency}"

    @property
    def is_drug(self) -> bool:
        return self.kind == "drug"

    @property
    def is_condition(self) -> bool:
        return self.kind in {"chronic", "acute", "tumor"}


def _span(text: str) -> tuple[int, int]:
    low, high = text.split("-")
    return int(low), int(high)


def _clinical(row: dict[str, str], kind: str, separator: str | None) -> Entity:
    tags = row["tags"].split() if separator is None else [row["tags"]]
    return Entity(
        name=row["name"],
        kind=kind,
        split=row["split"],
        article=row["article"],
        sex=row["sex"],
        ages=_span(row["ages"]),
        tags=frozenset(tags),
        specialty=tags[0],
    )


def _drug(row: dict[str, str], use: dict[str, str], conditions: list[Entity]) -> Entity:
    """A drug may be given to those who have one of the conditions that it is used for."""
    names = use["conditions"].split("; ")
    used_for = [c for c in conditions if c.name in names and c.split == row["split"]]
    sexes = {condition.sex for condition in used_for}
    return Entity(
        name=row["name"],
        kind="drug",
        split=row["split"],
        sex=sexes.pop() if len(sexes) == 1 else "",
        ages=(min(condition.ages[0] for condition in used_for), 99),
        tags=frozenset(condition.name for condition in used_for),
        drug_class=row["class"],
        allergen=use["allergen"] == "yes",
        dose=row["dose"],
        frequency=row["frequency"],
    )


@cache
def entities(split: str) -> tuple[Entity, ...]:
    """All entities of a split, in the order of the tables."""
    conditions = [_clinical(row, row["course"], None) for row in table("conditions")]
    findings = [
        _clinical(row, row["kind"], "\n" if row["kind"] in {"imaging", "lab"} else None)
        for row in table("findings")
    ]
    uses = {row["class"]: row for row in table("uses")}
    drugs = [_drug(row, uses[row["class"]], conditions) for row in table("drugs")]
    return tuple(entity for entity in [*conditions, *findings, *drugs] if entity.split == split)


@cache
def _avoid() -> frozenset[frozenset[str]]:
    return frozenset(frozenset((row["one"], row["other"])) for row in table("avoid"))


def _clash(one: Entity, other: Entity) -> bool:
    """A contraindication, an interaction or a contradiction that no note should contain."""
    keys = [entity.drug_class or entity.name for entity in (one, other)]
    return frozenset(keys) in _avoid()


@cache
def _contains(longer: str, shorter: str) -> bool:
    return re.search(rf"\b{re.escape(shorter)}\b", longer, re.IGNORECASE) is not None


def _related(one: Entity, other: Entity) -> bool:
    """A drug and what it treats, two drugs for one condition, or a shared specialty."""
    if one.is_drug and not other.is_drug:
        return other.name in one.tags
    if other.is_drug and not one.is_drug:
        return one.name in other.tags
    return bool(one.tags & other.tags - MARKS)


def compatible(one: Entity, other: Entity, *, linked: bool) -> bool:
    """Whether two entities may stand in one note; `linked` when the frame says they belong."""
    if _contains(one.name, other.name) or _contains(other.name, one.name):
        return False
    if linked and not _related(one, other):
        return False
    both_drugs = one.is_drug and other.is_drug
    if linked and (one.is_drug or other.is_drug):
        return True
    if both_drugs and one.drug_class == other.drug_class:
        return False
    pregnant = "p" in (one.sex, other.sex)
    if pregnant and (one.is_drug or other.is_drug) and not _related(one, other):
        return False
    return not _clash(one, other)


def common(chosen: Iterable[Entity]) -> tuple[str, tuple[int, int]] | None:
    """The sex and ages that all entities allow, or None when they allow nobody."""
    sexes, low, high = set(), 0, 99
    for entity in chosen:
        sexes |= {entity.sex} - {""}
        low, high = max(low, entity.ages[0]), min(high, entity.ages[1])
    if low > high or len(sexes - {"f", "p"}) + bool(sexes & {"f", "p"}) > 1:
        return None
    sex = "p" if "p" in sexes else next(iter(sexes), "")
    return sex, (low, high)
