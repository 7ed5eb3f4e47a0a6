"""Measure the rule `possible-identifiers`: recall on planted identifiers, flags on open corpora.

    python -m benchmarks.identifiers --data "$BIOINSTRUCT_DATA"

Plants identifiers of the kinds that rules can find, in the ways of writing below, drawn with a
fixed seed, into the notes of the demonstration. Open corpora hold no patients' identifiers, so what
is flagged there is a false alarm, or a public person.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bioinstruct import BioinstructError, corpora, load
from bioinstruct.filters.identifiers import find_identifiers, possible_identifiers

FIRST = ("Maria", "John", "Aisha", "Wei", "Anna", "Carlos", "Fatima", "Ingrid", "Siobhan")
LAST = ("Garcia", "Smith", "Khan", "Zhang", "Müller", "O'Brien", "Okafor", "Lopez-Ruiz", "Ng")
STREETS = ["Oak", "Maple", "Washington", "Elm", "Highland", "Park", "Cedar", "Lincoln"]
MONTHS = "January February March April May June July August September October November December"


def _plants(draw: random.Random) -> dict[str, list[str]]:
    first, last = draw.choice(FIRST), draw.choice(LAST)
    day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1931, 2024)
    name = MONTHS.split()[month - 1]
    number = draw.randint(1000000, 9999999)
    area, line = draw.randint(201, 989), draw.randint(1000, 9999)
    return {
        "date": [
            f"Admitted on {month:02}/{day:02}/{year}.",
            f"Seen on {year}-{month:02}-{day:02} in clinic.",
            f"Discharged {day} {name} {year}.",
            f"Surgery took place on {name} {day}, {year}.",
            f"DOB: {month}/{day}/{year % 100:02}.",
            f"Born on the {day}th of {name} {year}.",
            f"Last visit {day:02}.{month:02}.{year}.",
            f"Admitted on {name} {day}.",
        ],
        "age over 89": [
            f"She is a {draw.randint(90, 104)}-year-old woman.",
            f"He is {draw.randint(90, 104)} years old.",
            f"A {draw.randint(90, 104)} yo male.",
        ],
        "telephone or fax": [
            f"Call ({area}) 555-{line}.",
            f"Phone: {area}-555-{line}.",
            f"Fax {area}.555.{line}.",
            f"Reach the daughter at +1 {area} 555 {line}.",
            f"Tel: 020 7946 {line}.",
            f"Mobile +44 7700 {draw.randint(100000, 999999)}.",
        ],
        "e-mail": [
            f"Write to {first.lower()}.{LAST[0].lower()}@example.org.",
            f"E-mail {first.lower()}{number % 100}@mail.example.com for results.",
        ],
        "social security number": [
            f"SSN {draw.randint(101, 665)}-{draw.randint(10, 99)}-{line}.",
            f"Social security number: {draw.randint(101, 665)} {draw.randint(10, 99)} {line}.",
        ],
        "record or account number": [
            f"MRN: {number}.",
            f"MRN {number}.",
            f"Medical record number {number}.",
            f"Hospital number: A{number}.",
            f"Account number {number}-01.",
            f"Health plan ID: HP{number}.",
            f"Serial number SN-{number}.",
            f"Patient ID #{number}.",
            f"License plate: {draw.randint(2, 9)}ABC{draw.randint(100, 999)}.",
        ],
        "web address": [
            f"Posted at https://example.org/{first.lower()}.",
            "See www.example.org/me.",
        ],
        "IP address": [f"Portal login from 192.168.{number % 255}.{line % 255}."],
        "name": [
            f"Mr. {last} was admitted.",
            f"Mrs {first} {last} reports pain.",
            f"Seen by Dr. {first} {last}.",
            f"Dr {last} was called.",
            f"Patient name: {first} {last}.",
            f"Ms. {last} denies fever.",
        ],
        "address": [
            f"Lives at {number % 900 + 1} {draw.choice(STREETS)} Street.",
            f"Home: {number % 9000 + 1} {draw.choice(STREETS)} Ave.",
            "Of Springfield, IL 62704.",
            f"P.O. Box {number % 9000 + 10}.",
            "Postcode SW1A 2AA.",
            f"ZIP code {number % 80000 + 10000}.",
        ],
    }


def planted(rounds: int = 50, seed: int = 0) -> dict[str, tuple[int, int]]:
    """Return, for each kind, how many planted identifiers were found, and how many there were."""
    draw = random.Random(seed)
    notes = [record.input for record in load("demo", split="test") if record.input]
    found: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for _ in range(rounds):
        for kind, sentences in _plants(draw).items():
            for sentence in sentences:
                note = draw.choice(notes)
                before = {(f.kind, f.text) for f in find_identifiers(note)}
                after = {(f.kind, f.text) for f in find_identifiers(f"{note} {sentence}")}
                found[kind] += bool(after - before)
                total[kind] += 1
    return {kind: (found[kind], total[kind]) for kind in total}


def flagged(data: Path, show: Callable[[str], None] = print) -> None:
    """Print how many records of each open corpus that is there are flagged."""
    everything: Counter[str] = Counter()
    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        if corpus.access is not corpora.Access.OPEN:
            continue
        count: Counter[str] = Counter()
        example = ""
        try:
            for split in corpus.splits:
                for record in corpora.read(name, split, data=data, rejected=[]):
                    count["records"] += 1
                    if why := possible_identifiers(record):
                        count["flagged"] += 1
                        count[why.split(" '")[0].split(' "')[0]] += 1
                        example = example or why
        except BioinstructError:
            continue
        if count["records"]:
            everything += Counter({k: v for k, v in count.items() if k in {"records", "flagged"}})
            kinds = ", ".join(f"{k} {v}" for k, v in count.most_common() if k not in everything)
            share = count["flagged"] / count["records"]
            text = f"{count['flagged']:>6,} of {count['records']:>7,} {share:7.2%}"
            show(f"{name:24} {text}  {kinds[:90]}")
    share = everything["flagged"] / everything["records"]
    show(f"{'all':24} {everything['flagged']:>6,} of {everything['records']:>7,} {share:7.2%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    result = planted()
    for kind, (found, total) in result.items():
        print(f"{kind:26} {found:>5,} of {total:>5,} {found / total:7.1%}")
    found, total = (sum(part) for part in zip(*result.values(), strict=True))
    print(f"{'all planted':26} {found:>5,} of {total:>5,} {found / total:7.1%}")
    if args.data:
        flagged(args.data)


if __name__ == "__main__":
    main()
