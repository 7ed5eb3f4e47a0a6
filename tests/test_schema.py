from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bioinstruct import Category, Instruction, Provenance, Teacher
from bioinstruct.schema import content_id
from tests.records import record

TEACHER = {
    "model": "some-model-2023-07-01",
    "prompt": "three-seeds/1",
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": 5,
    "examples": ["0123456789abcdef"],
    "attributes": ["specialty=nephrology"],
}
filled = st.text(min_size=1).filter(lambda text: text.strip() != "")


def refused(changes: dict[str, Any]) -> tuple[str, str]:
    """Field and message of the only thing that is wrong with a record so changed."""
    fields = {**record().row(), **changes}
    del fields["id"]
    with pytest.raises(ValidationError) as caught:
        Instruction.model_validate(changes if "id" in changes else fields)
    (error,) = caught.value.errors()
    return ".".join(str(part) for part in error["loc"]), error["msg"]


def test_the_id_of_a_record_is_the_same_on_every_machine_for_ever() -> None:
    texts = (
        "Name the disease.",
        "Ménière's disease\n\u2028in a 45-year-old 👩‍⚕️",
        "Ménière's disease",
    )
    assert content_id(*texts) == "6185a7716ef61f22"  # by sha256sum, of the three as a JSON array
    assert record(0).id == "69da5866139bd87e"
    code = f"from bioinstruct.schema import content_id; print(content_id(*{texts!r}))"
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == content_id(*texts)


@given(filled, st.text(), filled)
def test_the_id_is_that_of_the_rule_and_round_trips(a: str, b: str, c: str) -> None:
    example = record(instruction=a, input=b, output=c)
    array = json.dumps([a, b, c], ensure_ascii=False).encode()
    assert example.id == hashlib.sha256(array).hexdigest()[:16]
    assert Instruction.model_validate(example.row()) == example
    assert Instruction.model_validate_json(json.dumps(example.row())) == example


@given(st.text(), st.text())
def test_moving_text_from_one_field_to_the_next_makes_another_id(a: str, b: str) -> None:
    assert content_id(a + "x", b, "c") != content_id(a, "x" + b, "c")


def test_what_a_record_is_called_and_where_it_is_from_does_not_change_its_id() -> None:
    other = record(category="QA", task="yes-no", provenance={"origin": "elsewhere"})
    assert other.id == record().id
    assert other != record()


@pytest.mark.parametrize("absent", [{}, {"id": ""}], ids=["left out", "empty"])
def test_an_id_may_be_left_out(absent: dict[str, str]) -> None:
    fields = {name: value for name, value in record().row().items() if name != "id"}
    assert Instruction.model_validate({**fields, **absent}) == record()


def test_the_id_of_other_content_is_refused_and_both_are_named() -> None:
    edited = {**record(0).row(), "output": "mumps"}
    field, message = refused(edited)
    assert field == "id"
    assert record(0).id in message
    assert Instruction.model_validate({**edited, "id": ""}).id in message
    with pytest.raises(ValidationError, match="was edited after it was written"):
        Instruction.model_validate_json(json.dumps(edited))


@pytest.mark.parametrize("id", [None, 12, "69DA5866139BD87E", "69da5866", "x" * 16])
def test_anything_else_is_no_id(id: object) -> None:
    assert refused({**record(0).row(), "id": id})[0] == "id"


def test_there_are_four_categories_and_no_other_spelling() -> None:
    assert [c.value for c in Category] == ["QA", "IE", "GEN", "OTHER"]
    for category in Category:
        assert record(category=category.value).category is category
    for wrong in ("qa", "Q A", "", "other", None, 1):
        assert refused({"category": wrong})[0] == "category"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"label": "x"}, "label"),
        ({"provenance": {**record().row()["provenance"], "url": "x"}}, "provenance.url"),
        (
            {
                "provenance": {
                    **record().row()["provenance"],
                    "kind": "generated",
                    "teacher": {**TEACHER, "max_tokens": 5},
                }
            },
            "provenance.teacher.max_tokens",
        ),
    ],
    ids=["record", "provenance", "teacher"],
)
def test_an_unknown_field_is_refused_at_every_level(changes: dict[str, Any], field: str) -> None:
    assert refused(changes) == (field, "Extra inputs are not permitted")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000\xa0\u2028"])
@pytest.mark.parametrize("field", ["instruction", "output", "task"])
def test_a_text_that_must_be_there_is_not_empty(field: str, text: str) -> None:
    assert refused({field: text})[0] == field


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_input_may_be_empty(text: str) -> None:
    assert record(input=text).input == text
    assert Instruction.model_validate(record(input=text).row()).input == text


@pytest.mark.parametrize("field", ["instruction", "input", "output", "task"])
def test_half_a_character_is_refused_where_it_stands(field: str) -> None:
    assert refused({field: "a\ud800b"})[0] == field


