"""Fitting again gives the same weights, and numpy decides as scikit-learn does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bioinstruct import jsonl
from bioinstruct.labels.offline import from_row
from bioinstruct.text import normalize

pytest.importorskip("sklearn")

from benchmarks import fit_labels

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def rows() -> list[fit_labels.Row]:
    return list(fit_labels.written(fit_labels.WRITTEN / "longer.txt"))


def test_a_fit_is_reproducible_to_the_byte(rows: list[fit_labels.Row], tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        fit_labels.write(tmp_path / name, fit_labels.fit(rows))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    read = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert read == fit_labels.fit(rows)


def test_numpy_decides_as_scikit_learn_does(rows: list[fit_labels.Row]) -> None:
    from sklearn.linear_model import LogisticRegression

    model, names = fit_labels.estimator(
        rows, LogisticRegression(C=fit_labels.STRENGTH, max_iter=5000, tol=1e-6)
    )
    theirs = model.predict_proba(fit_labels.matrix(rows, names))
    written = from_row(fit_labels.fit(rows))
    ours = np.array([written.probabilities(row.found) for row in rows])
    assert list(written.categories) == list(model.classes_)
    assert np.abs(ours - theirs).max() < 5e-3  # weights are written with four decimals
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).all()


def test_the_records_of_a_block_stay_together(rows: list[fit_labels.Row]) -> None:
    by_input = {row.example.input: row.group for row in rows if row.example.input}
    assert all(by_input[row.example.input] == row.group for row in rows if row.example.input)
    assert len({row.group for row in rows}) > 20


def test_what_is_fitted_on_is_not_what_is_tested_on() -> None:
    tested = list(jsonl.read(fit_labels.TEST))
    fitted = [row.example for row in fit_labels.own_rows()]
    for field in ("instruction", "input"):
        test = {normalize(getattr(example, field)) for example in tested} - {""}
        assert test & {normalize(getattr(example, field)) for example in fitted} == set()


def test_temperature_undoes_boasting() -> None:
    shares = np.array([[0.98, 0.01, 0.005, 0.005]] * 10)
    truth = ["GEN"] * 7 + ["IE"] * 3
    assert fit_labels.temperature_of(shares, truth) > 1.5
    assert fit_labels.temperature_of(shares, ["GEN"] * 10) < 1


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    pairs = [("QA", "QA"), ("IE", "QA"), ("IE", "IE"), ("GEN", "GEN"), ("OTHER", "GEN")] * 3
    truth, labels = zip(*pairs, strict=True)
    found = fit_labels.scored(pairs)
    assert found["macro_f1"] == pytest.approx(
        f1_score(truth, labels, average="macro", zero_division=0), abs=1e-4
    )
    assert found["interval"][0] < found["accuracy"] == 0.6 < found["interval"][1]


def test_results_are_of_the_shipped_weights() -> None:
    report = json.loads(fit_labels.RESULTS.read_text(encoding="utf-8"))
    row = json.loads(fit_labels.WEIGHTS.read_text(encoding="utf-8"))
    assert report["features"] == len(row["features"])
    assert report["temperature"] == row["temperature"]
    assert not any(
        "-NC" in name or "GPL" in name or "-SA" in name for name in report["records"]["licenses"]
    )
