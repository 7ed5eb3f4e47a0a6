"""Computed records: the same bytes for a seed, wordings of the splits apart, and their answers."""

from __future__ import annotations

import ast
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

import bioinstruct as bi
from bioinstruct.cli.main import main
from bioinstruct.errors import BioinstructError, DataError, UnknownNameError
from bioinstruct.filters.near_duplicates import NearDuplicates
from bioinstruct.synthesis import second
from bioinstruct.synthesis.catalogue import KINDS
from bioinstruct.synthesis.frames import frame_count, frames
from bioinstruct.synthesis.make import VERSION, synthesize
from bioinstruct.synthesis.verify import check, verify

RECORDS = 20 * len(KINDS)


@pytest.fixture(scope="module", params=["train", "test"])
def made(request: pytest.FixtureRequest) -> list[bi.Instruction]:
    return list(synthesize(RECORDS, seed=11, split=request.param))


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["synthesize", *args])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_there_are_kinds_of_every_family_with_a_source() -> None:
    assert len(KINDS) >= 40
    assert {kind.category.value for kind in KINDS.values()} == {"QA", "IE", "GEN"}
    assert KINDS.keys() == second.ANSWERS.keys()
    assert all(kind.source and kind.space > 1000 for kind in KINDS.values())


def test_the_second_implementation_confirms_every_record(made: list[bi.Instruction]) -> None:
    assert [found for record in made if (found := check(record))] == []


def test_kinds_have_equal_shares_and_no_record_repeats(made: list[bi.Instruction]) -> None:
    assert set(Counter(record.task for record in made).values()) == {20}
    assert len({record.id for record in made}) == len(made)


def test_few_records_are_near_duplicates(made: list[bi.Instruction]) -> None:
    texts = (f"{record.instruction}\n{record.input}" for record in made)
    near = [found for found in NearDuplicates(0.9).offer_all(texts) if found]
    assert len(near) < len(made) / 100


def test_records_say_what_they_are(made: list[bi.Instruction]) -> None:
    for record in made:
        source = record.provenance
        assert (source.kind, source.license) == ("computed", "CC0-1.0")
        assert source.revision == "generator 1, seed 11"
        assert (source.document or "").startswith(f"{record.task} ")
        assert (source.document or "").endswith(f": {KINDS[record.task].source}")


def test_missing_values_and_strays_occur(made: list[bi.Instruction]) -> None:
    lacking = [record for record in made if "missing" in record.output]
    assert len(lacking) > len(made) / 40
    assert sum("bed " in record.input or "ago" in record.input for record in made) > 20


def test_a_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert run("--count", "150", "--seed", seed, "--out", str(tmp_path / name)) == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert not {line[:25] for line in a.splitlines()} & {line[:25] for line in c.splitlines()}
    assert [record.row() for record in bi.synthesize(150, seed=3)] == [
        json.loads(line) for line in a.splitlines()
    ]


def test_the_records_of_a_kind_do_not_depend_on_other_kinds() -> None:
    alone = list(synthesize(5, seed=2, kinds=["apgar"]))
    among = [r for r in synthesize(10, seed=2, kinds=["qsofa", "apgar"]) if r.task == "apgar"]
    assert alone == among


def test_frames_of_the_splits_share_no_part() -> None:
    def parts(value: object, split: str) -> set[str]:
        if isinstance(value, dict):
            if split in value:
                return set(value[split])
            return set().union(*(parts(one, split) for one in value.values()))
        return set()

    known = {name: value for name, value in frames().items() if name != "closings"}
    assert not parts(known, "train") & parts(known, "test")
    layouts = {"train": set[str](), "test": set[str]()}
    for layout in frames()["layouts"]:
        layouts[layout["split"]].add(f"{layout['number']} {layout['join']!r} {layout.get('lead')}")
    assert not layouts["train"] & layouts["test"]
    for split in ("train", "test"):  # at least 60 frames for each family
        for group in frames()["openings"]:
            assert frame_count(split, group) >= 60 or group == "sequence"
        fewest = min(len(one[split]) for one in frames()["openings"].values())
        for family in {kind.family for kind in KINDS.values()}:
            tasks = [
                frames()["do"][k.name]
                for k in KINDS.values()
                if k.name in frames()["do"] and k.family == family
            ]
            counted = sum(len(one[split]) for one in tasks) * len(frames()["tasks"][split]) * fewest
            assert counted >= 60 or not tasks or family == "units"


