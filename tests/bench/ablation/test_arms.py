"""Which records each arm has: exact sets, equal sizes, the same on every machine."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from bioinstruct import BioinstructError, Instruction, UnknownNameError
from bioinstruct.bench.ablation.arms import Arm, Design, make_arms
from tests.records import record, records

COUNTS = {"QA": 9, "IE": 5, "GEN": 6}


def mixed(**counts: int) -> list[Instruction]:
    """Records of each category, the categories by turns."""
    found = [
        record(1_000 * place + n, category=category)
        for place, (category, count) in enumerate((counts or COUNTS).items())
        for n in range(count)
    ]
    return sorted(found, key=lambda example: example.id)


def of_sources(**tasks: str) -> list[Instruction]:
    """Five records of each source, in its task and category: `gad="relation IE"`."""
    found = []
    for place, (origin, about) in enumerate(tasks.items()):
        task, category = about.split()
        source = {"origin": origin.replace("_", "-")}
        found += [
            record(1_000 * place + n, task=task, category=category, provenance=source)
            for n in range(5)
        ]
    return found


def ids(arm: Arm) -> list[str]:
    return [example.id for example in arm.examples]


def named(arms: list[Arm], size: str) -> dict[str, Arm]:
    return {arm.name: arm for arm in arms if size in arm.sizes}


def test_natural_arms_have_every_record_of_their_categories_in_their_order() -> None:
    examples = mixed()
    arms = named(make_arms(examples, Design()), "natural")
    expected = {"QA": "QA", "IE": "IE", "GEN": "GEN", "all": "QA IE GEN"}
    expected |= {"+".join(pair): " ".join(pair) for pair in combinations(COUNTS, 2)}
    assert arms.keys() == expected.keys()  # all without one is a pair
    for name, categories in expected.items():
        kept = [e.id for e in examples if e.category in categories.split()]
        assert ids(arms[name]) == kept


def test_matched_arms_have_as_many_records_as_the_smallest_part_in_equal_shares() -> None:
    arms = named(make_arms(mixed(), Design()), "matched")
    assert {len(arm.examples) for arm in arms.values()} == {5}
    for arm in arms.values():
        shares = [sum(e.category == part for e in arm.examples) for part in arm.parts]
        assert sum(shares) == 5
        assert max(shares) - min(shares) <= 1
    assert set(ids(arms["QA+IE"])) - set(ids(arms["IE"])) <= set(ids(arms["QA"]))


def test_one_arm_serves_both_sizes_where_its_records_are_the_same() -> None:
    arms = make_arms(mixed(), Design())
    assert [arm.name for arm in arms if len(arm.sizes) == 2] == ["IE"]
    assert len(arms) == len({arm.digest for arm in arms}) == 13
    assert len({arm.folder for arm in arms}) == 13


def test_other_records_are_in_the_whole_and_are_left_out_of_it_but_are_no_arm() -> None:
    arms = named(make_arms(mixed(QA=4, IE=4, GEN=4, OTHER=4), Design()), "natural")
    assert "OTHER" not in arms
    assert len(arms["all"].examples) == 16
    assert set(arms["without OTHER"].parts) == {"QA", "IE", "GEN"}
    assert set(arms["without QA"].parts) == {"IE", "GEN", "OTHER"}


def test_the_arms_follow_from_records_and_seed() -> None:
    first, again = (make_arms(mixed(), Design()) for _ in range(2))
    other = make_arms(mixed(), Design(seed=1))
    assert [arm.digest for arm in first] == [arm.digest for arm in again]
    one, two = (named(arms, "matched")["QA"] for arms in (first, other))
    assert ids(one) != ids(two)


def test_a_size_curve_has_shares_each_among_the_next() -> None:
    examples = records(200)
    arms = make_arms(examples, Design(by="size"))
    assert {arm.name: len(arm.examples) for arm in arms} == {
        **{"1%": 2, "3%": 6, "10%": 20, "30%": 60, "100%": 200},
    }
    for small, large in pairwise(arms):
        assert set(ids(small)) < set(ids(large))
    assert ids(arms[-1]) == [example.id for example in examples]
    assert arms[0].folder == "1-percent"
    few = make_arms(records(3), Design(by="size"))
    assert [(arm.name, len(arm.examples)) for arm in few] == [("1%", 1), ("100%", 3)]


def test_the_stages_of_medtuned_are_arms_of_sources() -> None:
    examples = of_sources(
        ncbi_disease="ner-disease IE", gad="relation IE", hoc="hallmarks OTHER", talk="chat QA"
    )
    arms = named(make_arms(examples, Design(by="sources")), "natural")
    assert arms["ncbi-disease"].parts == ("ncbi-disease",)  # of the same records as `ner only`
    assert arms["ner+extraction-classification"].parts == ("ncbi-disease", "gad", "hoc")
    assert "without talk" not in arms  # that is the stage
    assert len(arms["all"].examples) == 20
    assert len(arms["without gad"].examples) == 15
    both = of_sources(ncbi_disease="ner-disease IE", bc2gm="ner-gene IE", talk="chat QA")
    assert named(make_arms(both, Design(by="sources")), "natural")["ner only"].parts == (
        *("ncbi-disease", "bc2gm"),
    )


def test_names_of_sources_that_are_no_names_of_folders_stay_apart() -> None:
    examples = [
        record(n, provenance={"origin": origin})
        for n, origin in enumerate(["../a", "a/", "a b", "a:b", "ä"])
    ]
    folders = [arm.folder for arm in make_arms(examples, Design(by="sources"))]
    assert len(set(folders)) == len(folders)
    assert not any("/" in folder or folder.startswith(".") for folder in folders)


def test_arms_and_sizes_are_chosen_by_name() -> None:
    chosen = make_arms(mixed(), Design(sizes="matched", arms=("IE", "all")))
    assert [(arm.name, arm.sizes) for arm in chosen] == [
        ("IE", ("natural", "matched")),
        ("all", ("matched",)),
    ]


@pytest.mark.parametrize(
    ("design", "message"),
    [
        ({"by": "topics"}, "no ablation named 'topics'"),
        ({"sizes": "same"}, "no sizes named 'same'"),
        ({"arms": ("QA+QA",)}, r"no arm named 'QA\+QA'"),
        ({"repeats": 0}, "repeats=0"),
    ],
)
def test_a_wrong_design_is_named(design: dict[str, object], message: str) -> None:
    with pytest.raises(BioinstructError, match=message):
        make_arms(mixed(), Design(**design))  # type: ignore[arg-type]


def test_one_part_is_no_ablation() -> None:
    with pytest.raises(BioinstructError, match="the 4 records are of QA"):
        make_arms(mixed(QA=4), Design())
    with pytest.raises(BioinstructError, match="records are of corpus"):
        make_arms(mixed(), Design(by="sources"))
    with pytest.raises(UnknownNameError):
        make_arms(mixed(QA=4, IE=4), Design(arms=("GEN",)))
