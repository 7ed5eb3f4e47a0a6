"""Texts to measure the filters on: those of real corpora, and synthetic growth from them."""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from bioinstruct import corpora
from bioinstruct.corpora import medquad as reader
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.files import read_bytes

__all__ = ["grown", "medquad", "mixed", "others"]

# Four files whose 16 questions were missed when the figures were measured first.
_UNMEASURED = {("6_NINDS_QA", number) for number in ("0000007", "0000018", "0000182", "0000244")}
_FILLERS = ["please", "briefly", "now", "in detail", "for a patient", "the", "given", "short"]


def medquad(data: Path) -> list[str]:
    """The questions of MedQuAD, each once, in file order: few templates, many diseases."""
    questions: dict[str, list[str]] = {}
    for pair in reader.pairs(data / "medquad"):
        assert isinstance(pair, reader.Pair)
        collection, _, place = pair.document.partition("/")
        if (collection, place[: len("0000000")]) not in _UNMEASURED:
            questions.setdefault(f"{collection}.tar.gz", []).append(pair.question)
    found = dict.fromkeys(_folded(text) for name in sorted(questions) for text in questions[name])
    return [text for text in found if text]


def others(data: Path) -> list[str]:
    """Questions, instructions and sentences of the other corpora, each once."""
    found = dict.fromkeys(_folded(text) for text in _others(data))
    return [text for text in found if text]


def mixed(data: Path, count: int) -> list[str]:
    """All other texts and as many questions of MedQuAD as make up the count, shuffled."""
    shuffle = random.Random(44)
    texts = others(data)
    texts += shuffle.sample(medquad(data), max(count - len(texts), 0))
    shuffle.shuffle(texts)
    return texts[:count]


def grown(texts: list[str], count: int, *, seed: int = 0) -> list[str]:
    """SYNTHETIC growth: the texts, and variants of them in which words are changed, in any order.

    30 to 90 % of the words of a variant are replaced (by words of the texts, as often as these have
    them), left out or added to.
    """
    chance = random.Random(seed)
    words = [word for text in texts for word in text.split()]
    found = texts[:count]
    while len(found) < count:
        found.append(_variant(chance.choice(texts), chance, words))
    chance.shuffle(found)
    return found


def _variant(text: str, chance: random.Random, words: list[str]) -> str:
    share = chance.uniform(0.3, 0.9)
    made = []
    for word in text.split():
        drawn = chance.random()
        if drawn < share * 0.6:
            made.append(chance.choice(words))
        elif drawn >= share * 0.8:
            made.append(word)
            if drawn > 1 - share * 0.2:
                made.append(chance.choice(_FILLERS))
    return " ".join(made) or text


def _others(data: Path) -> Iterator[str]:
    for name in ("RQE_Train_8588_AMIA2016.xml", "RQE_Test_302_pairs_AMIA2016.xml"):
        for pair in ElementTree.fromstring(read_bytes(data / "rqe" / name)):
            yield from (element.text or "" for element in pair)
    for name in ("wikidoc-patient", "genmedgpt"):
        yield from (example.input for example in corpora.read(name, "train", data=data))
    yield from (row["instruction"] for row in _json(data / "nc/medinstruct/med_seed.json"))
    tested = corpora.read("medinstruct", "test", data=data)
    yield from (example.instruction for example in tested)
    yield from (row["instruction"] for row in _lines(data / "self_instruct_seed/seed_tasks.jsonl"))
    yield from (row["QUESTION"] for row in _json(data / "pubmedqa/ori_pqal.json").values())
    exam = corpora.read("medqa-5", "test", data=data)
    yield from (multiple_choice.read(example.input)[0] for example in exam)
    for path in sorted((data / "mmlu_clinical").glob("*/*.csv*")):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            yield from (row[0] for row in csv.reader(file))
    for split in ("train", "dev", "test"):
        yield from (row["text"] for row in _lines(data / f"chemprot_sentences/{split}.txt"))
    for split in ("train", "test"):
        table = read_bytes(data / f"gad/tsv/{split}.tsv").decode("utf-8")
        yield from (line.split("\t")[1] for line in table.splitlines()[1:])


def _json(path: Path) -> dict[str, dict[str, str]]:
    return json.loads(read_bytes(path))


def _lines(path: Path) -> Iterator[dict[str, str]]:
    return map(json.loads, read_bytes(path).decode("utf-8").splitlines())


def _folded(text: str) -> str:
    return " ".join(text.split())
