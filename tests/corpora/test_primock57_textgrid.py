from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import DataError
from bioinstruct.corpora.primock57_textgrid import Interval, Tier, tiers

PATH = Path("a.TextGrid")


def grid(*said: tuple[float, float, str], size: int | None = None, name: str = "Doctor") -> str:
    """A file with one tier, in the form that Praat writes."""
    end = said[-1][1] if said else 0
    intervals = "".join(
        f"        intervals [{number}]:\n            xmin = {start} \n            xmax = {stop} \n"
        f'            text = "{text.replace(chr(34), chr(34) * 2)}" \n'
        for number, (start, stop, text) in enumerate(said, start=1)
    )
    return (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
        f"xmin = 0 \nxmax = {end} \ntiers? <exists> \nsize = 1 \nitem []: \n    item [1]:\n"
        f'        class = "IntervalTier" \n        name = "{name}" \n        xmin = 0 \n'
        f"        xmax = {end} \n        intervals: size = {size or len(said)} \n{intervals}"
    )


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"))


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_what_is_said_is_read_back_whatever_it_is(texts: list[str]) -> None:
    said = [(float(n), n + 1.0, text) for n, text in enumerate(texts)]
    [tier] = tiers(grid(*said), PATH)
    assert tier == Tier("Doctor", tuple(Interval(*one) for one in said))


def test_windows_line_ends_and_several_tiers_are_read() -> None:
    one = grid((0, 1.5, "Hello?"), (1.5, 2, ""))
    second = one[one.index("    item [1]") :].replace("item [1]", "item [2]")
    both = one.replace("\nsize = 1 ", "\nsize = 2 ") + second.replace("Doctor", "Patient")
    found = list(tiers(both.replace("\n", "\r\n"), PATH))
    assert [tier.name for tier in found] == ["Doctor", "Patient"]
    assert found[1].intervals == (Interval(0, 1.5, "Hello?"), Interval(1.5, 2, ""))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (grid((0, 2, "a"), (1, 3, "b")), 19, "expected interval 2 from 2 s on, found interval 2 f"),
        (grid((0, 2, "a"), (3, 4, "b")), 19, "from 3 s to 4 s"),
        (grid((0, 2, "a"), (2, 2, "b")), 19, "from 2 s to 2 s"),
        (grid((0, 2, "a"), size=2), 19, "expected interval 2 of 2, found ''"),
        (
            grid((0, 2, "a")).replace("[1]:\n            xmin", "[2]:\n            xmin"),
            15,
            "found i",
        ),
        (grid((0, 2, "a")) + "more", 19, "expected the end of the file"),
        (grid((0, 2, "a")).replace('"a"', '"a'), 15, "expected interval 1 of 1"),
        (grid((0, 2, "a")).replace("IntervalTier", "TextTier"), 9, "expected interval tier 1"),
        (
            grid((0, 2, "a")).replace("            xmax = 2", "            xmax = 2-"),
            15,
            "interval 1 of 1",
        ),
        (
            grid((0, 2, "a")).replace("        xmin = 0 ", "        xmin = . ", 1),
            9,
            "interval tier 1",
        ),
        ('{"note": ""}', 1, "expected the header of a TextGrid in the long text form"),
        ("", 1, "expected the header"),
    ],
)
def test_intervals_that_overlap_or_are_missing_are_named_by_line(
    text: str, line: int, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        list(tiers(text, PATH))
    assert caught.value.line == line


def test_a_file_cut_anywhere_is_refused() -> None:
    whole = grid((0, 1, "Hello there."), (1, 2, "Hi."))
    for length in range(len(whole.rstrip())):
        with pytest.raises(DataError):
            list(tiers(whole[:length], PATH))
