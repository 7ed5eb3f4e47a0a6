"""Patients, durations, numbers and names: what a frame needs besides its entities."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from demo.entities import table

__all__ = ["Draw", "Duration", "Numbers", "Patient"]

T = TypeVar("T")
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
UNITS = [("day", "d", 7), ("week", "wk", 8), ("month", "mo", 11)]
BREEDS = {
    "dog": ["Labrador retriever", "beagle", "border collie", "boxer", "cocker spaniel"],
    "cat": ["domestic shorthair cat", "Siamese cat", "Maine Coon cat", "Persian cat"],
}
STUDIES = ["HORIZON", "BEACON", "ATLAS", "MERIDIAN", "COMPASS-2", "SUMMIT", "AURORA", "PIONEER-X"]


class Draw:
    """A random generator that uses only `random()`, whose values every Python version keeps."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.used: Counter[str] = Counter()

    def below(self, end: int) -> int:
        return int(self._random.random() * end)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def picks(self, items: Sequence[T], count: int) -> list[T]:
        return [self.pick(items) for _ in range(count)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in items]


@dataclass(frozen=True)
class Duration:
    """`{t1}` three days, `{t1.full}` 3 days, `{t1.code}` 3 d."""

    number: int
    unit: str
    short: str

    def __str__(self) -> str:
        return f"{ONES[self.number - 1]} {self._unit}"

    @property
    def _unit(self) -> str:
        return self.unit if self.number == 1 else f"{self.unit}s"

    @property
    def Cap(self) -> str:
        return str(self).capitalize()

    @property
    def full(self) -> str:
        return f"{self.number} {self._unit}"

    @property
    def code(self) -> str:
        return f"{self.number} {self.short}"

    @classmethod
    def draw(cls, draw: Draw, *, brief: bool) -> Duration:
        unit, short, most = draw.pick(UNITS[:1] if brief else UNITS)
        return cls(draw.between(2, most), unit, short)


@dataclass(frozen=True)
class Patient:
    """Whom a note is about; `He` is "The patient" until a sentence has introduced them."""

    age: int
    sex: str
    noun: str
    introduced: bool

    @classmethod
    def draw(cls, draw: Draw, sex: str, ages: tuple[int, int], *, introduced: bool) -> Patient:
        age = draw.between(max(ages[0], 2), min(ages[1], 90))
        if sex in BREEDS:
            return cls(draw.between(*ages), sex, draw.pick(BREEDS[sex]), introduced)
        sex = {"": draw.pick("mf"), "p": "f"}.get(sex, sex)
        nouns = {"m": ("boy", "man"), "f": ("girl", "woman")}[sex]
        return cls(age, sex, nouns[age >= 18], introduced)

    @property
    def a(self) -> str:
        article = "an" if self.age in {8, 11, 18} or 80 <= self.age <= 89 else "a"
        return f"{article} {self.age}-year-old {self.noun}"

    @property
    def A(self) -> str:
        return self.a[0].upper() + self.a[1:]

    @property
    def FM(self) -> str:
        return self.sex.upper()

    @property
    def title(self) -> str:
        if self.age < 18:
            return {"m": "Master", "f": "Miss"}[self.sex]
        return {"m": "Mr.", "f": "Ms."}[self.sex]

    @property
    def He2(self) -> str:
        return {"m": "He", "f": "She"}[self.sex]

    @property
    def His2(self) -> str:
        return {"m": "His", "f": "Her"}[self.sex]

    @property
    def He(self) -> str:
        return self.He2 if self.introduced else "The patient"

    @property
    def he(self) -> str:
        return self.He2.lower()

    @property
    def His(self) -> str:
        return self.His2 if self.introduced else "The patient's"

    @property
    def him(self) -> str:
        return {"m": "him", "f": "her"}[self.sex]


class Numbers:
    """The figures and names of one record, such as `{x.bp}` and `{x.name}`."""

    def __init__(self, draw: Draw, split: str, patient: Patient) -> None:
        names = [row["name"] for row in table("surnames") if row["split"] == split]
        self.name, self.name2, self.name3 = draw.shuffled(names)[:3]
        self.owner = f"{draw.pick(['Mr.', 'Ms.'])} {self.name2}"
        child = patient.age < 18
        upper, lower = ((92, 118), (54, 76)) if child else ((100, 148), (60, 92))
        self.bp = f"{draw.between(*upper)}/{draw.between(*lower)}"
        self.hr = draw.between(58, 98)
        self.spo2 = draw.between(94, 99)
        self.time = f"{draw.between(6, 22):02d}:{draw.between(0, 59):02d}"
        self.ward = f"{draw.between(1, 12)}{draw.pick('ABC')}"
        self.bed = draw.between(1, 48)
        self.day = draw.between(2, 9)
        self.weeks = draw.between(2, 24)
        self.id = draw.between(1001, 9899)
        self.n = draw.between(40, 1900)
        self.N = f"{draw.pick(TENS)}-{ONES[draw.below(9)]}".capitalize()
        self.pct = draw.between(11, 89)
        self.pct2 = draw.between(11, 39)
        self.age = draw.between(45, 75)
        self.sites = draw.between(3, 40)
        self.acronym = draw.pick(STUDIES)
        self.kg = _weight(draw, patient)


def _weight(draw: Draw, patient: Patient) -> int:
    if patient.sex == "cat":
        return draw.between(3, 6)
    if patient.sex == "dog":
        return draw.between(9, 34)
    if patient.age < 18:
        return 8 + 3 * patient.age + draw.between(-2, 4)
    return draw.between(52, 98)
