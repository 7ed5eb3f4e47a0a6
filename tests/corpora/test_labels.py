from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import BioinstructError, UnknownNameError
from bioinstruct.corpora import hoc
from bioinstruct.corpora.answers import labels

PLAIN = {"Heart": "heart", "Lung": "lung", "Lung and heart": "lung and heart"}


@pytest.mark.parametrize("layout", labels.LAYOUTS)
@given(chosen=st.lists(st.sampled_from(hoc.LABELS)))
def test_what_is_written_is_read_back(layout: str, chosen: list[str]) -> None:
    names = hoc.NAMES[layout]
    text = labels.to_text(layout, chosen, names)
    assert labels.parse(layout, text, names) == tuple(x for x in hoc.LABELS if x in chosen)


def test_the_published_form_of_hallmarks_is_kept() -> None:
    names = hoc.NAMES["medtuned"]
    given_ = ["Avoiding immune destruction", "Activating invasion and metastasis"]
    assert labels.to_text("medtuned", given_, names) == (
        "Activating invasion & metastasis (IM), Avoiding immune destruction (ID)"
    )
    assert labels.to_text("medtuned", [], names) == "None"
    assert labels.to_text("lines", given_, hoc.NAMES["lines"]) == (
        "activating invasion and metastasis\navoiding immune destruction"
    )
    assert labels.to_text("lines", [], hoc.NAMES["lines"]) == "none"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lung.", ("Lung",)),
        ("- lung\n- HEART", ("Heart", "Lung")),
        ("1. lung; 2. heart", ("Heart", "Lung")),
        ("lung, lung", ("Lung",)),
        ("Lung (L)", ("Lung",)),
        ("lung and heart", ("Lung and heart",)),
        ("none", ()),
        ("None.", ()),
        ("", ()),
        ("none, lung", ("Lung",)),
        ("liver, lung", ("Lung", "liver")),
        ("I do not know", ("I do not know",)),
    ],
)
def test_an_answer_is_read_however_it_is_set(text: str, found: tuple[str, ...]) -> None:
    assert labels.parse("lines", text, PLAIN) == found


@given(st.text())
def test_any_answer_can_be_read(text: str) -> None:
    for layout in labels.LAYOUTS:
        labels.parse(layout, text, PLAIN)
    assert labels.parse_one(text, tuple(PLAIN)) in {None, *PLAIN}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Positive", "Positive"),
        ("positive.", "Positive"),
        ("**Positive** because", "Positive"),
        ("Positively", None),
        ("The answer is Positive", "Positive"),
        ("The answer is not Positive", None),
        ("Positive or Negative", None),
        ("No Relations", "No Relations"),
        ("No", "No"),
        ("", None),
    ],
)
def test_one_label_is_what_the_answer_begins_with_or_states(text: str, label: str | None) -> None:
    assert labels.parse_one(text, ("Positive", "Negative", "No", "No Relations")) == label


def test_what_could_not_be_read_back_is_refused() -> None:
    with pytest.raises(BioinstructError, match="'a, b' has a separator"):
        labels.to_text("lines", ["x"], {"x": "a, b"})
    with pytest.raises(UnknownNameError, match="no label named 'Hart'"):
        labels.to_text("lines", ["Hart"], PLAIN)
    with pytest.raises(UnknownNameError, match="no layout named 'csv'"):
        labels.parse("csv", "", PLAIN)