@pytest.mark.parametrize("field", ["origin", "revision", "split", "document"])
def test_half_a_character_is_refused_in_the_provenance_too(field: str) -> None:
    provenance = {**record().row()["provenance"], field: "a\udfff"}
    assert refused({"provenance": provenance})[0] == f"provenance.{field}"


def test_control_characters_are_kept_as_they_are() -> None:
    example = record(input="a\x00b\x1b\x7f\u200b\ufeff", output="\x00")
    assert Instruction.model_validate_json(json.dumps(example.row())) == example


def test_a_generated_record_names_its_teacher_and_no_other_does() -> None:
    base = record().row()["provenance"]
    generated = {**base, "kind": "generated"}
    taught = record(provenance={**generated, "teacher": TEACHER})
    assert taught.provenance.teacher == Teacher(**TEACHER)
    assert refused({"provenance": generated}) == (
        "provenance.teacher",
        "Value error, a generated instruction needs its teacher",
    )
    for kind in ("seed", "compiled"):
        field, message = refused({"provenance": {**base, "kind": kind, "teacher": TEACHER}})
        assert (field, message) == (
            "provenance.teacher",
            "Value error, only a generated instruction has a teacher",
        )
    assert refused({"provenance": {**base, "kind": "stolen"}})[0] == "provenance.kind"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_temperature_is_a_number_that_json_can_hold(value: float) -> None:
    provenance = {**record().row()["provenance"], "kind": "generated"}
    teacher = {**TEACHER, "temperature": value}
    assert refused({"provenance": {**provenance, "teacher": teacher}}) == (
        "provenance.teacher.temperature",
        "Input should be a finite number",
    )


@pytest.mark.parametrize(
    "license",
    ["MIT", "CC-BY-4.0", "GPL-2.0+", "(MIT OR Apache-2.0) AND CC0-1.0", "LicenseRef-terms"],
)
def test_a_licence_is_an_spdx_expression(license: str) -> None:
    made = record(provenance={"license": license}).provenance
    assert made.license == license


WRONG_LICENSES = ["", " ", "MIT ", "MIT\n", "CC BY, 4.0", "MIT  OR X", "©", "anything at all"]
WRONG_LICENSES += ["CC BY 4.0", "OpenRAIL", "MIT OR", "GPL-3.0-only WITH MIT", "CC-BY-4.0 CC0-1.0"]


@pytest.mark.parametrize("license", WRONG_LICENSES)
def test_what_is_no_spdx_expression_is_refused(license: str) -> None:
    provenance = {**record().row()["provenance"], "license": license}
    assert refused({"provenance": provenance})[0] == "provenance.license"


def test_a_record_and_what_it_holds_cannot_be_changed() -> None:
    example = record(provenance={"kind": "generated", "teacher": TEACHER})
    for part, field in (
        (example, "output"),
        (example.provenance, "license"),
        (example.provenance.teacher, "model"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, "other")
    assert len({example, record(provenance={"kind": "generated", "teacher": TEACHER})}) == 1


def test_a_row_has_the_id_first_the_texts_as_they_are_and_nothing_that_is_unset() -> None:
    assert list(record().row()) == [
        "id",
        "instruction",
        "input",
        "output",
        "category",
        "task",
        "provenance",
    ]
    assert record().row()["category"] == "IE"
    assert record().row()["provenance"] == {
        "kind": "compiled",
        "origin": "corpus",
        "license": "CC-BY-4.0",
    }
    taught = record(provenance={"kind": "generated", "teacher": TEACHER})
    assert taught.row()["provenance"]["teacher"] == TEACHER
    assert Instruction.model_validate(taught.row()) == taught


optional = st.none() | filled


@given(
    kind=st.sampled_from(["seed", "generated", "compiled"]),
    texts=st.tuples(optional, optional, optional),
    numbers=st.tuples(st.none() | st.floats(allow_nan=False, allow_infinity=False), st.integers()),
    examples=st.lists(filled, max_size=3),
)
def test_every_provenance_round_trips_through_json(
    kind: Any,
    texts: tuple[str | None, str | None, str | None],
    numbers: tuple[float | None, int],
    examples: list[str],
) -> None:
    teacher = Teacher(
        model="m", prompt="p", temperature=numbers[0], seed=numbers[1], examples=tuple(examples)
    )
    made = Provenance(
        kind=kind,
        origin="o",
        license="MIT",
        revision=texts[0],
        split=texts[1],
        document=texts[2],
        teacher=teacher if kind == "generated" else None,
    )
    example = Instruction(
        instruction="a", output="b", category=Category.QA, task="t", provenance=made
    )
    assert Instruction.model_validate_json(json.dumps(example.row())) == example
