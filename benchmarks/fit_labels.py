"""Fit the offline classifier of `bioinstruct label`, and measure it on what it was not fitted on.

    python benchmarks/fit_labels.py --data DIR --write      # fit, cross-validate, write the weights
    python benchmarks/fit_labels.py --test                  # score the written weights

Fitted on: the records written for it (benchmarks/labels), the 80 seeds, and of each corpus that is
there and under an open licence up to 40 records a task, which weigh as much as four together, since
a corpus has few wordings. Corpora under other licences are only scored. The same files and the same
version of scikit-learn give the same weights. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bioinstruct import corpora, jsonl
from bioinstruct.errors import MissingError
from bioinstruct.labels.features import features
from bioinstruct.labels.offline import VERSION, Classifier, classifier, from_row
from bioinstruct.schema import Instruction
from bioinstruct.seeds import load_seeds

FOLDER = Path(__file__).parent
WRITTEN = FOLDER / "labels"
WEIGHTS = FOLDER.parent / "src" / "bioinstruct" / "data" / "labels" / "weights.json"
RESULTS = FOLDER / "results" / "labels.json"
TEST = FOLDER.parent / "tests" / "data" / "labelled.jsonl"

OPEN = ("NCBI-PD", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0", "MIT", "Apache-2.0",
        "LicenseRef-Public-Domain-Mark-1.0", "LicenseRef-US-public-domain")  # fmt: skip
PUBLISHED = {"QA": 0.228, "IE": 0.338, "GEN": 0.335, "OTHER": 0.100}
"""Shares of the published set: the prior of the classifier."""
CATEGORIES = sorted(PUBLISHED)
RECORDS, WEIGHT, READ = 40, 4.0, 4000  # of one task of one corpus
FOLDS, STRENGTH, GROUPS = 10, 0.5, 2
CORPORA = (
    "anatem", "bc5cdr", "bc5cdr-chemical", "bc5cdr-disease", "bc5cdr-relations", "biosses",
    "chatdoctor-diseases", "chemprot", "ddi2013", "ddi2013-drugs", "demo", "gad", "genmedgpt",
    "healthfc", "hoc", "hoc-documents", "medquad", "meqsum", "mmlu-medical", "mts-dialog",
    "ncbi-disease", "openstax-nursing", "pmc-trials", "primock57", "pubmedqa", "rqe",
    "wikidoc-patient",
)  # fmt: skip


class Row(NamedTuple):
    """A record to fit on or to score."""

    group: str
    """What stays together: records of one block, or of one kind of corpus."""
    source: str
    example: Instruction
    found: dict[str, float]
    weight: float = 1.0

    @property
    def category(self) -> str:
        return self.example.category.value


def written(path: Path) -> Iterator[Row]:
    """Records of a file in benchmarks/labels; its first lines say how it is laid out."""
    block, input = 0, ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("="):
            block, input = number, line[1:].strip().replace("\\n", "\n")
        elif line.strip() and not line.startswith("#"):
            category, instruction, output = line.split(" | ", 2)
            example = Instruction.model_validate(
                {
                    "instruction": instruction,
                    "input": input,
                    "output": output.replace("\\n", "\n"),
                    "category": category,
                    "task": "label-development",
                    "provenance": {"kind": "seed", "origin": path.stem, "license": "CC-BY-4.0"},
                }
            )
            # Without a text in common there is nothing to keep together but neighbours.
            group = block if input else f"{block}.{(number - block) // 8}"
            yield Row(f"{path.stem} {group}", path.stem, example, features(example))


def own_rows() -> list[Row]:
    """What was written for the fit, and the seeds."""
    rows = [row for path in sorted(WRITTEN.glob("*.txt")) for row in written(path)]
    seeds = [Row(f"seed {s.id}", "seeds", s, features(s)) for s in load_seeds()]
    return rows + seeds


def corpus_rows(data: Path | None) -> tuple[list[Row], list[str]]:
    """A sample of each task of each corpus that is there, and the names of those that are not."""
    rows, missing = [], []
    for name in CORPORA:
        corpus = corpora.get_corpus(name)
        split = "train" if "train" in corpus.splits else corpus.splits[0]
        try:
            found = list(islice(corpora.read(name, split, data=data, rejected=[]), READ))
        except MissingError:
            missing.append(name)
            continue
        tasks = defaultdict(list)
        for example in found:
            tasks[example.task].append(example)
        for task, examples in tasks.items():
            sample = random.Random(name).sample(examples, min(RECORDS, len(examples)))
            rows += [
                Row(kind(name, task), name, e, features(e), WEIGHT / len(sample)) for e in sample
            ]
    return rows, missing


def kind(name: str, task: str) -> str:
    """Corpora that share wordings are one: to leave one out and not the other shows nothing."""
    start = task.split("-")[0]
    return start if start in {"ner", "relation", "hallmarks"} else name


def is_open(row: Row) -> bool:
    return row.example.provenance.license in OPEN


def fit(rows: Sequence[Row], *, temperature: float = 1.0) -> dict[str, Any]:
    """Weights as they are written: rounded, by name."""
    from sklearn.linear_model import LogisticRegression

    model, names = estimator(rows, LogisticRegression(C=STRENGTH, max_iter=5000, tol=1e-6))
    return {
        "version": VERSION,
        "categories": list(model.classes_),
        "temperature": round(temperature, 3),
        "bias": [round(float(value), 4) for value in model.intercept_],
        "features": {
            name: [round(float(value), 4) for value in column]
            for name, column in zip(names, model.coef_.T, strict=True)
        },
    }


def estimator(rows: Sequence[Row], model: Any) -> tuple[Any, list[str]]:
    """The model of scikit-learn, fitted, and the names of its columns."""
    groups = defaultdict(set)
    for row in rows:
        for name in row.found:
            groups[name].add(row.group)
    names = sorted(name for name, seen in groups.items() if len(seen) >= GROUPS)
    total = Counter[str]()
    for row in rows:
        total[row.category] += row.weight
    everything = sum(total.values())
    weights = [
        row.weight * PUBLISHED[row.category] * everything / total[row.category] for row in rows
    ]
    labels = [row.category for row in rows]
    return model.fit(matrix(rows, names), labels, sample_weight=weights), names


def matrix(rows: Sequence[Row], names: Sequence[str]) -> Any:
    """A sparse matrix with a row for each record and a column for each name."""
    from scipy.sparse import csr_matrix

    index = {name: place for place, name in enumerate(names)}
    cells = [
        (number, index[name], value)
        for number, row in enumerate(rows)
        for name, value in row.found.items()
        if name in index
    ]
    lines, columns, values = zip(*cells, strict=True)
    return csr_matrix((values, (lines, columns)), shape=(len(rows), len(names)))


def out_of_fold(own: Sequence[Row], extra: Sequence[Row]) -> np.ndarray:
    """Probabilities of our own records by models that did not see their block."""
    groups = sorted({row.group for row in own})
    random.Random(0).shuffle(groups)
    fold = {group: place % FOLDS for place, group in enumerate(groups)}
    found = np.zeros((len(own), len(CATEGORIES)))
    for number in range(FOLDS):
        model = from_row(fit([*(r for r in own if fold[r.group] != number), *extra]))
        for place, row in enumerate(own):
            if fold[row.group] == number:
                found[place] = model.probabilities(row.found)
    return found


def temperature_of(found: np.ndarray, truth: Sequence[str]) -> float:
    """The divisor of scores under which the probabilities of the truth are the highest."""
    places = [CATEGORIES.index(label) for label in truth]
    scores = np.log(np.maximum(found, 1e-12))

    def loss(t: float) -> float:
        raised = np.exp(scores / t)
        shares = raised / raised.sum(axis=1, keepdims=True)
        return float(-np.log(shares[np.arange(len(places)), places]).mean())

    return min((round(0.5 + 0.05 * step, 2) for step in range(60)), key=loss)


def scored(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Accuracy, its 95 % bootstrap interval, macro-F1 and the confusions of (truth, label)."""
    right = np.array([truth == label for truth, label in pairs], dtype=float)
    draws = np.random.default_rng(0).integers(len(pairs), size=(10_000, len(pairs)))
    low, high = np.quantile(right[draws].mean(axis=1), [0.025, 0.975])
    return {
        "n": len(pairs),
        "correct": int(right.sum()),
        "accuracy": round(float(right.mean()), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "macro_f1": round(macro_f1(pairs), 4),
        "confusion": {f"{t}>{p}": c for (t, p), c in sorted(Counter(pairs).items())},
    }


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """Over the categories that occur as truth or as label."""
    values = []
    for name in CATEGORIES:
        both = sum(truth == label == name for truth, label in pairs)
        either = sum((truth == name) + (label == name) for truth, label in pairs)
        if either:
            values.append(2 * both / either)
    return sum(values) / len(values)


def held_out(own: Sequence[Row], corpus: Sequence[Row]) -> dict[str, Any]:
    """Each kind of corpus scored by a model that was fitted without it."""
    pairs, table = [], {}
    fitted = [row for row in corpus if is_open(row)]
    for group in sorted({row.group for row in corpus}):
        model = from_row(fit([*own, *(row for row in fitted if row.group != group)]))
        rows = [row for row in corpus if row.group == group]
        for row in rows:
            label = CATEGORIES[int(model.probabilities(row.found).argmax())]
            pairs.append((row.category, label))
            name = f"{row.source} {row.example.task}"
            table.setdefault(name, Counter())[label] += 1
            table[name]["of " + row.category] += 1
    return scored(pairs) | {"tasks": {name: dict(count) for name, count in sorted(table.items())}}


def by_confidence(model: Classifier, rows: Sequence[Instruction]) -> list[dict[str, Any]]:
    """How many are right in each band of confidence."""
    verdicts = [(model(example), example.category) for example in rows]
    table = []
    for low, high in ((0.0, 0.6), (0.6, 0.9), (0.9, 1.01)):
        inside = [(v, truth) for v, truth in verdicts if low <= v.confidence < high]
        right = sum(v.category == truth for v, truth in inside)
        mean = sum(v.confidence for v, _ in inside) / max(1, len(inside))
        row = {"from": low, "n": len(inside), "correct": right, "mean_confidence": round(mean, 3)}
        table.append(row)
    return table


def measure_test(path: Path = TEST) -> dict[str, Any]:
    """The written weights on the hand-labelled records."""
    model = classifier()
    examples = list(jsonl.read(path))
    report = {}
    for part in ("all", "plain", "borderline"):
        chosen = [e for e in examples if part in {"all", str(e.provenance.document).split("-")[0]}]
        report[part] = scored([(e.category.value, model(e).category.value) for e in chosen])
    return report | {"confidence": by_confidence(model, examples)}


def fit_and_measure(data: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The weights, and what is known of them without the test set."""
    own, (corpus, missing) = own_rows(), corpus_rows(data)
    extra = [row for row in corpus if is_open(row)]
    found = out_of_fold(own, extra)
    truth = [row.category for row in own]
    temperature = temperature_of(found, truth)
    row = fit([*own, *extra], temperature=temperature)
    labels = [CATEGORIES[int(place)] for place in found.argmax(axis=1)]
    by_source = defaultdict(list)
    for record, label in zip(own, labels, strict=True):
        by_source[record.source].append((record.category, label))
    report = {
        "version": VERSION,
        "features": len(row["features"]),
        "temperature": temperature,
        "records": {
            "own": dict(Counter(r.source for r in own)),
            "corpora": dict(Counter(r.source for r in extra)),
            "only_scored": sorted({r.source for r in corpus} - {r.source for r in extra}),
            "missing": missing,
            "licenses": sorted({r.example.provenance.license for r in extra}),
        },
        "cross_validation": scored(list(zip(truth, labels, strict=True))),
        "cross_validation_by_source": {n: scored(pairs) for n, pairs in by_source.items()},
        "held_out_corpora": held_out(own, corpus),
    }
    return row, report


def write(path: Path, row: dict[str, Any]) -> None:
    """One feature a line, so that a change can be read."""
    head = {name: value for name, value in row.items() if name != "features"}
    lines = [f"{json.dumps(n)}: {json.dumps(v)}" for n, v in row["features"].items()]
    text = json.dumps(head)[:-1] + ', "features": {\n' + ",\n".join(lines) + "\n}}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder of the corpora")
    parser.add_argument("--write", action="store_true", help="write the weights and the results")
    parser.add_argument("--test", action="store_true", help="score the written weights")
    args = parser.parse_args()
    if args.test:
        report = json.loads(RESULTS.read_text(encoding="utf-8")) | {"test": measure_test()}
    else:
        row, report = fit_and_measure(args.data)
        if args.write:
            write(WEIGHTS, row)
    if args.write or args.test:
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