def test_the_second_implementation_imports_nothing_of_the_first() -> None:
    for path in Path(second.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bioinstruct"):
                assert (node.module or "").startswith("bioinstruct.synthesis.second")


# ---- published examples


def answer(kind: str, text: str) -> str:
    return second.ANSWERS[kind]("", text)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        # Kidney foundation's calculator: a woman of 60 years with 1.0 mg/dL has 64.
        ("egfr-ckd-epi-2021", "age 60 years, sex female, Cr 1.0 mg/dL", "64 mL/min/1.73 m²"),
        ("egfr-ckd-epi-2021", "age 50 years, sex male, Cr 1.0 mg/dL", "92 mL/min/1.73 m²"),
        ("winters-formula", "HCO3 12 mmol/L", "24.0 to 28.0 mmHg"),
        ("qtc-bazett", "QT 400 ms, HR 60 /min", "400 ms"),
        ("body-surface-mosteller", "height 180 cm, weight 80 kg", "2.00 m²"),
        ("due-date", "LMP 1 March 2023, cycle 28 days", "2023-12-06"),
        ("gestational-age", "LMP 2024-02-28, visit on 2024-03-06", "1 weeks 0 days"),
        # Bland and Altman, BMJ 2000;320:1468: eczema and hay fever, odds ratio 4.89 (4.00 to 5.99).
        (
            "odds-ratio",
            "exposed cases 141, unexposed cases 420, exposed controls 928, "
            "unexposed controls 13525",
            "4.89 (95% CI 4.00 to 5.99)",
        ),
        ("number-needed-to-treat", "", "Cannot be computed: events in the treatment group, "
         "patients in the treatment group, events in the control group and patients in the control "
         "group are missing."),
    ],
)  # fmt: skip
def test_published_values(kind: str, text: str, expected: str) -> None:
    assert answer(kind, text) == expected


# ---- bad input


def test_unknown_kinds_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="apgar"):
        synthesize(5, kinds=["apgr"])
    with pytest.raises(UnknownNameError):
        synthesize(5, split="dev")


def test_more_than_a_kind_gives_is_refused_before_writing(tmp_path: Path) -> None:
    out = tmp_path / "made.jsonl"
    kind = min(KINDS.values(), key=lambda one: one.space)
    assert run("--count", str(kind.space + 1), "--kinds", kind.name, "--out", str(out)) == 1
    assert not out.exists()
    with pytest.raises(BioinstructError, match="without repeats"):
        synthesize(kind.space + 1, kinds=[kind.name])


def test_verify_names_a_changed_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made.jsonl"
    records = list(synthesize(60, seed=5))
    bi.write(path, records)
    assert run("--verify", str(path)) == 0
    wrong = bi.Instruction(**{**records[7].row(), "id": "", "output": "17.3 points"})
    bi.write(path, [*records[:7], wrong, *records[8:]])
    capsys.readouterr()
    assert run("--verify", str(path)) == 1
    printed = capsys.readouterr()
    assert "record 8 " in printed.out
    assert "'17.3 points'" in printed.out
    assert "59 confirmed, 1 disagreements" in printed.err


def test_verify_refuses_other_versions_and_other_records() -> None:
    record = next(iter(synthesize(1)))
    other = record.provenance.model_copy(update={"revision": "generator 0, seed 1"})
    with pytest.raises(DataError, match="generator 0"):
        list(verify([record.model_copy(update={"provenance": other})]))
    with pytest.raises(DataError, match="not a computed record"):
        list(verify(bi.load_seeds()))


def test_the_bytes_change_only_with_the_version() -> None:
    """Whoever changes a wording or a formula raises VERSION in synthesis/make.py."""
    text = "".join(record.model_dump_json() for record in bi.synthesize(500, seed=11))
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert (VERSION, digest) == ("1", "16060f8c2f700936")
