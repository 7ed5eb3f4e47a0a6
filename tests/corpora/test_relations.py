from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bioinstruct import UnknownNameError
from bioinstruct.corpora.answers.relations import Mention, to_input

TEXT = "alcohol potentiates  warfarin, and alcohol\r\nis a drug"
ROLES = ("First drug", "Second drug")


def drug(name: str, start: int) -> Mention:
    return Mention(name, ((start, start + len(name)),), "DRUG")


def test_masks_stand_for_the_concepts_in_either_order() -> None:
    pair = drug("alcohol", 35), drug("warfarin", 21)
    masked = "alcohol potentiates @DRUG$, and @DRUG$ is a drug"
    assert to_input("medtuned", TEXT, *pair, roles=ROLES) == masked
    assert to_input("medtuned", TEXT, *reversed(pair), roles=ROLES) == masked


def test_names_are_given_below_the_text_and_a_repeated_one_is_numbered() -> None:
    assert to_input("named", TEXT, drug("alcohol", 35), drug("warfarin", 21), roles=ROLES) == (
        "alcohol potentiates warfarin, and alcohol is a drug\n\n"
        "First drug: alcohol #2\nSecond drug: warfarin"
    )


def test_two_concepts_that_share_characters_become_one_mask() -> None:
    text = "the breast cancer patients"
    cancer = Mention("breast cancer", ((4, 17),), "DISEASE")
    organ = Mention("breast", ((4, 10),), "ORGAN")
    assert to_input("medtuned", text, cancer, organ, roles=ROLES) == "the @DISEASE-ORGAN$ patients"


def test_the_first_part_stands_for_a_concept_with_a_gap() -> None:
    text = "mu- and delta-selective opioids"
    mu = Mention("mu-selective opioids", ((0, 3), (14, 31)), "DRUG")
    delta = Mention("delta-selective opioids", ((8, 31),), "DRUG")
    assert to_input("medtuned", text, mu, delta, roles=ROLES) == "@DRUG$ and @DRUG$"
    assert to_input("named", text, mu, delta, roles=ROLES).endswith(
        "First drug: mu-selective opioids\nSecond drug: delta-selective opioids"
    )


@given(st.text("ab c", min_size=4), st.data())
def test_masking_changes_nothing_but_the_concepts(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), min_size=4, max_size=4)))
    a, b, c, d = cuts
    assume(text[a:b].strip() and text[c:d].strip())
    pair = drug(text[a:b], a), drug(text[c:d], c)
    assert to_input("medtuned", text, *pair, roles=ROLES) == " ".join(
        f"{text[:a]}@DRUG${text[b:c]}@DRUG${text[d:]}".split()
    )


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="no layout named 'masked'"):
        to_input("masked", TEXT, drug("alcohol", 0), drug("warfarin", 21), roles=ROLES)
