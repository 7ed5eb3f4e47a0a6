from __future__ import annotations

import itertools
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import MissingError, load_seeds
from bioinstruct.analysis.sunburst import arcs, svg
from bioinstruct.analysis.verbs import OpeningCounter, Openings, opening_words, parsed_by


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("List the diseases that the sentence mentions, one a line.", ("list", "disease")),
        ("Copy out the chemical names of this sentence.", ("copy", "name")),
        ("Please summarize the following consumer question.", ("summarise", "question")),
        ("From the abstract, extract every trial number.", ("extract", "number")),
        ("Using AJCC rules, abstract this pathology report. Fill it in.", ("abstract", "report")),
        ("Give the most specific ICD-10-CM code for each line.", ("give", "code")),
        ("Rank five diagnoses to consider.", ("rank", "diagnosis")),
        ("Give me an example.", ("give", "example")),
        ("Decide whether the answer is yes or no.", ("decide", "")),
        ("Respond to this question.", ("respond", "")),
        ("What are the symptoms of Wilson disease?", ("", "")),
        ("Which diseases are named here? List them.", ("", "")),
        ("You are a nurse. Write a plan.", ("", "")),
        ("", ("", "")),
        ("...", ("", "")),
        ("请列出疾病", ("", "")),
        ("list", ("list", "")),
    ],
)
def test_the_opening_words_are_an_imperative_and_its_noun(
    instruction: str, expected: tuple[str, str]
) -> None:
    assert opening_words(instruction) == expected


@given(st.text(max_size=80))
def test_any_text_has_opening_words_or_none(text: str) -> None:
    verb, thing = opening_words(text)
    assert verb or not thing


def test_most_seeds_open_with_a_verb() -> None:
    found = [opening_words(seed.instruction) for seed in load_seeds()]
    assert sum(bool(verb) for verb, _ in found) >= 70


def counted(*pairs: tuple[str, str]) -> Openings:
    counter = OpeningCounter(lambda text: tuple(text.split("|")), "a test")  # type: ignore[arg-type,return-value]
    for verb, thing in pairs:
        counter.add(f"{verb}|{thing}")
    return counter.result()


def test_the_top_twenty_verbs_have_their_top_four_objects() -> None:
    pairs = [(f"v{v:02d}", f"o{o}") for v in range(25) for o in range(6) for _ in range(v + o + 1)]
    found = counted(*pairs, ("v99", ""), ("", ""))
    assert list(found.verbs) == [f"v{v:02d}" for v in range(24, 4, -1)]
    assert found.objects["v24"] == {"o5": 30, "o4": 29, "o3": 28, "o2": 27}
    assert (found.without_verb, found.without_object) == (1, 1)
    assert found.examples == len(pairs) + 2
    assert found.shown == sum(sum(c.values()) for c in found.objects.values())


def test_arcs_fill_the_circle_and_objects_lie_on_their_verb() -> None:
    found = arcs(counted(("list", "gene"), ("list", "gene"), ("list", "drug"), ("write", "note")))
    verbs = [arc for arc in found if not arc.parent]
    things = [arc for arc in found if arc.parent]
    for ring in (verbs, things):
        assert ring[0].start == 0
        assert ring[-1].end == pytest.approx(1)
        assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(ring))
    of = {arc.label: arc for arc in verbs}
    for thing in things:
        parent = of[thing.parent]
        assert parent.start - 1e-9 <= thing.start < thing.end <= parent.end + 1e-9
        assert thing.end - thing.start == pytest.approx(thing.count / 4)


def test_a_single_arc_is_still_drawn_and_text_cannot_break_the_picture() -> None:
    picture = svg(counted(("list", "<b>&\"'")))
    assert "<b>" not in picture
    assert "&lt;b&gt;&amp;" in picture
    ends = [part.split("A")[0] for part in picture.split('d="M')[1:]]
    assert len(ends) == 2
    radius = 360.0
    start = [float(x) for x in ends[1].split()]
    assert math.dist(start, (360, 360)) == pytest.approx(radius, abs=0.2)


def test_a_parse_without_spacy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(MissingError) as caught:
        parsed_by("en_core_web_sm")
    assert "bioinstruct[parse]" in caught.value.hint


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_pipeline_of_spacy_gives_root_verb_and_direct_object(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.training import Example

    # A pipeline trained on three sentences: what is tested is the road, not the parser.
    rows = {
        "List the diseases .": (
            [0, 2, 0, 0],
            ["ROOT", "det", "dobj", "punct"],
            "VERB DET NOUN PUNCT",
        ),
        "Write a note .": ([0, 2, 0, 0], ["ROOT", "det", "dobj", "punct"], "VERB DET NOUN PUNCT"),
        "Is it measles ?": (
            [0, 0, 0, 0],
            ["ROOT", "nsubj", "attr", "punct"],
            "AUX PRON NOUN PUNCT",
        ),
    }
    pipeline = spacy.blank("en")
    pipeline.add_pipe("morphologizer")
    pipeline.add_pipe("parser", config={"min_action_freq": 1})
    pipeline.add_pipe("trainable_lemmatizer", config={"min_tree_freq": 1})
    lemmas = {"diseases": "disease", "Is": "be"}
    examples = [
        Example.from_dict(
            pipeline.make_doc(text),
            {
                "heads": heads,
                "deps": deps,
                "pos": pos.split(),
                "lemmas": [lemmas.get(word, word.lower()) for word in text.split()],
            },
        )
        for text, (heads, deps, pos) in rows.items()
    ]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(80):
        pipeline.update(examples, sgd=optimizer)
    pipeline.to_disk(tmp_path / "model")
    find = parsed_by(str(tmp_path / "model"))
    assert find("List the diseases .") == ("list", "disease")
    assert find("Write a note .") == ("write", "note")
    assert find("Is it measles ?") == ("", "")
    with pytest.raises(MissingError, match="no spaCy pipeline"):
        parsed_by(str(tmp_path / "nothing"))
