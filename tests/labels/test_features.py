from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.labels.features import features
from tests.records import record

TEXT = st.text(min_size=1, max_size=300).filter(str.strip)


@given(instruction=TEXT, input=st.text(max_size=300), output=TEXT)
def test_every_record_has_features_and_the_same_ones_each_time(
    instruction: str, input: str, output: str
) -> None:
    example = record(instruction=instruction, input=input, output=output)
    found = features(example)
    assert found == features(example)
    assert list(found) == list(features(example))
    assert all(0 < value <= 4 for value in found.values())


def test_neither_category_nor_task_nor_provenance_is_looked_at() -> None:
    one = record()
    other = record(category="GEN", task="letter", provenance={"document": "plain-001"})
    assert features(one) == features(other)


def test_the_verb_of_an_instruction_is_seen_wherever_its_sentence_begins() -> None:
    found = features(record(instruction="Read the note. Extract all drugs."))
    assert {"start read", "start extract", "first read", "has extract"} <= set(found)
    assert "verb extract" not in found


def test_what_an_output_copies_from_its_input_is_seen() -> None:
    lifted = features(record(input="She takes apixaban and metoprolol.", output="apixaban"))
    written = features(record(input="She takes apixaban and metoprolol.", output="Dear Ann"))
    assert "copied all" in lifted
    assert "copied none" in written
    assert "output salutation" in written


def test_a_text_that_stands_in_the_instruction_counts_as_input() -> None:
    found = features(
        record(
            instruction='List the drugs in "on aspirin and digoxin".', input="", output="aspirin"
        )
    )
    assert "tell input quoted" in found
    assert "copied all" in found
    assert "1 aspirin" not in found  # words of the text are not words of the wish


def test_long_texts_cost_no_more_than_their_beginning() -> None:
    short = record(input="a word " * 1000, output="b word " * 1000)
    long = record(input="a word " * 1_000_000, output="b word " * 1_000_000)
    assert features(short) == features(long)
